package interop;

import org.apache.rocketmq.client.exception.MQClientException;
import org.apache.rocketmq.client.producer.DefaultMQProducer;
import org.apache.rocketmq.common.TopicConfig;
import org.apache.rocketmq.common.message.Message;

import java.util.List;
import java.util.Map;

/** What is refused, and with which code. */
final class ErrorChecks {
    private static final int REQUEST_CODE_NOT_SUPPORTED = 3;
    private static final int NO_PERMISSION = 16;
    private static final int TOPIC_NOT_EXIST = 17;
    private static final int SUBSCRIPTION_PARSE_FAILED = 23;
    private static final int INVALID_PARAMETER = 29;
    private static final int NO_ROUTE = 10005;
    private static final int READ_ONLY = 4;
    private static final int WRITE_ONLY = 2;

    static List<Check> all() {
        return List.of(
                Check.together("error-topic-name", ErrorChecks::topicName),
                Check.together("error-system-topic", ErrorChecks::systemTopic),
                Check.together("error-queue-id", ErrorChecks::queueId),
                Check.together("error-permission", ErrorChecks::permission),
                Check.together("error-unknown-topic", ErrorChecks::unknownTopic),
                Check.together("error-subscription", ErrorChecks::subscription),
                Check.together("error-unknown-request", ErrorChecks::unknownRequest));
    }

    private static void topicName(Context context) throws Exception {
        var producer = context.producer();
        for (var name : List.of("a.b", "bad topic", "täglich", "t".repeat(128))) {
            Expect.failsWith(
                    "send to " + name, -1, () -> producer.send(new Message(name, new byte[] {1})));
            Raw.expectCode(
                    "send to " + name + " past the client",
                    INVALID_PARAMETER,
                    Raw.SEND_MESSAGE,
                    Raw.send(name, 0));
        }
        Expect.failsWith(
                "creation of a.b",
                INVALID_PARAMETER,
                () ->
                        Admins.admin()
                                .createAndUpdateTopicConfig(
                                        Admins.broker(), new TopicConfig("a.b", 4, 4, 6)));
    }

    private static void systemTopic(Context context) throws Exception {
        for (var topic :
                List.of("SCHEDULE_TOPIC_XXXX", "RMQ_SYS_TRANS_HALF_TOPIC", "OFFSET_MOVED_EVENT")) {
            Raw.expectCode("send to " + topic, NO_PERMISSION, Raw.SEND_MESSAGE, Raw.send(topic, 0));
        }
    }

    private static void queueId(Context context) throws Exception {
        var topic = context.topic(4);
        Sent.sync(context.producer(), topic, "m", 4);
        Raw.expectCode(
                "send to queue 99", INVALID_PARAMETER, Raw.SEND_MESSAGE, Raw.send(topic, 99));
        Raw.expectCode(
                "pull of queue 99",
                INVALID_PARAMETER,
                Raw.PULL_MESSAGE,
                Raw.pull(context.name("g"), topic, 99, "*"));
        Raw.expectCode(
                "send to queue -1, which means any", 0, Raw.SEND_MESSAGE, Raw.send(topic, -1));
        Expect.eventually("stored messages", 5L, () -> Admins.stored(topic));
    }

    /**
     * Clients find no queue to write to where a topic may only be read; the broker refuses to read
     * where it may only be written.
     */
    private static void permission(Context context) throws Exception {
        var topic = context.topic(2);
        var producer = context.producer();
        var sent = Sent.sync(producer, topic, "m", 4);
        Admins.createTopic(new TopicConfig(topic, 2, 2, READ_ONLY));
        Expect.eventually(
                "send to a topic to be read only", NO_ROUTE, () -> sendCode(producer, topic));
        Drain.topic(topic, sent).expectHolds(sent);
        Admins.createTopic(new TopicConfig(topic, 2, 2, WRITE_ONLY));
        Raw.expectCode(
                "pull from it",
                NO_PERMISSION,
                Raw.PULL_MESSAGE,
                Raw.pull(context.name("g"), topic, 0, "*"));
        Expect.eventually(
                "send to a topic to be written only", 0, () -> sendCode(producer, topic));
    }

    private static int sendCode(DefaultMQProducer producer, String topic) throws Exception {
        try {
            producer.send(new Message(topic, new byte[] {1}));
            return 0;
        } catch (MQClientException e) {
            return e.getResponseCode();
        }
    }

    private static void unknownTopic(Context context) throws Exception {
        var topic = context.name("unknown");
        Raw.expectCode(
                "pull",
                TOPIC_NOT_EXIST,
                Raw.PULL_MESSAGE,
                Raw.pull(context.name("g"), topic, 0, "*"));
        Expect.failsWith(
                "route", TOPIC_NOT_EXIST, () -> Admins.admin().examineTopicRouteInfo(topic));
    }

    private static void subscription(Context context) throws Exception {
        var topic = context.topic(1);
        Raw.expectCode(
                "pull with an empty alternative only",
                SUBSCRIPTION_PARSE_FAILED,
                Raw.PULL_MESSAGE,
                Raw.pull(context.name("g"), topic, 0, "||"));
    }

    private static void unknownRequest(Context context) throws Exception {
        Raw.expectCode("request 9999", REQUEST_CODE_NOT_SUPPORTED, 9999, Map.of("any", "thing"));
    }

    private ErrorChecks() {}
}
