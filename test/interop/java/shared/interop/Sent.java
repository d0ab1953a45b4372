package interop;

import org.apache.rocketmq.client.producer.DefaultMQProducer;
import org.apache.rocketmq.client.producer.SendResult;
import org.apache.rocketmq.client.producer.SendStatus;
import org.apache.rocketmq.common.message.Message;
import org.apache.rocketmq.common.message.MessageQueue;

import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.ConcurrentHashMap;

/**
 * What the broker acknowledged: the id in a message's body -> where the broker said it lies. Bodies
 * of these messages are their ids.
 */
final class Sent {
    /** The place the broker named; queueId -1 where it named none (one-way). */
    record Place(int queueId, long queueOffset, String msgId) {}

    private final Map<String, Place> places = new ConcurrentHashMap<>();

    /**
     * Sends {@code count} messages one by one, ids {@code stem-0}, {@code stem-1}, ..., and waits
     * until readers can see them: RocketMQ shows a message a moment after its answer.
     */
    static Sent sync(DefaultMQProducer producer, String topic, String stem, int count)
            throws Exception {
        var sent = new Sent();
        for (var message : messages(topic, stem, count)) sent.add(message, producer.send(message));
        sent.awaitVisible(topic);
        return sent;
    }

    void awaitVisible(String topic) throws Exception {
        var ends = new TreeMap<Integer, Long>();
        for (var place : places.values()) {
            if (place.queueId() >= 0)
                ends.merge(place.queueId(), place.queueOffset() + 1, Math::max);
        }
        for (var end : ends.entrySet()) {
            var queue = new MessageQueue(topic, Admins.brokerName(), end.getKey());
            Expect.eventually(
                    "end of " + queue,
                    true,
                    () -> Admins.admin().maxOffset(queue) >= end.getValue());
        }
    }

    static List<Message> messages(String topic, String stem, int count) {
        var messages = new ArrayList<Message>();
        for (int i = 0; i < count; i++) messages.add(message(topic, stem + "-" + i));
        return messages;
    }

    static Message message(String topic, String id) {
        return new Message(topic, "", id, id.getBytes(StandardCharsets.UTF_8));
    }

    void add(Message message, SendResult result) {
        Expect.equal("send status", SendStatus.SEND_OK, result.getSendStatus());
        add(
                idOf(message),
                new Place(
                        result.getMessageQueue().getQueueId(),
                        result.getQueueOffset(),
                        result.getMsgId()));
    }

    /** The messages of a batch lie one behind the other, from the offset that was answered on. */
    void addBatch(List<Message> batch, SendResult result) {
        Expect.equal("send status", SendStatus.SEND_OK, result.getSendStatus());
        int queueId = result.getMessageQueue().getQueueId();
        for (int i = 0; i < batch.size(); i++) {
            // Consumers see the batch's own id on every message of it.
            add(idOf(batch.get(i)), new Place(queueId, result.getQueueOffset() + i, null));
        }
    }

    void addOneway(Message message) {
        add(idOf(message), new Place(-1, -1, null));
    }

    void add(String id, Place place) {
        Expect.equal("earlier message with id " + id, null, places.putIfAbsent(id, place));
    }

    void addAll(Sent others) {
        others.places.forEach(this::add);
    }

    int count() {
        return places.size();
    }

    Map<String, Place> places() {
        return places;
    }

    /** Queue id -> how many messages the broker placed there. */
    Map<Integer, Long> countByQueue() {
        var counts = new TreeMap<Integer, Long>();
        for (var place : places.values()) counts.merge(place.queueId(), 1L, Long::sum);
        return counts;
    }

    /**
     * The offsets that were answered fill each queue from {@code first} on without a hole or a
     * double.
     */
    void expectDenseOffsets(long first) {
        for (int queueId : countByQueue().keySet()) {
            var offsets =
                    places.values().stream()
                            .filter(place -> place.queueId() == queueId)
                            .map(Place::queueOffset)
                            .sorted()
                            .toList();
            for (int i = 0; i < offsets.size(); i++) {
                Expect.equal(
                        "answered offset " + i + " of queue " + queueId, first + i, offsets.get(i));
            }
        }
    }

    private static String idOf(Message message) {
        return new String(message.getBody(), StandardCharsets.UTF_8);
    }
}
