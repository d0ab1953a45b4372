package interop;

import org.apache.rocketmq.client.consumer.DefaultMQPushConsumer;
import org.apache.rocketmq.client.consumer.listener.ConsumeConcurrentlyStatus;
import org.apache.rocketmq.client.consumer.listener.ConsumeOrderlyStatus;
import org.apache.rocketmq.client.consumer.listener.MessageListenerConcurrently;
import org.apache.rocketmq.client.consumer.listener.MessageListenerOrderly;
import org.apache.rocketmq.common.message.MessageExt;
import org.apache.rocketmq.common.message.MessageRequestMode;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CountDownLatch;

/**
 * The push consumer that pops: the broker says which queues it has, hands the messages out one by
 * one and takes the acknowledgements.
 */
final class PopChecks {
    private static final long ANSWER_MS_MAX = 10_000;
    private static final int RETRY_COUNT_MAX = 16;

    /** The least that the client takes, and enough for a broker that is killed in between. */
    private static final long INVISIBLE_MS = 10_000;

    private static final long LONG_INVISIBLE_MS = 25_000;

    /** How long the offsets of pops may still be taken back by a kill. */
    private static final long OFFSETS_SAFE_MS = Long.getLong("interop.offsetsSafeMs");

    /** First step of the client's own delays for what could not be consumed. */
    private static final long FIRST_RETRY_MS = 10_000;

    /** The real broker looks for what is due only now and then. */
    private static final long LATE_MS_MAX = 30_000;

    /**
     * The code of a pop does not fit the binary headers of the clients, and the real broker does
     * not know what is left of it.
     */
    private static final boolean ARE_KNOWN =
            !"ROCKETMQ".equals(System.getProperty("rocketmq.serialize.type"))
                    || Boolean.getBoolean("interop.popsInBinary");

    static List<Check> all() {
        if (!ARE_KNOWN) return List.of();
        return List.of(
                Check.together("pop-retry", PopChecks::retry),
                Check.together("pop-held-by-the-gone", PopChecks::heldByTheGone),
                Check.together("pop-concurrent", PopChecks::concurrent),
                Check.together("pop-shared", PopChecks::shared),
                Check.together("pop-tags", PopChecks::tags),
                Check.together("pop-at-once", PopChecks::atOnce),
                Check.together("pop-orderly", PopChecks::orderly),
                Check.acrossRestart("pop-mode-kept", PopChecks::modeKept),
                Check.acrossKill("pop-held-over-a-kill", PopChecks::heldOverAKill));
    }

    private static void concurrent(Context context) throws Exception {
        var topic = context.topic(4);
        var sent = Sent.sync(context.producer(), topic, "m", 200);
        var inbox = new Inbox();
        var consumer = popping(context, topic, "*");
        consumer.registerMessageListener(inbox.concurrently());
        consumer.start();
        inbox.expectExactly(sent);
        expectPops(consumer);
    }

    /**
     * Two consumers of a group pop from the same queues; each message goes to one. Neither is done
     * with a message before both have one, and a client does not pop on and on from a queue while it
     * holds a hundred of its messages: so the faster one cannot have them all.
     */
    private static void shared(Context context) throws Exception {
        var topic = context.topic(2);
        var both = new Inbox();
        var served = ConcurrentHashMap.<String>newKeySet();
        var bothServed = new CompletableFuture<Void>();
        for (var name : List.of("one", "other")) {
            var consumer = popping(context, topic, "*");
            consumer.setPopBatchNums(4);
            consumer.registerMessageListener(
                    (MessageListenerConcurrently)
                            (batch, ignored) -> {
                                served.add(name);
                                both.add(batch);
                                bothServed.join();
                                return ConsumeConcurrentlyStatus.CONSUME_SUCCESS;
                            });
            consumer.start();
            expectPops(consumer);
        }
        var sent = Sent.sync(context.producer(), topic, "m", 300);
        try {
            Expect.eventually(
                    "consumers that got something",
                    Set.of("one", "other"),
                    () -> Set.copyOf(served));
        } finally {
            bothServed.complete(null);
        }
        both.expectExactly(sent);
    }

