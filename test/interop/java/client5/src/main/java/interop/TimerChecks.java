package interop;

import interop.Check.Claim;

import org.apache.rocketmq.common.message.Message;

import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.BiConsumer;

/** Messages of any delay, which only the 5.x client can ask for. */
final class TimerChecks {
    static List<Check> all() {
        return List.of(
                Check.together("timer-delays", TimerChecks::delays),
                Check.together("timer-past", TimerChecks::past),
                Check.together("timer-recall", TimerChecks::recall),
                Check.acrossRestart("timer-over-restart", TimerChecks::over),
                Check.acrossKill("timer-over-kill", TimerChecks::over));
    }

    private static void delays(Context context) throws Exception {
        var topic = context.topic(2);
        var deliveries = listen(context, topic);
        var due = new ConcurrentHashMap<String, Long>();
        for (int i = 1; i <= 4; i++) {
            long delayMs = i * 1500L;
            int seconds = i;
            send(context, topic, "ms-" + i, delayMs, due, Message::setDelayTimeMs);
            send(
                    context,
                    topic,
                    "seconds-" + i,
                    seconds * 1000L,
                    due,
                    (message, ms) -> message.setDelayTimeSec(ms / 1000));
            send(
                    context,
                    topic,
                    "at-" + i,
                    delayMs,
                    due,
                    (message, ms) ->
                            message.setDeliverTimeMs(System.currentTimeMillis() + ms));
        }
        DelayChecks.expectInTime(due, deliveries);
    }

    /** A time that is over is no delay. */
    private static void past(Context context) throws Exception {
        var topic = context.topic(1);
        var deliveries = listen(context, topic);
        var due = new ConcurrentHashMap<String, Long>();
        send(
                context,
                topic,
                "past",
                0,
                due,
                (message, ms) -> message.setDeliverTimeMs(System.currentTimeMillis() - 60_000));
        DelayChecks.expectInTime(due, deliveries);
    }

    /** What is called back before its time is never delivered. */
    private static void recall(Context context) throws Exception {
        var topic = context.topic(1);
        var deliveries = listen(context, topic);
        var producer = context.producer();
        var message = Sent.message(topic, "recalled");
        message.setDeliverTimeMs(System.currentTimeMillis() + 8000);
        var handle = producer.send(message).getRecallHandle();
        Expect.that(handle != null, () -> "no handle to recall by");
        var id = producer.recallMessage(topic, handle);
        Expect.that(id != null && !id.isEmpty(), () -> "no id of what was recalled");
        var due = new ConcurrentHashMap<String, Long>();
        send(context, topic, "other", 9000, due, Message::setDelayTimeMs);
        DelayChecks.expectInTime(due, deliveries);
    }

    private static Claim over(Context before) throws Exception {
        var topic = before.topic(1);
        var due = new ConcurrentHashMap<String, Long>();
        for (int i = 0; i < 10; i++) {
            send(before, topic, "soon-" + i, 1000, due, Message::setDelayTimeMs);
            send(before, topic, "later-" + i, 8000, due, Message::setDelayTimeMs);
        }
        return after -> {
            var deliveries = listen(after, topic);
            deliveries.awaitOnce(due.keySet());
            for (var delivery : deliveries.all())
                Expect.between(
                        "ms from its time until " + delivery.id() + " came",
                        0,
                        Long.MAX_VALUE,
                        delivery.atMs() - due.get(delivery.id()));
        };
    }

    private static Deliveries listen(Context context, String topic) throws Exception {
        var deliveries = new Deliveries();
        var consumer = context.pushConsumer(context.name("g"));
        consumer.subscribe(topic, "*");
        consumer.registerMessageListener(deliveries.concurrently());
        consumer.start();
        PushChecks.awaitQueues(consumer, topic, Admins.queues(topic).size());
        return deliveries;
    }

    private static void send(
            Context context,
            String topic,
            String id,
            long delayMs,
            Map<String, Long> due,
            BiConsumer<Message, Long> delay)
            throws Exception {
        var message = Sent.message(topic, id);
        due.put(id, System.currentTimeMillis() + delayMs);
        delay.accept(message, delayMs);
        context.producer().send(message);
    }

    private TimerChecks() {}
}
