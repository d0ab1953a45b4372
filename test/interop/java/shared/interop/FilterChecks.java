package interop;

import org.apache.rocketmq.client.consumer.DefaultMQPullConsumer;
import org.apache.rocketmq.client.consumer.MessageSelector;
import org.apache.rocketmq.client.consumer.PullStatus;
import org.apache.rocketmq.common.message.MessageQueue;

import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeSet;
import java.util.function.IntPredicate;
import java.util.stream.Collectors;
import java.util.stream.IntStream;

/** Consumers that choose by SQL92 over properties. */
final class FilterChecks {
    private static final int COUNT = 40;

    static List<Check> all() {
        return List.of(
                Check.together("filter-push", FilterChecks::push),
                Check.together("filter-pull", FilterChecks::pull));
    }

    /** Message i has a number i, the parity as a text, and every third one a mark. */
    private static final Map<String, IntPredicate> EXPRESSIONS =
            Map.of(
                    "number >= 10 AND number < 20", i -> i >= 10 && i < 20,
                    "number BETWEEN 5 AND 7", i -> i >= 5 && i <= 7,
                    "parity = 'even' AND number > 30", i -> i % 2 == 0 && i > 30,
                    "parity IN ('odd', 'other')", i -> i % 2 == 1,
                    "mark IS NULL", i -> i % 3 != 0,
                    "mark IS NOT NULL AND NOT (parity = 'odd')", i -> i % 6 == 0,
                    "TAGS = 'TagA' OR number = 1", i -> i % 4 == 0 || i == 1,
                    "absent = 'x'", i -> false);

    private static Sent send(Context context, String topic) throws Exception {
        var sent = new Sent();
        var producer = context.producer();
        for (int i = 0; i < COUNT; i++) {
            var message = Sent.message(topic, "m-" + i);
            message.setTags(i % 4 == 0 ? "TagA" : "TagB");
            message.putUserProperty("number", Integer.toString(i));
            message.putUserProperty("parity", i % 2 == 0 ? "even" : "odd");
            if (i % 3 == 0) message.putUserProperty("mark", "yes");
            sent.add(message, producer.send(message));
        }
        sent.awaitVisible(topic);
        return sent;
    }

    private static void push(Context context) throws Exception {
        var topic = context.topic(2);
        var sent = send(context, topic);
        var inboxes = new HashMap<String, Inbox>();
        for (var expression : EXPRESSIONS.keySet()) {
            var inbox = new Inbox();
            var consumer = context.pushConsumer(context.name("g" + inboxes.size()));
            consumer.subscribe(topic, MessageSelector.bySql(expression));
            consumer.registerMessageListener(inbox.concurrently());
            consumer.start();
            inboxes.put(expression, inbox);
        }
        for (var expression : EXPRESSIONS.keySet()) {
            var wanted = new Sent();
            IntStream.range(0, COUNT)
                    .filter(EXPRESSIONS.get(expression))
                    .mapToObj(i -> "m-" + i)
                    .forEach(id -> wanted.add(id, sent.places().get(id)));
            try {
                inboxes.get(expression).expectExactly(wanted);
            } catch (AssertionError e) {
                throw new AssertionError(expression + ": " + e.getMessage());
            }
        }
    }

    private static void pull(Context context) throws Exception {
        var topic = context.topic(1);
        send(context, topic);
        var queue = new MessageQueue(topic, Admins.brokerName(), 0);
        var consumer = pullConsumer(context, queue);
        var found = new TreeSet<String>();
        long offset = 0;
        while (offset < COUNT) {
            var selector = MessageSelector.bySql("number > 35 OR parity = 'even'");
            var result = consumer.pull(queue, selector, offset, 8);
            if (result.getPullStatus() == PullStatus.FOUND)
                result.getMsgFoundList().forEach(message -> found.add(Inbox.idOf(message)));
            Expect.that(
                    result.getNextBeginOffset() > 0, () -> "pull went nowhere: " + result);
            offset = result.getNextBeginOffset();
        }
        var wanted =
                IntStream.range(0, COUNT)
                        .filter(i -> i > 35 || i % 2 == 0)
                        .mapToObj(i -> "m-" + i)
                        .collect(Collectors.toCollection(TreeSet::new));
        Expect.equal("found", wanted, found);
    }

    /** A client asks for SQL92 once a heartbeat has told it the version of the broker. */
    private static DefaultMQPullConsumer pullConsumer(Context context, MessageQueue queue)
            throws Exception {
        var consumer = context.pullConsumer(context.name("g"));
        consumer.fetchSubscribeMessageQueues(queue.getTopic());
        Expect.eventually(
                "a pull by SQL92",
                true,
                () -> consumer.pull(queue, MessageSelector.bySql("TRUE"), 0, 1) != null);
        return consumer;
    }

    private FilterChecks() {}
}
