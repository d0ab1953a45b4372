package interop;

import org.apache.rocketmq.client.exception.MQClientException;
import org.apache.rocketmq.client.producer.DefaultMQProducer;
import org.apache.rocketmq.common.TopicConfig;
import org.apache.rocketmq.common.message.MessageQueue;
import org.apache.rocketmq.tools.admin.DefaultMQAdminExt;

import java.util.Set;

/**
 * What lives as long as the program: the admin client with the few things that every check asks of
 * it.
 */
final class Admins implements AutoCloseable {
    private static final int READ_WRITE = 6;
    private static final long ANSWER_MS_MAX = 10_000;
    private static DefaultMQAdminExt admin;

    /** Keeps the producers' connection alive while the producers of checks come and go. */
    private final DefaultMQProducer keeper = Context.sharing(new DefaultMQProducer("keeper", AclChecks.hook()));

    Admins() throws MQClientException {
        keeper.start();
        admin = Context.configured(new DefaultMQAdminExt(AclChecks.hook(), ANSWER_MS_MAX));
        admin.start();
    }

    static DefaultMQAdminExt admin() {
        return admin;
    }

    /** Address of the only broker. */
    static String broker() throws Exception {
        var brokers = admin.examineBrokerClusterInfo().getBrokerAddrTable();
        Expect.equal("count of brokers", 1, brokers.size());
        return brokers.values().iterator().next().getBrokerAddrs().get(0L);
    }

    /** Name of the only broker. */
    static String brokerName() throws Exception {
        return admin.examineBrokerClusterInfo().getBrokerAddrTable().keySet().iterator().next();
    }

    /** Name of the only cluster. */
    static String cluster() throws Exception {
        return admin.examineBrokerClusterInfo().getClusterAddrTable().keySet().iterator().next();
    }

    /** After a restart a client may need some tries until it has its connections again. */
    static void awaitBroker() throws InterruptedException {
        Expect.eventually(
                "the admin client's way to the broker",
                true,
                () -> {
                    admin.getBrokerConfig(broker());
                    return true;
                });
    }

    static void createTopic(String name, int queueCount) throws Exception {
        createTopic(new TopicConfig(name, queueCount, queueCount, READ_WRITE));
    }

    /** Creates a topic and waits until the name server shows it as it is wanted. */
    static void createTopic(TopicConfig config) throws Exception {
        admin.createAndUpdateTopicConfig(broker(), config);
        Expect.eventually(
                "route of " + config.getTopicName(),
                shape(config),
                () -> routeShape(config.getTopicName()));
    }

    /** Read queues, write queues and permission of a topic, as in 4/4/6. */
    static String shape(TopicConfig config) {
        return config.getReadQueueNums()
                + "/"
                + config.getWriteQueueNums()
                + "/"
                + config.getPerm();
    }

    /** The same three, as the name server tells them. */
    static String routeShape(String topic) throws Exception {
        var data = admin.examineTopicRouteInfo(topic).getQueueDatas().get(0);
        return data.getReadQueueNums() + "/" + data.getWriteQueueNums() + "/" + data.getPerm();
    }

    static Set<MessageQueue> queues(String topic) throws Exception {
        return admin.examineTopicStats(topic).getOffsetTable().keySet();
    }

    /** Messages in all queues of a topic: the sum of their maximum offsets. */
    static long stored(String topic) throws Exception {
        return admin.examineTopicStats(topic).getOffsetTable().values().stream()
                .mapToLong(each -> each.getMaxOffset())
                .sum();
    }

    /** Messages of a topic that a group has still to consume, by the offsets that the broker has of it. */
    static long lag(String group, String topic) throws Exception {
        return admin.examineConsumeStats(group, topic).computeTotalDiff();
    }

    @Override
    public void close() {
        admin.shutdown();
        keeper.shutdown();
    }
}
