package interop;

import org.apache.rocketmq.client.consumer.DefaultMQPushConsumer;
import org.apache.rocketmq.client.exception.MQClientException;
import org.apache.rocketmq.client.producer.DefaultMQProducer;
import org.apache.rocketmq.common.protocol.heartbeat.MessageModel;
import org.apache.rocketmq.common.subscription.SubscriptionGroupConfig;
import org.apache.rocketmq.tools.admin.DefaultMQAdminExt;

import java.util.List;
import java.util.Set;

/** What the client versions name or call differently. */
final class Versions {
    static void broadcast(DefaultMQPushConsumer consumer) {
        consumer.setMessageModel(MessageModel.BROADCASTING);
    }

    static SubscriptionGroupConfig group(String name, int retryCountMax) {
        var config = new SubscriptionGroupConfig();
        config.setGroupName(name);
        config.setRetryMaxTimes(retryCountMax);
        return config;
    }

    /** Feature checks that only this version can make. */
    static List<Check> features() {
        return List.of();
    }

    /** Creates a topic through the producer, on the brokers where topic {@code key} lies. */
    static void createTopic(DefaultMQProducer producer, String key, String topic, int queueCount)
            throws MQClientException {
        producer.createTopic(key, topic, queueCount);
    }

    /** The order of these arguments changed. */
    static void deleteTopicInNameServers(DefaultMQAdminExt admin, String cluster, String topic)
            throws Exception {
        admin.deleteTopicInNameServer(Set.copyOf(admin.getNameServerAddressList()), topic, cluster);
    }

    /** Checks of what only this version can do. */
    static List<Check> checks() {
        return List.of();
    }

    /** Programs that only this version can be. */
    static void run(String program, List<String> arguments) {
        throw new IllegalArgumentException("unknown program: " + program + " " + arguments);
    }

    private Versions() {}
}
