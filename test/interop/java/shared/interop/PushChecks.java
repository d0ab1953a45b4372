package interop;

import org.apache.rocketmq.client.consumer.DefaultMQPushConsumer;
import org.apache.rocketmq.client.consumer.listener.ConsumeConcurrentlyStatus;
import org.apache.rocketmq.client.consumer.listener.ConsumeOrderlyStatus;
import org.apache.rocketmq.client.consumer.listener.MessageListenerConcurrently;
import org.apache.rocketmq.client.consumer.listener.MessageListenerOrderly;
import org.apache.rocketmq.common.consumer.ConsumeFromWhere;

import java.util.ArrayList;
import java.util.Collections;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.stream.Collectors;

/**
 * The push consumer: everything once, in order where order was asked for, only what was subscribed,
 * and at once.
 */
final class PushChecks {
    /**
     * Without being woken a held pull looks again every 5 s: messages that come all the time would
     * wait longer than this more often than not.
     */
    private static final long AT_ONCE_MS = 1500;

    static List<Check> all() {
        return List.of(
                Check.together("push-more-queues", PushChecks::moreQueues),
                Check.together("push-concurrent", PushChecks::concurrent),
                Check.together("push-batches", PushChecks::batches),
                Check.together("push-orderly", PushChecks::orderly),
                Check.together("push-tags", PushChecks::tags),
                Check.together("push-at-once", PushChecks::atOnce),
                Check.together("push-new-topic", PushChecks::newTopic),
                Check.together("push-two-topics", PushChecks::twoTopics),
                Check.together("push-two-groups", PushChecks::twoGroups),
                Check.together("push-resume", PushChecks::resume),
                Check.together("push-from-where-young", PushChecks::fromWhereYoung));
    }

    private static void concurrent(Context context) throws Exception {
        var topic = context.topic(4);
        var sent = Sent.sync(context.producer(), topic, "m", 200);
        Expect.equal("queues used", 4, sent.countByQueue().size());
        var inbox = new Inbox();
        start(context, topic, "*", context.name("g"), inbox);
        inbox.expectExactly(sent);
    }

    /** Big pulls handed over in big batches. */
    private static void batches(Context context) throws Exception {
        var topic = context.topic(2);
        var producer = context.producer();
        var sent = new Sent();
        for (int round = 0; round < 10; round++) {
            var messages = Sent.messages(topic, "b" + round, 100);
            sent.addBatch(messages, producer.send(messages));
        }
        var inbox = new Inbox();
        Set<Integer> sizes = ConcurrentHashMap.newKeySet();
        var consumer = context.pushConsumer(context.name("g"));
        consumer.setPullBatchSize(32);
        consumer.setConsumeMessageBatchMaxSize(32);
        consumer.subscribe(topic, "*");
        consumer.registerMessageListener(
                (MessageListenerConcurrently)
                        (batch, ignored) -> {
                            sizes.add(batch.size());
                            inbox.add(batch);
                            return ConsumeConcurrentlyStatus.CONSUME_SUCCESS;
                        });
        consumer.start();
        inbox.expectExactly(sent);
        Expect.that(
                Collections.max(sizes) > 1, () -> "no batch held more than one message: " + sizes);
    }

    /** Each queue in the order in which it was written, and never in two hands. */
    private static void orderly(Context context) throws Exception {
        var topic = context.topic(8);
        var producer = context.producer();
        var sent = new Sent();
        for (var message : Sent.messages(topic, "m", 320)) {
            int number = Integer.parseInt(message.getKeys().substring(2));
            sent.add(
                    message,
                    producer.send(
                            message, (queues, each, arg) -> queues.get((Integer) arg % 8), number));
        }
        var inbox = new Inbox();
        var inHand = ConcurrentHashMap.<Integer>newKeySet();
        var doubled = ConcurrentHashMap.<Integer>newKeySet();
        var consumer = context.pushConsumer(context.name("g"));
        consumer.subscribe(topic, "*");
        consumer.registerMessageListener(
                (MessageListenerOrderly)
                        (batch, ignored) -> {
                            int queueId = batch.get(0).getQueueId();
                            if (!inHand.add(queueId)) doubled.add(queueId);
                            inbox.add(batch);
                            inHand.remove(queueId);
                            return ConsumeOrderlyStatus.SUCCESS;
                        });
        consumer.start();
        inbox.expectExactly(sent);
        Expect.equal("queues in two hands", Set.of(), doubled);
        inbox.byQueue()
                .forEach(
                        (queueId, arrived) -> {
                            var numbers =
                                    arrived.stream()
                                            .map(
                                                    message ->
                                                            Integer.parseInt(
                                                                    Inbox.idOf(message)
                                                                            .substring(2)))
                                            .toList();
                            Expect.equal(
                                    "order of queue " + queueId,
                                    numbers.stream().sorted().toList(),
                                    numbers);
                            Expect.equal("messages of queue " + queueId, 40, numbers.size());
                        });
    }

