package interop;

import org.apache.rocketmq.client.consumer.DefaultMQPushConsumer;

import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.stream.Collectors;
import java.util.stream.IntStream;

/** Members of a group share the queues, and when one goes the others take over what it had. */
final class RebalanceChecks {
    /**
     * A client looks by itself 20 s after it has looked; the checks change a group soon after that,
     * so sooner than this it was told by the broker.
     */
    private static final int TOLD_SECONDS_MAX = 17;

    static List<Check> all() {
        return List.of(
                Check.together("rebalance-two", RebalanceChecks::two),
                Check.together("rebalance-orderly", RebalanceChecks::orderly),
                Check.together("rebalance-three-one-killed", RebalanceChecks::threeOneKilled));
    }

    /** A second member comes and goes. */
    private static void two(Context context) throws Exception {
        var topic = context.topic(8);
        var group = context.name("g");
        var producer = context.producer();
        var inbox = new Inbox();
        var a = PushChecks.start(context, topic, "*", group, inbox);
        expectShares(topic, 8, List.of(8), List.of(a), Expect.SECONDS_MAX);
        var b = PushChecks.start(context, topic, "*", group, inbox);
        expectShares(topic, 8, List.of(4, 4), List.of(a, b));
        var sent = toEveryQueue(context, topic, 8, "two");
        inbox.expectExactly(sent);
        b.shutdown();
        expectShares(topic, 8, List.of(8), List.of(a));
        var after = Sent.sync(producer, topic, "one", 40);
        Expect.equal("queues written", 8, after.countByQueue().size());
        inbox.awaitAll(after.places().keySet());
    }

    /**
     * Order holds while a second member takes over half of the queues and gives them back. A member
     * that was told before the other had unlocked its queues asks again after 20 s.
     */
    private static void orderly(Context context) throws Exception {
        var topic = context.topic(4);
        var group = context.name("g");
        var producer = context.producer();
        var inbox = new Inbox();
        var a = orderlyMember(context, topic, group, inbox);
        expectShares(topic, 4, List.of(4), List.of(a), Expect.SECONDS_MAX);
        var sent = new Sent();
        sent.addAll(toEveryQueue(context, topic, 4, "one"));
        var b = orderlyMember(context, topic, group, inbox);
        sent.addAll(toEveryQueue(context, topic, 4, "joining"));
        expectShares(topic, 4, List.of(2, 2), List.of(a, b), Expect.SECONDS_MAX);
        sent.addAll(toEveryQueue(context, topic, 4, "two"));
        inbox.awaitAll(sent.places().keySet());
        b.shutdown();
        sent.addAll(Sent.sync(producer, topic, "leaving", 20));
        expectShares(topic, 4, List.of(4), List.of(a), Expect.SECONDS_MAX);
        inbox.awaitAll(sent.places().keySet());
        inbox.expectOrderInQueues();
    }

    private static DefaultMQPushConsumer orderlyMember(
            Context context, String topic, String group, Inbox inbox) throws Exception {
        var consumer = context.pushConsumer(group);
        consumer.subscribe(topic, "*");
        consumer.registerMessageListener(inbox.orderly());
        consumer.start();
        return consumer;
    }

    /** The third member is another process, and dies by kill -9 while messages flow. */
    private static void threeOneKilled(Context context) throws Exception {
        var topic = context.topic(9);
        var group = context.name("g");
        var producer = context.producer();
        var inbox = new Inbox();
        var a = PushChecks.start(context, topic, "*", group, inbox);
        var b = PushChecks.start(context, topic, "*", group, inbox);
        try (var c = Worker.start(topic, group)) {
            c.awaitQueues(3); // on a busy machine a fresh JVM takes its time
            expectShares(topic, 6, List.of(3, 3), List.of(a, b));
            var sent = new Sent();
            for (var message : Sent.messages(topic, "m", 600)) {
                sent.add(message, producer.send(message));
                if (sent.count() == 300) {
                    Expect.eventually(
                            "the third member has messages", true, () -> !c.ids().isEmpty());
                    c.kill();
                }
                Thread.sleep(3);
            }
            expectShares(topic, 9, List.of(4, 5), List.of(a, b));
            // What the killed member had consumed but not committed comes again; nothing may be
            // missing.
            var missing =
                    sent.places().keySet().stream()
                            .filter(id -> !c.ids().contains(id))
                            .collect(Collectors.toSet());
            inbox.awaitAll(missing);
            var ownQueues = inbox.byQueue().keySet();
            Expect.equal("queues consumed by the survivors", 9, ownQueues.size());
        }
    }

    private static Sent toEveryQueue(Context context, String topic, int queueCount, String stem)
            throws Exception {
        var producer = context.producer();
        var sent = new Sent();
        for (int queueId = 0; queueId < queueCount; queueId++) {
            for (var message : Sent.messages(topic, stem + queueId, 10)) {
                sent.add(
                        message,
                        producer.send(
                                message, (queues, each, id) -> queues.get((Integer) id), queueId));
            }
        }
        return sent;
    }

    /**
     * Soon the members have so many queues each, no queue is in two hands, and together they have
     * {@code count}.
     */
    private static void expectShares(
            String topic, int count, List<Integer> shares, List<DefaultMQPushConsumer> members)
            throws Exception {
        expectShares(topic, count, shares, members, TOLD_SECONDS_MAX);
    }

    private static void expectShares(
            String topic,
            int count,
            List<Integer> shares,
            List<DefaultMQPushConsumer> members,
            int secondsMax)
            throws Exception {
        Expect.eventually(
                "queues of each member",
                shares,
                secondsMax,
                () ->
                        members.stream()
                                .map(member -> PushChecks.queueIds(member, topic).size())
                                .sorted()
                                .toList());
        var ids = new ArrayList<Integer>();
        for (var member : members) ids.addAll(PushChecks.queueIds(member, topic));
        Expect.equal("queues of all members", count, Set.copyOf(ids).size());
        if (count == Admins.queues(topic).size()) {
            var all = IntStream.range(0, count).boxed().collect(Collectors.toSet());
            Expect.equal("queue ids of all members", all, Set.copyOf(ids));
        }
    }

    private RebalanceChecks() {}
}
