package interop;

import org.apache.rocketmq.client.consumer.DefaultLitePullConsumer;
import org.apache.rocketmq.common.message.MessageExt;
import org.apache.rocketmq.common.message.MessageQueue;

import java.util.ArrayList;
import java.util.Collection;
import java.util.Comparator;
import java.util.List;
import java.util.Set;

/** The lite pull consumer, subscribed as a member of a group or assigned by hand. */
final class LitePullChecks {
    private static final int POLL_SECONDS_MAX = Inbox.ARRIVE_SECONDS_MAX;

    static List<Check> all() {
        return List.of(
                Check.together("lite-subscribe", LitePullChecks::subscribe),
                Check.together("lite-tags", LitePullChecks::tags),
                Check.together("lite-commit", LitePullChecks::commit),
                Check.together("lite-assign-seek", LitePullChecks::assignSeek),
                Check.together("lite-two-members", LitePullChecks::twoMembers));
    }

    private static void subscribe(Context context) throws Exception {
        var topic = context.topic(4);
        var consumer = context.litePullConsumer(context.name("g"));
        consumer.subscribe(topic, "*");
        consumer.start();
        var sent = Sent.sync(context.producer(), topic, "m", 80);
        var inbox = new Inbox();
        pollUntil(consumer, inbox, sent.count());
        inbox.add(consumer.poll(500));
        inbox.expectExactly(sent);
    }

    private static void tags(Context context) throws Exception {
        var topic = context.topic(2);
        var producer = context.producer();
        var sent = new Sent();
        for (var message : Sent.messages(topic, "m", 40)) {
            boolean odd = Integer.parseInt(message.getKeys().substring(2)) % 2 == 1;
            message.setTags(odd ? "odd" : "even");
            var result = producer.send(message);
            if (odd) sent.add(message, result);
        }
        var consumer = context.litePullConsumer(context.name("g"));
        consumer.subscribe(topic, "odd || other");
        consumer.start();
        var inbox = new Inbox();
        pollUntil(consumer, inbox, 20);
        inbox.add(consumer.poll(500));
        inbox.expectExactly(sent);
    }

    /** What was committed is not polled again by the group, and what was not committed is. */
    private static void commit(Context context) throws Exception {
        var topic = context.topic(1);
        var group = context.name("g");
        var producer = context.producer();
        var first = Sent.sync(producer, topic, "first", 10);
        var queue = new MessageQueue(topic, Admins.brokerName(), 0);
        var consumer = byHand(context, topic, group);
        var inbox = new Inbox();
        pollUntil(consumer, inbox, 10);
        inbox.expectExactly(first);
        consumer.poll(10); // what an earlier poll gave out counts as consumed
        consumer.commitSync();
        Expect.equal("committed offset", 10L, consumer.committed(queue));
        Expect.eventually("messages that are not committed", 0L, () -> Admins.lag(group, topic));
        var second = Sent.sync(producer, topic, "second", 5);
        var inboxSecond = new Inbox();
        pollUntil(consumer, inboxSecond, 5);
        consumer.shutdown();

        var next = byHand(context, topic, group);
        Expect.equal("committed offset for the next member", 10L, next.committed(queue));
        var inboxNext = new Inbox();
        pollUntil(next, inboxNext, 5);
        inboxNext.expectExactly(second);
    }

    private static DefaultLitePullConsumer byHand(Context context, String topic, String group)
            throws Exception {
        var consumer = context.litePullConsumer(group);
        consumer.setAutoCommit(false);
        consumer.subscribe(topic, "*");
        consumer.start();
        return consumer;
    }

    private static void assignSeek(Context context) throws Exception {
        var topic = context.topic(3);
        var producer = context.producer();
        var early = Sent.sync(producer, topic, "early", 30).countByQueue();
        Thread.sleep(50);
        long between = System.currentTimeMillis();
        Thread.sleep(50);
        var later = Sent.sync(producer, topic, "late", 30).countByQueue();

        var consumer = context.litePullConsumer(context.name("g"));
        consumer.start();
        var queues = sorted(consumer.fetchMessageQueues(topic));
        Expect.equal("queues", 3, queues.size());
        var two = queues.subList(0, 2);
        consumer.assign(two);
        for (var queue : two) consumer.seekToBegin(queue);
        var inbox = new Inbox();
        pollUntil(consumer, inbox, (int) (60 - early.get(2) - later.get(2)));
        inbox.add(consumer.poll(500));
        Expect.equal("queues that were polled", Set.of(0, 1), inbox.byQueue().keySet());

        var queue = two.get(0);
        expectNext("after seek to 7", 7, queue, consumer, () -> consumer.seek(queue, 7));
        expectNext(
                "after seek to the beginning",
                0,
                queue,
                consumer,
                () -> consumer.seekToBegin(queue));
        long late = consumer.offsetForTimestamp(queue, between);
        Expect.equal("offset by time", early.get(queue.getQueueId()), late);
        expectNext("after seek by time", late, queue, consumer, () -> consumer.seek(queue, late));
        consumer.seekToEnd(queue);
        consumer.poll(200);
        consumer.poll(200);
        var message = Sent.message(topic, "last");
        var result = producer.send(message, queue);
        expectNext("after seek to the end", result.getQueueOffset(), queue, consumer, () -> {});
    }

    private static void expectNext(
            String what,
            long offset,
            MessageQueue queue,
            DefaultLitePullConsumer consumer,
            Expect.Action seek)
            throws Exception {
        seek.run();
        Expect.eventually(
                "offset " + what,
                offset,
                () ->
                        consumer.poll(500).stream()
                                .filter(message -> message.getQueueId() == queue.getQueueId())
                                .map(MessageExt::getQueueOffset)
                                .min(Comparator.naturalOrder())
                                .orElse(-1L));
    }

    /** Two members share the queues, and together they poll everything once. */
    private static void twoMembers(Context context) throws Exception {
        var topic = context.topic(4);
        var members = new ArrayList<DefaultLitePullConsumer>();
        for (int i = 0; i < 2; i++) {
            var consumer = context.litePullConsumer(context.name("g"));
            consumer.subscribe(topic, "*");
            consumer.start();
            members.add(consumer);
        }
        for (var member : members) {
            Expect.eventually("queues of a member", 2, () -> member.assignment().size());
        }
        var sent = Sent.sync(context.producer(), topic, "m", 60);
        var inbox = new Inbox();
        long deadline = System.nanoTime() + POLL_SECONDS_MAX * 1_000_000_000L;
        while (inbox.ids().size() < 60 && System.nanoTime() < deadline) {
            for (var member : members) inbox.add(member.poll(100));
        }
        inbox.expectExactly(sent);
    }

    private static void pollUntil(DefaultLitePullConsumer consumer, Inbox inbox, int count) {
        long deadline = System.nanoTime() + POLL_SECONDS_MAX * 1_000_000_000L;
        while (inbox.messages().size() < count) {
            Expect.that(
                    System.nanoTime() < deadline,
                    () ->
                            "polled "
                                    + inbox.messages().size()
                                    + " messages instead of "
                                    + count
                                    + " in "
                                    + POLL_SECONDS_MAX
                                    + " s");
            inbox.add(consumer.poll(500));
        }
    }

    private static List<MessageQueue> sorted(Collection<MessageQueue> queues) {
        return queues.stream().sorted().toList();
    }

    private LitePullChecks() {}
}
