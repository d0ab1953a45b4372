package interop;

import org.apache.rocketmq.common.message.MessageExt;

import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Set;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/** Messages that are found again: by key, by either id, and what the trace topic tells of them. */
final class QueryChecks {
    private static final String TRACE_TOPIC = "RMQ_SYS_TRACE_TOPIC";

    static List<Check> all() {
        return List.of(
                Check.together("query-key", QueryChecks::key),
                Check.together("query-ids", QueryChecks::ids),
                Check.together("query-trace", QueryChecks::trace));
    }

    private static void key(Context context) throws Exception {
        var topic = context.topic(3);
        var producer = context.producer();
        // The index keeps whole seconds.
        long before = System.currentTimeMillis() - 1000;
        for (int i = 0; i < 12; i++) {
            var message = Sent.message(topic, "m-" + i);
            message.setKeys("order-" + i % 4 + " customer-" + i % 2);
            producer.send(message);
        }
        long after = System.currentTimeMillis() + 1;
        expectKey(topic, "order-1", before, after, Set.of("m-1", "m-5", "m-9"));
        expectKey(
                topic,
                "customer-0",
                before,
                after,
                Set.of("m-0", "m-2", "m-4", "m-6", "m-8", "m-10"));
        Expect.failsWith(
                "key that no message has",
                208,
                () -> Admins.admin().queryMessage(topic, "order-4", 32, before, after));
        Expect.failsWith(
                "key in a time before",
                208,
                () -> Admins.admin().queryMessage(topic, "order-1", 32, 0, before - 60_000));
        Expect.equal(
                "at most",
                2,
                Admins.admin()
                        .queryMessage(topic, "order-1", 2, before, after)
                        .getMessageList()
                        .size());
    }

    private static void expectKey(
            String topic, String key, long before, long after, Set<String> ids)
            throws Exception {
        Expect.eventually(
                "messages with key " + key,
                ids,
                () ->
                        Admins.admin()
                                .queryMessage(topic, key, 32, before, after)
                                .getMessageList()
                                .stream()
                                .map(Inbox::idOf)
                                .collect(Collectors.toSet()));
    }

    private static void ids(Context context) throws Exception {
        var topic = context.topic(2);
        var producer = context.producer();
        for (var message : Sent.messages(topic, "m", 6)) {
            var result = producer.send(message);
            for (var id : List.of(result.getMsgId(), result.getOffsetMsgId())) {
                Expect.eventually(
                        "body of " + id,
                        message.getKeys(),
                        () -> Inbox.idOf(Admins.admin().viewMessage(topic, id)));
                MessageExt found = Admins.admin().viewMessage(topic, id);
                Expect.equal("offset", result.getQueueOffset(), found.getQueueOffset());
                Expect.equal(
                        "queue", result.getMessageQueue().getQueueId(), found.getQueueId());
                Expect.equal("keys", message.getKeys(), found.getKeys());
            }
        }
    }

    /** Producer and consumer tell the trace topic, where the message's id finds it. */
    private static void trace(Context context) throws Exception {
        var topic = context.topic(1);
        var inbox = new Inbox();
        var consumer = context.tracingPushConsumer(context.name("g"));
        consumer.subscribe(topic, "*");
        consumer.registerMessageListener(inbox.concurrently());
        consumer.start();
        var result = context.tracingProducer().send(Sent.message(topic, "m"));
        inbox.awaitAll(Set.of("m"));
        Expect.eventually(
                "kinds of traces of " + result.getMsgId(),
                Set.of("Pub", "SubBefore", "SubAfter"),
                () ->
                        Admins.admin()
                                .queryMessage(
                                        TRACE_TOPIC, result.getMsgId(), 32, 0, Long.MAX_VALUE)
                                .getMessageList()
                                .stream()
                                .flatMap(QueryChecks::records)
                                .filter(record -> record.contains(result.getMsgId()))
                                .map(record -> record.split("\u0001")[0])
                                .collect(Collectors.toSet()));
    }

    private static Stream<String> records(MessageExt message) {
        return Stream.of(new String(message.getBody(), StandardCharsets.UTF_8).split("\u0002"));
    }

    private QueryChecks() {}
}
