package interop;

import org.apache.rocketmq.client.consumer.listener.ConsumeConcurrentlyStatus;
import org.apache.rocketmq.client.consumer.listener.ConsumeOrderlyStatus;
import org.apache.rocketmq.client.consumer.listener.MessageListenerConcurrently;
import org.apache.rocketmq.client.consumer.listener.MessageListenerOrderly;
import org.apache.rocketmq.common.message.MessageExt;

import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Comparator;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.stream.Collectors;

/** What a consumer was given, in the order of arrival. */
final class Inbox {
    /** How long to wait for messages. Shorter where the runner lies, and most checks wait in vain. */
    static final int ARRIVE_SECONDS_MAX =
            Integer.getInteger("interop.arriveSecondsMax", Expect.SECONDS_MAX);

    /** How long to listen for what should not come. */
    static final int SILENCE_MS = 700;

    private final List<MessageExt> messages = new ArrayList<>();

    MessageListenerConcurrently concurrently() {
        return (batch, context) -> {
            add(batch);
            return ConsumeConcurrentlyStatus.CONSUME_SUCCESS;
        };
    }

    MessageListenerOrderly orderly() {
        return (batch, context) -> {
            add(batch);
            return ConsumeOrderlyStatus.SUCCESS;
        };
    }

    synchronized void add(Collection<MessageExt> batch) {
        messages.addAll(batch);
        notifyAll();
    }

    synchronized List<MessageExt> messages() {
        return List.copyOf(messages);
    }

    static String idOf(MessageExt message) {
        return new String(message.getBody(), StandardCharsets.UTF_8);
    }

    synchronized Set<String> ids() {
        return messages.stream().map(Inbox::idOf).collect(Collectors.toSet());
    }

    /** Queue id -> messages of that queue in the order of arrival. */
    synchronized Map<Integer, List<MessageExt>> byQueue() {
        return messages.stream()
                .collect(
                        Collectors.groupingBy(
                                MessageExt::getQueueId, TreeMap::new, Collectors.toList()));
    }

    /** Waits until all these ids have come. What came twice, or besides, is no matter here. */
    synchronized void awaitAll(Collection<String> ids) throws InterruptedException {
        long deadline = System.nanoTime() + ARRIVE_SECONDS_MAX * 1_000_000_000L;
        Set<String> missing = new HashSet<>(ids);
        int seen = 0;
        while (true) {
            for (; seen < messages.size(); seen++) missing.remove(idOf(messages.get(seen)));
            long restMs = (deadline - System.nanoTime()) / 1_000_000;
            if (missing.isEmpty()) return;
            if (restMs <= 0) break;
            wait(restMs);
        }
        var some = missing.stream().sorted().limit(5).toList();
        throw new AssertionError(
                missing.size()
                        + " of "
                        + ids.size()
                        + " messages did not come, among them "
                        + some);
    }

    /**
     * All that was sent comes, each once, nothing else, and each from the place the broker had
     * named.
     */
    void expectExactly(Sent sent) throws InterruptedException {
        awaitAll(sent.places().keySet());
        Thread.sleep(SILENCE_MS);
        expectNoOther(sent);
    }

    synchronized void expectNoOther(Sent sent) {
        for (var message : messages) {
            var place = sent.places().get(idOf(message));
            Expect.that(place != null, () -> "a message came that was not sent: " + message);
            if (place.queueId() < 0) continue;
            Expect.equal("queue of " + idOf(message), place.queueId(), message.getQueueId());
            Expect.equal(
                    "queue offset of " + idOf(message),
                    place.queueOffset(),
                    message.getQueueOffset());
            if (place.msgId() != null)
                Expect.equal("id of " + idOf(message), place.msgId(), message.getMsgId());
        }
        var twice =
                messages.stream()
                        .collect(Collectors.groupingBy(Inbox::idOf, Collectors.counting()));
        twice.values().removeIf(count -> count == 1);
        Expect.that(twice.isEmpty(), () -> "came more than once: " + twice);
    }

    /** What was acknowledged is here, at the place that was acknowledged; there may be more. */
    synchronized void expectHolds(Sent sent) {
        var found =
                messages.stream()
                        .collect(
                                Collectors.toMap(
                                        Inbox::idOf, message -> message, (first, second) -> first));
        sent.places()
                .forEach(
                        (id, place) -> {
                            var message = found.get(id);
                            Expect.that(
                                    message != null,
                                    () -> id + " was acknowledged at " + place + " and is gone");
                            Expect.equal("queue of " + id, place.queueId(), message.getQueueId());
                            Expect.equal(
                                    "queue offset of " + id,
                                    place.queueOffset(),
                                    message.getQueueOffset());
                        });
    }

    /** Nothing comes for a moment. */
    void expectNothing() throws InterruptedException {
        Thread.sleep(SILENCE_MS);
        Expect.equal("messages that came", Set.of(), ids());
    }

    /**
     * Within each queue messages came in the order of their offsets; one that came again is no
     * matter.
     */
    void expectOrderInQueues() {
        byQueue()
                .forEach(
                        (queueId, arrived) -> {
                            var seen = new HashSet<Long>();
                            var first =
                                    arrived.stream()
                                            .map(MessageExt::getQueueOffset)
                                            .filter(seen::add)
                                            .toList();
                            Expect.equal(
                                    "order of queue " + queueId,
                                    first.stream().sorted(Comparator.naturalOrder()).toList(),
                                    first);
                        });
    }
}