    /** The hashes of AaAa and BBBB are equal, the tags are not. */
    private static void tags(Context context) throws Exception {
        var topic = context.topic(3);
        var producer = context.producer();
        var byTag = new ConcurrentHashMap<String, Sent>();
        for (var tag : List.of("AaAa", "BBBB", "TagA", "TagB", "none")) {
            var sent = byTag.computeIfAbsent(tag, ignored -> new Sent());
            for (var message : Sent.messages(topic, tag, 20)) {
                if (!tag.equals("none")) message.setTags(tag);
                sent.add(message, producer.send(message));
            }
        }
        var expected =
                Map.of(
                        "AaAa", List.of("AaAa"),
                        "TagA || TagB", List.of("TagA", "TagB"),
                        "BBBB||TagB", List.of("BBBB", "TagB"),
                        "TagC", List.<String>of(),
                        "*", List.of("AaAa", "BBBB", "TagA", "TagB", "none"));
        Map<String, Inbox> inboxes = new ConcurrentHashMap<>();
        for (var expression : expected.keySet()) {
            var inbox = new Inbox();
            inboxes.put(expression, inbox);
            start(context, topic, expression, context.name("g" + inboxes.size()), inbox);
        }
        for (var entry : expected.entrySet()) {
            var wanted = new Sent();
            for (var tag : entry.getValue()) wanted.addAll(byTag.get(tag));
            try {
                inboxes.get(entry.getKey()).expectExactly(wanted);
            } catch (AssertionError e) {
                throw new AssertionError("subscription " + entry.getKey() + ": " + e.getMessage());
            }
        }
    }

    /** A pull that is held is woken by the message it waits for. */
    private static void atOnce(Context context) throws Exception {
        var topic = context.topic(4);
        var inbox = new Inbox();
        Map<String, Long> arrived = new ConcurrentHashMap<>();
        var consumer = context.pushConsumer(context.name("g"));
        consumer.subscribe(topic, "*");
        consumer.registerMessageListener(
                (MessageListenerConcurrently)
                        (batch, ignored) -> {
                            for (var message : batch)
                                arrived.put(Inbox.idOf(message), System.currentTimeMillis());
                            inbox.add(batch);
                            return ConsumeConcurrentlyStatus.CONSUME_SUCCESS;
                        });
        consumer.start();
        awaitQueues(consumer, topic, 4);
        Thread.sleep(1500); // every queue's first pull is held by now
        var producer = context.producer();
        Map<String, Long> departed = new ConcurrentHashMap<>();
        var sent = new Sent();
        for (var message : Sent.messages(topic, "m", 24)) {
            departed.put(message.getKeys(), System.currentTimeMillis());
            sent.add(message, producer.send(message));
            Thread.sleep(250); // six seconds in all
        }
        inbox.expectExactly(sent);
        var tookMs = departed.keySet().stream().map(id -> arrived.get(id) - departed.get(id));
        Expect.mostlyWithin("ms from send to listener", AT_ONCE_MS, tookMs.toList());
    }

    /** The consumer is there before the topic is. */
    private static void newTopic(Context context) throws Exception {
        var topic = context.name("later");
        var inbox = new Inbox();
        start(context, topic, "*", context.name("g"), inbox);
        inbox.expectExactly(Sent.sync(context.producer(), topic, "m", 12));
    }

    /** A topic that grows: the new queues are consumed too. */
    private static void moreQueues(Context context) throws Exception {
        var topic = context.topic(2);
        var inbox = new Inbox();
        var consumer = start(context, topic, "*", context.name("g"), inbox);
        awaitQueues(consumer, topic, 2);
        Admins.createTopic(topic, 5);
        awaitQueues(consumer, topic, 5);
        var sent = Sent.sync(context.producer(), topic, "m", 25);
        Expect.equal("queues used", 5, sent.countByQueue().size());
        inbox.expectExactly(sent);
    }

