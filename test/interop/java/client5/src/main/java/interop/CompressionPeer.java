package interop;

import org.apache.rocketmq.client.consumer.DefaultMQPushConsumer;
import org.apache.rocketmq.client.consumer.listener.ConsumeConcurrentlyStatus;
import org.apache.rocketmq.client.consumer.listener.MessageListenerConcurrently;
import org.apache.rocketmq.client.producer.DefaultMQProducer;
import org.apache.rocketmq.common.compression.CompressionType;
import org.apache.rocketmq.common.consumer.ConsumeFromWhere;
import org.apache.rocketmq.common.message.Message;

import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;

/** Reads compressed messages of another client, and sends each again, compressed in the way that its tag names. */
final class CompressionPeer {
    static void run(String from, String to, int count) throws Exception {
        var producers = new TreeMap<String, DefaultMQProducer>();
        for (var type : CompressionType.values()) producers.put(type.name(), producer(type));
        var rest = new CountDownLatch(count);
        var consumer = new DefaultMQPushConsumer("compression-peer");
        consumer.setConsumeFromWhere(ConsumeFromWhere.CONSUME_FROM_FIRST_OFFSET);
        consumer.subscribe(from, "*");
        consumer.registerMessageListener(
                (MessageListenerConcurrently)
                        (messages, context) -> {
                            for (var message : messages) {
                                sendBack(producers, message, to);
                                rest.countDown();
                            }
                            return ConsumeConcurrentlyStatus.CONSUME_SUCCESS;
                        });
        consumer.start();
        var isDone = rest.await(Expect.SECONDS_MAX, TimeUnit.SECONDS);
        consumer.shutdown();
        producers.values().forEach(DefaultMQProducer::shutdown);
        System.exit(isDone ? 0 : 1);
    }

    private static DefaultMQProducer producer(CompressionType type) throws Exception {
        var producer = new DefaultMQProducer("compression-peer-" + type);
        producer.setInstanceName(type.name());
        producer.setCompressType(type);
        producer.start();
        return producer;
    }

    private static void sendBack(
            Map<String, DefaultMQProducer> producers, Message message, String to) {
        var tag = message.getTags();
        try {
            producers.get(tag.toUpperCase()).send(new Message(to, tag, message.getBody()));
        } catch (Exception e) {
            throw new IllegalStateException(e);
        }
    }

    private CompressionPeer() {}
}
