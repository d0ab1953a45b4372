package interop;

import interop.Check.Claim;

import org.apache.rocketmq.client.consumer.DefaultMQPushConsumer;
import org.apache.rocketmq.common.message.MessageConst;
import org.apache.rocketmq.common.message.MessageExt;

import java.util.ArrayList;
import java.util.List;
import java.util.stream.Collectors;
import java.util.stream.IntStream;

/** What a consumer could not handle comes again, later and later, and at last is buried. */
final class RetryChecks {
    /** The broker of these checks has levels of as many seconds; a first retry waits level 3. */
    private static final long LEVEL_MS = 1000;

    private static final int FIRST_LEVEL = 3;

    static List<Check> all() {
        return List.of(
                Check.together("retry-later", RetryChecks::later),
                Check.together("retry-level-of-consumer", RetryChecks::levelOfConsumer),
                Check.together("retry-dead-letter", RetryChecks::deadLetter),
                Check.together("retry-buried-at-once", RetryChecks::buriedAtOnce),
                Check.together("retry-exception", RetryChecks::exception),
                Check.together("retry-sent-by-client", RetryChecks::sentByClient),
                Check.together("retry-orderly", RetryChecks::orderly),
                Check.together("retry-orderly-dead-letter", RetryChecks::orderlyDeadLetter),
                Check.acrossKill("retry-over-kill", RetryChecks::overKill));
    }

    /** Two tries are not enough, and each retry waits a level longer. */
    private static void later(Context context) throws Exception {
        var topic = context.topic(2);
        var deliveries = new Deliveries();
        var consumer = context.pushConsumer(context.name("g"));
        consumer.subscribe(topic, "*");
        consumer.registerMessageListener(
                deliveries.concurrently((delivery, ignored) -> delivery.number() == 2));
        start(consumer);
        var sent = Sent.sync(context.producer(), topic, "m", 8);
        deliveries.awaitCount(3 * sent.count());
        for (var entry : sent.places().entrySet()) {
            var tries = deliveries.of(entry.getKey());
            Expect.equal("tries of " + entry.getKey(), 3, tries.size());
            for (int i = 0; i < 3; i++) {
                var message = tries.get(i).message();
                Expect.equal("counted tries", i, message.getReconsumeTimes());
                Expect.equal("topic that is shown", topic, message.getTopic());
                Expect.equal("id", entry.getValue().msgId(), message.getMsgId());
                Expect.equal("keys", entry.getKey(), message.getKeys());
            }
            for (int i = 1; i < 3; i++) expectWait(tries, i, FIRST_LEVEL + i - 1);
        }
    }

    private static void levelOfConsumer(Context context) throws Exception {
        var group = Group.of(context, 1);
        group.consume(
                context,
                4,
                (delivery, how) -> {
                    how.setDelayLevelWhenNextConsume(1);
                    return delivery.number() == 1;
                });
        group.deliveries.awaitCount(8);
        for (int i = 0; i < 4; i++) expectWait(group.deliveries.of("m-" + i), 1, 1);
    }

    /** A broker that does not find what is sent back gets it as a message, with its delay, from the client. */
    private static void sentByClient(Context context) throws Exception {
        var group = Group.of(context, 1);
        group.consume(
                context,
                4,
                (delivery, ignored) -> {
                    if (delivery.number() > 0) return true;
                    delivery.message().setCommitLogOffset(1L << 50);
                    return false;
                });
        group.deliveries.awaitCount(8);
        for (int i = 0; i < 4; i++) {
            var tries = group.deliveries.of("m-" + i);
            var again = tries.get(1).message();
            Expect.equal("counted tries", 1, again.getReconsumeTimes());
            Expect.equal("topic that is shown", group.topic, again.getTopic());
            expectWait(tries, 1, FIRST_LEVEL);
        }
    }

    private static void deadLetter(Context context) throws Exception {
        var group = Group.of(context, 1);
        group.consumer.setMaxReconsumeTimes(1);
        var sent = group.consume(context, 4, (delivery, ignored) -> false);
        group.deliveries.awaitCount(8);
        expectBuried(group, sent);
    }

    private static void buriedAtOnce(Context context) throws Exception {
        var group = Group.of(context, 1);
        var sent =
                group.consume(
                        context,
                        4,
                        (delivery, how) -> {
                            how.setDelayLevelWhenNextConsume(-1);
                            return false;
                        });
        group.deliveries.awaitCount(4);
        expectBuried(group, sent);
    }

    /** A listener that throws asks for a retry too. */
    private static void exception(Context context) throws Exception {
        var group = Group.of(context, 1);
        group.consume(
                context,
                1,
                (delivery, ignored) -> {
                    if (delivery.number() == 0) throw new IllegalStateException("not yet");
                    return true;
                });
        group.deliveries.awaitCount(2);
        expectWait(group.deliveries.of("m-0"), 1, FIRST_LEVEL);
    }