    private static void tags(Context context) throws Exception {
        var topic = context.topic(2);
        var producer = context.producer();
        var wanted = new Sent();
        for (var tag : List.of("TagA", "TagB")) {
            for (var message : Sent.messages(topic, tag, 20)) {
                message.setTags(tag);
                var result = producer.send(message);
                if (tag.equals("TagB")) wanted.add(message, result);
            }
        }
        var inbox = new Inbox();
        var consumer = popping(context, topic, "TagB");
        consumer.registerMessageListener(inbox.concurrently());
        consumer.start();
        inbox.expectExactly(wanted);
    }

    /** A pop that waits is woken by the message. */
    private static void atOnce(Context context) throws Exception {
        var topic = context.topic(2);
        var inbox = new Inbox();
        var consumer = popping(context, topic, "*");
        consumer.registerMessageListener(inbox.concurrently());
        consumer.start();
        expectPops(consumer);
        var producer = context.producer();
        var tookMs = new ArrayList<Long>();
        for (int i = 0; i < 5; i++) {
            Thread.sleep(300);
            long began = System.nanoTime();
            var sent = Sent.sync(producer, topic, "m" + i, 1);
            inbox.awaitAll(sent.places().keySet());
            tookMs.add((System.nanoTime() - began) / 1_000_000);
        }
        Expect.mostlyWithin("ms to arrive", 1500, tookMs);
    }

    /** What could not be consumed comes again when the client has said, and is counted. */
    private static void retry(Context context) throws Exception {
        var topic = context.topic(2);
        var first = new ConcurrentHashMap<String, Long>();
        var again = new ConcurrentHashMap<String, Long>();
        var counts = new ConcurrentHashMap<String, Integer>();
        var topics = ConcurrentHashMap.<String>newKeySet();
        var inbox = new Inbox();
        var consumer = popping(context, topic, "*");
        consumer.registerMessageListener(
                (MessageListenerConcurrently)
                        (batch, ignored) -> {
                            var id = Inbox.idOf(batch.get(0));
                            topics.add(batch.get(0).getTopic());
                            if (first.putIfAbsent(id, System.currentTimeMillis()) == null)
                                return ConsumeConcurrentlyStatus.RECONSUME_LATER;
                            again.put(id, System.currentTimeMillis());
                            counts.put(id, batch.get(0).getReconsumeTimes());
                            inbox.add(batch);
                            return ConsumeConcurrentlyStatus.CONSUME_SUCCESS;
                        });
        consumer.start();
        var sent = Sent.sync(context.producer(), topic, "m", 10);
        inbox.awaitAll(sent.places().keySet());
        Expect.equal("topics that were shown", Set.of(topic), topics);
        Expect.equal("counts of deliveries before", Set.of(1), Set.copyOf(counts.values()));
        for (var id : again.keySet())
            Expect.between(
                    "ms until " + id + " came again",
                    FIRST_RETRY_MS - 100,
                    FIRST_RETRY_MS + LATE_MS_MAX,
                    again.get(id) - first.get(id));
        inbox.expectNoOther(unplaced(sent));
    }

    /** What a consumer holds that is gone comes to another, after its time and not before. */
    private static void heldByTheGone(Context context) throws Exception {
        var topic = context.topic(1);
        var sent = Sent.sync(context.producer(), topic, "m", 8);
        var holding = hold(context, topic, sent, INVISIBLE_MS);
        var inbox = new Inbox();
        var other = popping(context, topic, "*");
        other.registerMessageListener(inbox.concurrently());
        other.start();
        inbox.awaitAll(sent.places().keySet());
        expectAfter(INVISIBLE_MS, holding, inbox);
    }

    private static Check.Claim heldOverAKill(Context context) throws Exception {
        var topic = context.topic(1);
        var sent = Sent.sync(context.producer(), topic, "m", 8);
        var holding = hold(context, topic, sent, LONG_INVISIBLE_MS);
        Thread.sleep(OFFSETS_SAFE_MS);
        return after -> {
            var inbox = new Inbox();
            var other = popping(after, topic, "*");
            other.registerMessageListener(inbox.concurrently());
            other.start();
            inbox.awaitAll(sent.places().keySet());
            expectAfter(LONG_INVISIBLE_MS, holding, inbox);
        };
    }

    private static Check.Claim modeKept(Context context) throws Exception {
        var topic = context.topic(2);
        var group = context.name("g");
        setPop(topic, group);
        return after -> {
            var inbox = new Inbox();
            var consumer = consumerOf(after, topic, group, "*");
            consumer.registerMessageListener(inbox.concurrently());
            consumer.start();
            expectPops(consumer);
            inbox.expectExactly(Sent.sync(after.producer(), topic, "m", 20));
        };
    }

