package interop;

import org.apache.rocketmq.client.ClientConfig;
import org.apache.rocketmq.client.consumer.DefaultLitePullConsumer;
import org.apache.rocketmq.client.consumer.DefaultMQPullConsumer;
import org.apache.rocketmq.client.consumer.DefaultMQPushConsumer;
import org.apache.rocketmq.client.consumer.rebalance.AllocateMessageQueueAveragely;
import org.apache.rocketmq.client.exception.MQClientException;
import org.apache.rocketmq.client.producer.DefaultMQProducer;
import org.apache.rocketmq.common.consumer.ConsumeFromWhere;

import java.util.ArrayDeque;
import java.util.Deque;
import java.util.concurrent.atomic.AtomicInteger;

/** What one check works with: names of its own, clients of its own, and their end. */
final class Context implements AutoCloseable {
    private static final String RUN =
            Long.toString(System.currentTimeMillis() % 1_000_000_000L, 36);
    private static final AtomicInteger CLIENTS = new AtomicInteger();
    private static final int SEND_MS_MAX = 15_000;

    /** The clients' own 3 s are too few where a busy machine starts some JVMs at once. */
    private static final int ANSWER_MS_MAX = 8000;

    private final String check;
    private final Deque<Runnable> ends = new ArrayDeque<>();

    Context(String check) {
        this.check = check;
    }

    /** A topic or group name that nobody else uses. */
    String name(String stem) {
        return check + "-" + stem + "-" + RUN;
    }

    /** A topic with this many queues, known to the name server. */
    String topic(int queueCount) throws Exception {
        return topic("t", queueCount);
    }

    String topic(String stem, int queueCount) throws Exception {
        var name = name(stem);
        Admins.createTopic(name, queueCount);
        return name;
    }

    /** A started producer. */
    DefaultMQProducer producer() throws MQClientException {
        var producer = newProducer();
        producer.start();
        return producer;
    }

    /** A started producer that tells the trace topic of what it sends. */
    DefaultMQProducer tracingProducer() throws MQClientException {
        var producer = owned(new DefaultMQProducer(producerGroup(), true, null));
        producer.start();
        return producer;
    }

    /** A producer to be configured and started by the check. */
    DefaultMQProducer newProducer() {
        return owned(new DefaultMQProducer(producerGroup(), AclChecks.hook()));
    }

    private String producerGroup() {
        return name("p" + CLIENTS.incrementAndGet());
    }

    private DefaultMQProducer owned(DefaultMQProducer producer) {
        sharing(producer);
        producer.setSendMsgTimeout(SEND_MS_MAX);
        atEnd(producer::shutdown);
        return producer;
    }

    /**
     * A push consumer to be subscribed and started by the check; a new group begins at the first
     * message.
     */
    DefaultMQPushConsumer pushConsumer(String group) {
        var strategy = new AllocateMessageQueueAveragely();
        return owned(new DefaultMQPushConsumer(group, AclChecks.hook(), strategy));
    }

    /** The same, and it tells the trace topic of what it consumes. */
    DefaultMQPushConsumer tracingPushConsumer(String group) {
        return owned(new DefaultMQPushConsumer(group, true, null));
    }

    private DefaultMQPushConsumer owned(DefaultMQPushConsumer consumer) {
        configured(consumer);
        consumer.setConsumeFromWhere(ConsumeFromWhere.CONSUME_FROM_FIRST_OFFSET);
        consumer.setConsumeThreadMin(4);
        consumer.setConsumeThreadMax(4);
        atEnd(consumer::shutdown);
        return consumer;
    }

    /** A started pull consumer. */
    DefaultMQPullConsumer pullConsumer(String group) throws MQClientException {
        var consumer = configured(new DefaultMQPullConsumer(group, AclChecks.hook()));
        consumer.start();
        atEnd(consumer::shutdown);
        return consumer;
    }

    /** A lite pull consumer to be subscribed or assigned and started by the check. */
    DefaultLitePullConsumer litePullConsumer(String group) {
        var consumer = configured(new DefaultLitePullConsumer(group, AclChecks.hook()));
        consumer.setConsumeFromWhere(ConsumeFromWhere.CONSUME_FROM_FIRST_OFFSET);
        consumer.setPullThreadNums(4);
        atEnd(consumer::shutdown);
        return consumer;
    }

    /** One connection carries the producers of all checks. */
    static DefaultMQProducer sharing(DefaultMQProducer producer) {
        configured(producer).setInstanceName("producers");
        return producer;
    }

    /**
     * Each other client gets a connection of its own; all see new topics and queues within a
     * second.
     */
    static <T extends ClientConfig> T configured(T client) {
        client.setInstanceName(
                "i" + CLIENTS.incrementAndGet() + "-" + ProcessHandle.current().pid());
        client.setMqClientApiTimeout(ANSWER_MS_MAX);
        client.setPollNameServerInterval(1000);
        client.setHeartbeatBrokerInterval(5000);
        return client;
    }

    synchronized void atEnd(Runnable end) {
        ends.push(end);
    }

    /** Shuts the clients down, the youngest first; shutting one down twice does no harm. */
    @Override
    public synchronized void close() {
        while (!ends.isEmpty()) {
            try {
                ends.pop().run();
            } catch (RuntimeException e) {
                e.printStackTrace();
            }
        }
    }
}
