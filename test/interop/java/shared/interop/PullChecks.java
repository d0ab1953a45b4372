package interop;

import org.apache.rocketmq.client.consumer.PullResult;
import org.apache.rocketmq.client.consumer.PullStatus;
import org.apache.rocketmq.common.message.MessageQueue;

import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;

/** The old pull consumer: single pulls and what each answer says. */
final class PullChecks {
    static List<Check> all() {
        return List.of(
                Check.together("pull", PullChecks::pull),
                Check.together("pull-tags", PullChecks::tags),
                Check.together("pull-edges", PullChecks::edges),
                Check.together("pull-blocks", PullChecks::blocks),
                Check.together("pull-offsets", PullChecks::offsets));
    }

    private static void pull(Context context) throws Exception {
        var topic = context.topic(3);
        var sent = Sent.sync(context.producer(), topic, "m", 120);
        var consumer = context.pullConsumer(context.name("g"));
        var inbox = new Inbox();
        var queues = consumer.fetchSubscribeMessageQueues(topic);
        Expect.equal("queues to subscribe to", 3, queues.size());
        for (var queue : queues) {
            long offset = 0;
            long max = consumer.maxOffset(queue);
            while (offset < max) {
                var result = consumer.pull(queue, "*", offset, 7);
                expect("pull at " + offset, PullStatus.FOUND, result);
                Expect.between("messages of a pull of 7", 1, 7, result.getMsgFoundList().size());
                Expect.equal("min offset", 0L, result.getMinOffset());
                Expect.equal("max offset", max, result.getMaxOffset());
                Expect.equal(
                        "next offset",
                        offset + result.getMsgFoundList().size(),
                        result.getNextBeginOffset());
                offset = result.getNextBeginOffset();
                inbox.add(result.getMsgFoundList());
            }
        }
        inbox.expectExactly(sent);
    }

    private static void tags(Context context) throws Exception {
        var topic = context.topic(1);
        var producer = context.producer();
        for (var message : Sent.messages(topic, "m", 30)) {
            message.setTags(
                    Integer.parseInt(message.getKeys().substring(2)) % 3 == 0 ? "AaAa" : "BBBB");
            producer.send(message);
        }
        var consumer = context.pullConsumer(context.name("g"));
        var queue = consumer.fetchSubscribeMessageQueues(topic).iterator().next();
        var found = consumer.pull(queue, "AaAa", 0, 32);
        expect("pull of AaAa", PullStatus.FOUND, found);
        Expect.equal("messages with AaAa", 10, found.getMsgFoundList().size());
        Expect.equal("next offset", 30L, found.getNextBeginOffset());
        var none = consumer.pull(queue, "TagC", 0, 32);
        expect("pull of TagC", PullStatus.NO_MATCHED_MSG, none);
        Expect.equal("next offset behind what did not match", 30L, none.getNextBeginOffset());
    }

    /**
     * Where there is nothing: at the end, behind it, before the beginning, and on a queue that was
     * never written.
     */
    private static void edges(Context context) throws Exception {
        var topic = context.topic(2);
        var consumer = context.pullConsumer(context.name("g"));
        var queue = new MessageQueue(topic, Admins.brokerName(), 0);
        var virgin = new MessageQueue(topic, Admins.brokerName(), 1);
        var producer = context.producer();
        for (var message : Sent.messages(topic, "m", 5)) producer.send(message, queue);

        var atEnd = consumer.pull(queue, "*", 5, 32);
        expect("pull at the end", PullStatus.NO_NEW_MSG, atEnd);
        Expect.equal("next offset at the end", 5L, atEnd.getNextBeginOffset());
        var behind = consumer.pull(queue, "*", 9, 32);
        expect("pull behind the end", PullStatus.OFFSET_ILLEGAL, behind);
        Expect.equal("next offset behind the end", 5L, behind.getNextBeginOffset());
        expect("pull of a virgin queue", PullStatus.NO_NEW_MSG, consumer.pull(virgin, "*", 0, 32));
        var far = consumer.pull(virgin, "*", 7, 32);
        expect("pull at 7 of a virgin queue", PullStatus.OFFSET_ILLEGAL, far);
        Expect.equal("next offset of a virgin queue", 0L, far.getNextBeginOffset());
        Expect.equal("max offset of a virgin queue", 0L, consumer.maxOffset(virgin));
        Expect.equal(
                "stored offset of a new group in a virgin queue",
                -1L,
                consumer.fetchConsumeOffset(virgin, true));
        Expect.equal(
                "stored offset of a new group in a young queue",
                0L,
                consumer.fetchConsumeOffset(queue, true));
    }

    /** A blocking pull at the end waits, and ends with the message that comes. */
    private static void blocks(Context context) throws Exception {
        var topic = context.topic(1);
        var producer = context.producer();
        var consumer = context.pullConsumer(context.name("g"));
        var queue = new MessageQueue(topic, Admins.brokerName(), 0);
        var pull =
                CompletableFuture.supplyAsync(
                        () -> {
                            try {
                                return consumer.pullBlockIfNotFound(queue, "*", 0, 32);
                            } catch (Exception e) {
                                throw new IllegalStateException(e);
                            }
                        });
        Thread.sleep(1000);
        Expect.that(!pull.isDone(), () -> "the pull did not wait: " + pull);
        Sent.sync(producer, topic, "m", 1);
        expect("blocking pull", PullStatus.FOUND, pull.get(Inbox.ARRIVE_SECONDS_MAX, TimeUnit.SECONDS));
    }

    private static void offsets(Context context) throws Exception {
        var topic = context.topic(1);
        Sent.sync(context.producer(), topic, "m", 10);
        var group = context.name("g");
        var consumer = context.pullConsumer(group);
        var queue = consumer.fetchSubscribeMessageQueues(topic).iterator().next();
        // The broker takes offsets of groups it knows; a pull makes this one known.
        consumer.pull(queue, "*", 0, 32);
        consumer.updateConsumeOffset(queue, 6);
        consumer.persist(queue);
        Expect.eventually(
                "offset in the broker", 6L, () -> consumer.fetchConsumeOffset(queue, true));
        consumer.shutdown();
        Expect.equal(
                "offset for another member",
                6L,
                context.pullConsumer(group).fetchConsumeOffset(queue, true));
    }

    private static void expect(String what, PullStatus status, PullResult result) {
        Expect.equal(what, status, result.getPullStatus());
    }

    private PullChecks() {}
}
