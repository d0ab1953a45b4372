import java.util.concurrent.CountDownLatch;
import org.apache.rocketmq.client.consumer.DefaultMQPushConsumer;
import org.apache.rocketmq.client.consumer.listener.ConsumeConcurrentlyStatus;
import org.apache.rocketmq.client.consumer.listener.MessageListenerConcurrently;
import org.apache.rocketmq.client.producer.DefaultMQProducer;
import org.apache.rocketmq.common.consumer.ConsumeFromWhere;
import org.apache.rocketmq.common.message.Message;

/** The official Java client, as its users write it; it finds the NameServer by the variable NAMESRV_ADDR. */
public class QuickStart {
    public static void main(String[] args) throws Exception {
        DefaultMQProducer producer = new DefaultMQProducer("quick-start-producer");
        producer.start();
        for (String body : new String[] {"one", "two", "three"})
            System.out.println(producer.send(new Message("quick-start-java", "demo", body.getBytes())).getSendStatus());

        CountDownLatch rest = new CountDownLatch(3);
        DefaultMQPushConsumer consumer = new DefaultMQPushConsumer("quick-start-java");
        consumer.setConsumeFromWhere(ConsumeFromWhere.CONSUME_FROM_FIRST_OFFSET);
        consumer.subscribe("quick-start-java", "demo");
        consumer.registerMessageListener((MessageListenerConcurrently) (messages, context) -> {
            messages.forEach(message -> System.out.println("received " + new String(message.getBody())));
            messages.forEach(message -> rest.countDown());
            return ConsumeConcurrentlyStatus.CONSUME_SUCCESS;
        });
        consumer.start();
        rest.await();
        consumer.shutdown();
        producer.shutdown();
    }
}