    /** In the order of each queue. */
    private static void orderly(Context context) throws Exception {
        var topic = context.topic(2);
        var sent = Sent.sync(context.producer(), topic, "m", 60);
        var inbox = new Inbox();
        var consumer = popping(context, topic, "*");
        consumer.registerMessageListener(
                (MessageListenerOrderly)
                        (batch, ignored) -> {
                            inbox.add(batch);
                            return ConsumeOrderlyStatus.SUCCESS;
                        });
        consumer.start();
        inbox.awaitAll(sent.places().keySet());
        inbox.expectOrderInQueues();
    }

    /** When a consumer, which then goes away, was given each message that it holds, by id. */
    private static Map<String, Long> hold(
            Context context, String topic, Sent sent, long invisibleMs) throws Exception {
        var held = new ConcurrentHashMap<String, Long>();
        var all = new CountDownLatch(sent.places().size());
        var consumer = popping(context, topic, "*");
        consumer.setPopInvisibleTime(invisibleMs);
        consumer.setConsumeThreadMin(16);
        consumer.setConsumeThreadMax(16);
        var never = new CountDownLatch(1);
        consumer.registerMessageListener(
                (MessageListenerConcurrently)
                        (batch, ignored) -> {
                            for (var message : batch) {
                                held.putIfAbsent(Inbox.idOf(message), popMs(message));
                                all.countDown();
                            }
                            try {
                                never.await();
                            } catch (InterruptedException e) {
                                Thread.currentThread().interrupt();
                            }
                            return null;
                        });
        consumer.start();
        all.await();
        // It takes no more messages and sends no word of those it has.
        consumer.setAwaitTerminationMillisWhenShutdown(0);
        consumer.shutdown();
        return Map.copyOf(held);
    }

    private static void expectAfter(
            long invisibleMs, Map<String, Long> holding, Inbox inbox) {
        for (var message : inbox.messages()) {
            var id = Inbox.idOf(message);
            Expect.between(
                    "ms between two deliveries of " + id,
                    invisibleMs - 100,
                    invisibleMs + LATE_MS_MAX + 30_000,
                    popMs(message) - holding.get(id));
            Expect.equal("deliveries before of " + id, 1, message.getReconsumeTimes());
        }
        Expect.equal("deliveries to the other", holding.size(), inbox.messages().size());
    }

    /** When the broker handed a message out, by its own clock. */
    private static long popMs(MessageExt message) {
        return Long.parseLong(message.getProperty("POP_CK").split(" ")[1]);
    }

    private static DefaultMQPushConsumer popping(Context context, String topic, String expression)
            throws Exception {
        var group = context.name("g");
        setPop(topic, group);
        return consumerOf(context, topic, group, expression);
    }

    private static DefaultMQPushConsumer consumerOf(
            Context context, String topic, String group, String expression) throws Exception {
        var consumer = context.pushConsumer(group);
        consumer.setClientRebalance(false);
        consumer.subscribe(topic, expression);
        return consumer;
    }

    private static void setPop(String topic, String group) throws Exception {
        var admin = Admins.admin();
        var broker = Admins.broker();
        admin.createAndUpdateSubscriptionGroupConfig(broker, Versions.group(group, RETRY_COUNT_MAX));
        admin.setMessageRequestMode(
                broker, topic, group, MessageRequestMode.POP, 0, ANSWER_MS_MAX);
    }

    /** The consumer has been told to pop, and does. */
    private static void expectPops(DefaultMQPushConsumer consumer) throws InterruptedException {
        Expect.eventually(
                "a consumer that pops",
                true,
                () ->
                        !consumer.getDefaultMQPushConsumerImpl()
                                .getRebalanceImpl()
                                .getPopProcessQueueTable()
                                .isEmpty());
    }

    /** What was sent, wherever it is given from: what comes again comes from a retry topic. */
    private static Sent unplaced(Sent sent) {
        var unplaced = new Sent();
        for (var id : sent.places().keySet()) unplaced.add(id, new Sent.Place(-1, -1, null));
        return unplaced;
    }

    private PopChecks() {}
}