    private static void twoTopics(Context context) throws Exception {
        var producer = context.producer();
        var sent = Sent.sync(producer, context.topic("one", 2), "one", 20);
        sent.addAll(Sent.sync(producer, context.topic("two", 2), "two", 20));
        var inbox = new Inbox();
        var consumer = context.pushConsumer(context.name("g"));
        consumer.subscribe(context.name("one"), "*");
        consumer.subscribe(context.name("two"), "*");
        consumer.registerMessageListener(inbox.concurrently());
        consumer.start();
        inbox.expectExactly(sent);
    }

    /** Each group gets everything. */
    private static void twoGroups(Context context) throws Exception {
        var topic = context.topic(3);
        var inboxes = List.of(new Inbox(), new Inbox());
        for (var inbox : inboxes)
            start(context, topic, "*", context.name("g" + inboxes.indexOf(inbox)), inbox);
        var sent = Sent.sync(context.producer(), topic, "m", 60);
        for (var inbox : inboxes) inbox.expectExactly(sent);
    }

    /** A group that comes back goes on where it stopped, and the broker knows where that was. */
    private static void resume(Context context) throws Exception {
        var topic = context.topic(4);
        var group = context.name("g");
        var producer = context.producer();
        var first = Sent.sync(producer, topic, "first", 30);
        var inbox = new Inbox();
        var consumer = start(context, topic, "*", group, inbox);
        inbox.expectExactly(first);
        awaitCommitted(consumer, topic);
        first.addAll(Sent.sync(producer, topic, "before the end", 30));
        inbox.expectExactly(first);
        consumer.shutdown();
        Expect.eventually(
                "messages still to be consumed", 0L, () -> Admins.lag(group, topic));
        var second = Sent.sync(producer, topic, "second", 30);
        Expect.equal("messages to be consumed", 30L, Admins.lag(group, topic));
        var inboxAfter = new Inbox();
        start(context, topic, "*", group, inboxAfter);
        inboxAfter.expectExactly(second);
    }

    /**
     * While a queue still holds its first message in memory, a new group starts there wherever it
     * wanted to start: the broker answers offset 0 for it. (Old queues: the strict checks.)
     */
    private static void fromWhereYoung(Context context) throws Exception {
        var topic = context.topic(2);
        var sent = Sent.sync(context.producer(), topic, "m", 20);
        var inboxes = new ArrayList<Inbox>();
        for (var where :
                List.of(
                        ConsumeFromWhere.CONSUME_FROM_FIRST_OFFSET,
                        ConsumeFromWhere.CONSUME_FROM_LAST_OFFSET,
                        ConsumeFromWhere.CONSUME_FROM_TIMESTAMP)) {
            var inbox = new Inbox();
            inboxes.add(inbox);
            var consumer = context.pushConsumer(context.name("g" + inboxes.size()));
            consumer.setConsumeFromWhere(where);
            consumer.subscribe(topic, "*");
            consumer.registerMessageListener(inbox.concurrently());
            consumer.start();
        }
        for (var inbox : inboxes) inbox.expectExactly(sent);
    }

    static DefaultMQPushConsumer start(
            Context context, String topic, String expression, String group, Inbox inbox)
            throws Exception {
        var consumer = context.pushConsumer(group);
        consumer.subscribe(topic, expression);
        consumer.registerMessageListener(inbox.concurrently());
        consumer.start();
        return consumer;
    }

    static void awaitQueues(DefaultMQPushConsumer consumer, String topic, int count)
            throws Exception {
        Expect.eventually(
                "queues of the consumer", count, () -> queueIds(consumer, topic).size());
    }

    /**
     * Waits until the broker has the offsets of all that was consumed. The client tells them again and
     * again: RocketMQ may lose one of a new group's first offsets that come at the same moment, as
     * those of several queues do when a client shuts down.
     */
    static void awaitCommitted(DefaultMQPushConsumer consumer, String topic) throws Exception {
        Expect.eventually(
                "messages that the broker does not know as consumed",
                0L,
                () -> {
                    consumer.getDefaultMQPushConsumerImpl().persistConsumerOffset();
                    return Admins.lag(consumer.getConsumerGroup(), topic);
                });
    }

    /** Ids of the topic's queues that are this consumer's at the moment. */
    static Set<Integer> queueIds(DefaultMQPushConsumer consumer, String topic) {
        var table =
                consumer.getDefaultMQPushConsumerImpl().getRebalanceImpl().getProcessQueueTable();
        return new HashSet<>(table.keySet())
                .stream()
                        .filter(queue -> queue.getTopic().equals(topic))
                        .map(queue -> queue.getQueueId())
                        .collect(Collectors.toSet());
    }

    private PushChecks() {}
}
