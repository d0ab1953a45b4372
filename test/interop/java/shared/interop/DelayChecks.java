package interop;

import interop.Check.Claim;

import org.apache.rocketmq.client.producer.DefaultMQProducer;
import org.apache.rocketmq.common.message.MessageConst;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.ConcurrentHashMap;

/** Messages that wait for their level's time: never delivered before it, and each once. */
final class DelayChecks {
    /** The broker of these checks has levels of as many seconds. */
    private static final long LEVEL_MS = 1000;

    /** How late a message may be where the machine is busy. */
    static final long LATE_MS_MAX = 15_000;

    /** And how late most of them may be. */
    private static final long MOSTLY_LATE_MS_MAX = 5000;

    static List<Check> all() {
        return List.of(
                Check.together("delay-levels", DelayChecks::levels),
                Check.together("delay-order", DelayChecks::order),
                Check.acrossRestart("delay-over-restart", DelayChecks::over),
                Check.acrossKill("delay-over-kill", DelayChecks::over));
    }

    private static void levels(Context context) throws Exception {
        var topic = context.topic(4);
        var deliveries = new Deliveries();
        start(context, topic, deliveries);
        var due = new ConcurrentHashMap<String, Long>();
        for (int level = 1; level <= 4; level++) send(context.producer(), topic, level, 10, due);
        var undelayed = Sent.message(topic, "undelayed");
        due.put("undelayed", System.currentTimeMillis());
        context.producer().send(undelayed);
        expectInTime(due, deliveries);
        for (var delivery : deliveries.all()) {
            var message = delivery.message();
            Expect.equal("topic of " + delivery.id(), topic, message.getTopic());
            Expect.equal(
                    "level that " + delivery.id() + " still shows",
                    delivery.id().equals("undelayed") ? null : delivery.id().substring(1, 2),
                    message.getProperty(MessageConst.PROPERTY_DELAY_TIME_LEVEL));
        }
    }

    /** Messages of one level come in the order in which they were sent. */
    private static void order(Context context) throws Exception {
        var topic = context.topic(1);
        var due = new TreeMap<String, Long>();
        send(context.producer(), topic, 2, 50, due);
        var deliveries = new Deliveries();
        var consumer = context.pushConsumer(context.name("g"));
        consumer.subscribe(topic, "*");
        consumer.registerMessageListener(deliveries.orderly((delivery, ignored) -> true));
        consumer.start();
        var ids = deliveries.awaitCount(due.size()).stream().map(Deliveries.Delivery::id).toList();
        Expect.equal("order", List.copyOf(due.keySet()), ids);
    }

    private static Claim over(Context before) throws Exception {
        var topic = before.topic(2);
        var due = new ConcurrentHashMap<String, Long>();
        for (int level : List.of(1, 6)) send(before.producer(), topic, level, 20, due);
        return after -> {
            var deliveries = new Deliveries();
            start(after, topic, deliveries);
            deliveries.awaitOnce(due.keySet());
            for (var delivery : deliveries.all()) {
                Expect.between(
                        "ms from its time until " + delivery.id() + " came",
                        0,
                        Long.MAX_VALUE,
                        delivery.atMs() - due.get(delivery.id()));
            }
        };
    }

    private static void start(Context context, String topic, Deliveries deliveries)
            throws Exception {
        var consumer = context.pushConsumer(context.name("g"));
        consumer.subscribe(topic, "*");
        consumer.registerMessageListener(deliveries.concurrently());
        consumer.start();
    }

    /** Notes when each message may come at the earliest. */
    private static void send(
            DefaultMQProducer producer, String topic, int level, int count, Map<String, Long> due)
            throws Exception {
        for (int i = 0; i < count; i++) {
            var message = Sent.message(topic, String.format("l%d-%02d", level, i));
            message.setDelayTimeLevel(level);
            due.put(message.getKeys(), System.currentTimeMillis() + level * LEVEL_MS);
            producer.send(message);
        }
    }

    /** Each message comes once, not before its time and not long after it. */
    static void expectInTime(Map<String, Long> due, Deliveries deliveries)
            throws InterruptedException {
        deliveries.awaitCount(due.size());
        var lateMs = new ArrayList<Long>();
        for (var entry : due.entrySet()) {
            var delivered = deliveries.of(entry.getKey());
            Expect.equal("deliveries of " + entry.getKey(), 1, delivered.size());
            long late = delivered.get(0).atMs() - entry.getValue();
            Expect.between(
                    "ms from its time until " + entry.getKey() + " came", 0, LATE_MS_MAX, late);
            lateMs.add(late);
        }
        Expect.mostlyWithin("ms from a message's time", MOSTLY_LATE_MS_MAX, lateMs);
    }

    private DelayChecks() {}
}