    /** What is not done stops its queue, and the order holds. */
    private static void orderly(Context context) throws Exception {
        var group = Group.of(context, 2);
        var sent = group.consumeInOrder(context, 20, (delivery, ignored) -> delivery.number() == 2);
        group.deliveries.awaitCount(3 * sent.count());
        for (int queueId : List.of(0, 1)) {
            var offsets =
                    group.deliveries.all().stream()
                            .map(Deliveries.Delivery::message)
                            .filter(message -> message.getQueueId() == queueId)
                            .map(MessageExt::getQueueOffset)
                            .toList();
            var expected =
                    IntStream.range(0, 30).mapToObj(i -> (long) (i / 3)).toList();
            Expect.equal("offsets in the order of delivery", expected, offsets);
        }
    }

    private static void orderlyDeadLetter(Context context) throws Exception {
        var group = Group.of(context, 1);
        group.consumer.setMaxReconsumeTimes(2);
        var sent =
                group.consumeInOrder(
                        context, 3, (delivery, ignored) -> !delivery.id().equals("m-1"));
        group.deliveries.awaitCount(5);
        var buried = new Sent();
        buried.add("m-1", sent.places().get("m-1"));
        expectBuried(group, buried);
    }

    /** A retry that is waiting is not lost, not early and counted. */
    private static Claim overKill(Context before) throws Exception {
        var group = Group.of(before, 1);
        group.consume(
                before,
                4,
                (delivery, how) -> {
                    how.setDelayLevelWhenNextConsume(5);
                    return delivery.number() == 1;
                });
        group.deliveries.awaitCount(4);
        return after -> {
            Expect.eventually("deliveries", true, () -> group.deliveries.all().size() >= 8);
            for (int i = 0; i < 4; i++) {
                var tries = group.deliveries.of("m-" + i);
                Expect.equal("counted tries", 1, tries.get(1).message().getReconsumeTimes());
                Expect.between(
                        "ms until the second try",
                        5 * LEVEL_MS,
                        Long.MAX_VALUE,
                        tries.get(1).atMs() - tries.get(0).atMs());
            }
        };
    }

    /** A group of one consumer, its topic, and what it was handed. */
    private record Group(String topic, Deliveries deliveries, DefaultMQPushConsumer consumer) {
        /** Its retry topic is there already: clients look for a new one only every 20 s. */
        static Group of(Context context, int queues) throws Exception {
            var topic = context.topic(queues);
            var consumer = context.pushConsumer(context.name("g"));
            Admins.createTopic("%RETRY%" + consumer.getConsumerGroup(), 1);
            consumer.subscribe(topic, "*");
            return new Group(topic, new Deliveries(), consumer);
        }

        /** Starts to consume, and then sends so many messages. */
        Sent consume(Context context, int count, Deliveries.Concurrently taker) throws Exception {
            consumer.registerMessageListener(deliveries.concurrently(taker));
            start(consumer);
            return Sent.sync(context.producer(), topic, "m", count);
        }

        /** Sends so many messages, and then starts to consume them in order. */
        Sent consumeInOrder(Context context, int count, Deliveries.Orderly taker) throws Exception {
            var sent = Sent.sync(context.producer(), topic, "m", count);
            consumer.setSuspendCurrentQueueTimeMillis(100);
            consumer.registerMessageListener(deliveries.orderly(taker));
            start(consumer);
            return sent;
        }
    }

    /** Starts it, and waits until it has its retry topic too, for which it would look in 20 s only. */
    static void start(DefaultMQPushConsumer consumer) throws Exception {
        consumer.start();
        var retryTopic = "%RETRY%" + consumer.getConsumerGroup();
        Expect.eventually(
                "queues of " + retryTopic,
                1,
                () -> {
                    consumer.getDefaultMQPushConsumerImpl().getmQClientFactory().rebalanceImmediately();
                    return PushChecks.queueIds(consumer, retryTopic).size();
                });
    }

    /** The try with this number came after the level's time, and not long after it. */
    private static void expectWait(List<Deliveries.Delivery> tries, int number, int level) {
        long waitMs = tries.get(number).atMs() - tries.get(number - 1).atMs();
        Expect.between(
                "ms until try " + number,
                level * LEVEL_MS,
                level * LEVEL_MS + DelayChecks.LATE_MS_MAX,
                waitMs);
    }

    /** The group's dead letters are these messages, and say where they come from. */
    private static void expectBuried(Group group, Sent sent) throws Exception {
        var dead = "%DLQ%" + group.consumer.getConsumerGroup();
        Expect.eventually(
                "dead letters", (long) sent.count(), () -> Admins.stored(dead));
        // Tools have to let the topic be read where it may only be written.
        Admins.createTopic(dead, 1);
        var letters = new ArrayList<>(Drain.topic(dead).messages());
        Expect.equal(
                "ids",
                sent.places().keySet(),
                letters.stream().map(Inbox::idOf).collect(Collectors.toSet()));
        Expect.equal("letters", sent.count(), letters.size());
        for (var letter : letters) {
            Expect.equal(
                    "origin of " + letter,
                    group.topic,
                    letter.getProperty(MessageConst.PROPERTY_RETRY_TOPIC));
            var id = sent.places().get(Inbox.idOf(letter)).msgId();
            Expect.equal("id of " + letter, id, letter.getMsgId());
        }
    }

    private RetryChecks() {}
}
