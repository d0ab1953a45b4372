package interop;

import org.apache.rocketmq.client.consumer.listener.ConsumeConcurrentlyContext;
import org.apache.rocketmq.client.consumer.listener.ConsumeConcurrentlyStatus;
import org.apache.rocketmq.client.consumer.listener.ConsumeOrderlyContext;
import org.apache.rocketmq.client.consumer.listener.ConsumeOrderlyStatus;
import org.apache.rocketmq.client.consumer.listener.MessageListenerConcurrently;
import org.apache.rocketmq.client.consumer.listener.MessageListenerOrderly;
import org.apache.rocketmq.common.message.MessageExt;

import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.stream.Collectors;

/** Every delivery to a consumer with its time, also those that the consumer does not want yet. */
final class Deliveries {
    /** Whether a kill may bring again what had been moved to its topic: a delay, a commit. */
    private static final boolean AGAIN_AFTER_KILL = Boolean.getBoolean("interop.againAfterKill");

    /** @param number how many of this message there were before */
    record Delivery(MessageExt message, int number, long atMs) {
        String id() {
            return Inbox.idOf(message);
        }
    }

    /** What a consumer makes of a delivery; true: it is done with the message. */
    @FunctionalInterface
    interface Concurrently {
        boolean take(Delivery delivery, ConsumeConcurrentlyContext context);
    }

    /** What a consumer of ordered queues makes of a delivery; true: it is done with the message. */
    @FunctionalInterface
    interface Orderly {
        boolean take(Delivery delivery, ConsumeOrderlyContext context);
    }

    private final List<Delivery> all = new ArrayList<>();

    MessageListenerConcurrently concurrently() {
        return concurrently((delivery, context) -> true);
    }

    MessageListenerConcurrently concurrently(Concurrently consumer) {
        return (batch, context) ->
                consumer.take(add(batch.get(0)), context)
                        ? ConsumeConcurrentlyStatus.CONSUME_SUCCESS
                        : ConsumeConcurrentlyStatus.RECONSUME_LATER;
    }

    MessageListenerOrderly orderly(Orderly consumer) {
        return (batch, context) ->
                consumer.take(add(batch.get(0)), context)
                        ? ConsumeOrderlyStatus.SUCCESS
                        : ConsumeOrderlyStatus.SUSPEND_CURRENT_QUEUE_A_MOMENT;
    }

    private synchronized Delivery add(MessageExt message) {
        var delivery =
                new Delivery(
                        message, of(Inbox.idOf(message)).size(), System.currentTimeMillis());
        all.add(delivery);
        return delivery;
    }

    synchronized List<Delivery> all() {
        return List.copyOf(all);
    }

    /** The deliveries of one message, in their order. */
    synchronized List<Delivery> of(String id) {
        return all.stream().filter(delivery -> delivery.id().equals(id)).toList();
    }

    /** No message was delivered twice, as far as the target promises that over a kill. */
    static void expectOnce(List<Delivery> deliveries) {
        if (AGAIN_AFTER_KILL) return;
        var ids = deliveries.stream().map(Delivery::id).toList();
        Expect.equal("deliveries", Set.copyOf(ids).size(), ids.size());
    }

    /** Waits until each of these ids has come, and looks whether one comes again. */
    void awaitOnce(Set<String> ids) throws InterruptedException {
        Expect.eventually(
                "messages that came",
                ids,
                Inbox.ARRIVE_SECONDS_MAX,
                () -> all().stream().map(Delivery::id).collect(Collectors.toSet()));
        Thread.sleep(Inbox.SILENCE_MS);
        expectOnce(all());
    }

    /** Waits for so many deliveries in all, and looks whether there are more. */
    List<Delivery> awaitCount(int count) throws InterruptedException {
        Expect.eventually(
                "deliveries", true, Inbox.ARRIVE_SECONDS_MAX, () -> all().size() >= count);
        Thread.sleep(Inbox.SILENCE_MS);
        Expect.equal("deliveries", count, all().size());
        return all();
    }
}
