package interop;

import org.apache.rocketmq.client.exception.MQBrokerException;
import org.apache.rocketmq.common.message.MessageQueue;

import java.util.List;
import java.util.Set;

/** What operators ask about groups: settings, progress, connections. */
final class AdminGroupChecks {
    private static final int TOPIC_NOT_EXIST = 17;
    private static final int CONSUMER_NOT_ONLINE = 206;

    static List<Check> all() {
        return List.of(
                Check.together("admin-group-life", AdminGroupChecks::groupLife),
                Check.together("admin-consume-stats", AdminGroupChecks::consumeStats),
                Check.together("admin-connections", AdminGroupChecks::connections),
                Check.together("admin-set-offset", AdminGroupChecks::setOffset));
    }

    private static void groupLife(Context context) throws Exception {
        var admin = Admins.admin();
        var group = context.name("g");
        var config = Versions.group(group, 3);
        config.setConsumeBroadcastEnable(false);
        admin.createAndUpdateSubscriptionGroupConfig(Admins.broker(), config);
        var stored = admin.examineSubscriptionGroupConfig(Admins.broker(), group);
        Expect.equal("name", group, stored.getGroupName());
        Expect.equal("retries", 3, stored.getRetryMaxTimes());
        Expect.equal("retry queues", 1, stored.getRetryQueueNums());
        Expect.equal("consuming enabled", true, stored.isConsumeEnable());
        Expect.equal("broadcast enabled", false, stored.isConsumeBroadcastEnable());
        var all = admin.getAllSubscriptionGroup(Admins.broker(), 5000).getSubscriptionGroupTable();
        Expect.equal("retries in the list", 3, all.get(group).getRetryMaxTimes());
        admin.deleteSubscriptionGroup(Admins.broker(), group, true);
        // Seen with RocketMQ 5.5.0: a group deleted by a 4.9 client is at once made anew, with
        // default settings.
        var left =
                admin.getAllSubscriptionGroup(Admins.broker(), 5000)
                        .getSubscriptionGroupTable()
                        .get(group);
        Expect.that(
                left == null || left.getRetryMaxTimes() == 16,
                () -> "the group was deleted, but not its settings: " + left);
    }

    private static void consumeStats(Context context) throws Exception {
        var topic = context.topic(2);
        var group = context.name("g");
        var producer = context.producer();
        var sent = Sent.sync(producer, topic, "first", 10);
        var inbox = new Inbox();
        var consumer = PushChecks.start(context, topic, "*", group, inbox);
        inbox.expectExactly(sent);
        PushChecks.awaitCommitted(consumer, topic);
        consumer.shutdown();
        var rest = Sent.sync(producer, topic, "second", 6);
        Expect.equal("messages to be consumed", 6L, Admins.lag(group, topic));
        var table = Admins.admin().examineConsumeStats(group).getOffsetTable();
        for (int queueId = 0; queueId < 2; queueId++) {
            var queue = new MessageQueue(topic, Admins.brokerName(), queueId);
            var offsets = table.get(queue);
            Expect.that(offsets != null, () -> queue + " is not among " + table.keySet());
            long consumed = sent.countByQueue().get(queueId);
            long stored = consumed + rest.countByQueue().get(queueId);
            Expect.equal("consumer offset of " + queue, consumed, offsets.getConsumerOffset());
            Expect.equal("broker offset of " + queue, stored, offsets.getBrokerOffset());
            Expect.that(
                    offsets.getLastTimestamp() > 0,
                    () -> "no time of the last consumed message of " + queue);
        }
    }

    private static void connections(Context context) throws Exception {
        var admin = Admins.admin();
        var topic = context.topic(1);
        var group = context.name("g");
        // A group nobody knows has no retry topic, by whose route the tools look for its broker.
        Expect.failsWith(
                "connections of an unknown group",
                TOPIC_NOT_EXIST,
                () -> admin.examineConsumerConnectionInfo(group));
        var producer = context.producer();
        Sent.sync(producer, topic, "m", 1);
        var consumer = PushChecks.start(context, topic, "TagA || TagB", group, new Inbox());
        // The tools find the group by its retry topic, which the first heartbeat makes.
        Expect.eventually(
                "members",
                1,
                () -> admin.examineConsumerConnectionInfo(group).getConnectionSet().size());
        var info = admin.examineConsumerConnectionInfo(group);
        var connection = info.getConnectionSet().iterator().next();
        Expect.equal("client id", consumer.buildMQClientId(), connection.getClientId());
        Expect.equal("language", "JAVA", connection.getLanguage().name());
        Expect.equal("model", "CLUSTERING", info.getMessageModel().name());
        Expect.equal("type", "CONSUME_PASSIVELY", info.getConsumeType().name());
        Expect.equal("from where", "CONSUME_FROM_FIRST_OFFSET", info.getConsumeFromWhere().name());
        Expect.equal(
                "subscription",
                "TagA || TagB",
                info.getSubscriptionTable().get(topic).getSubString());
        Expect.that(
                admin.queryTopicConsumeByWho(topic).getGroupList().contains(group),
                () -> group + " is not among the topic's groups " + admin);
        Expect.eventually(
                "producers",
                1,
                () ->
                        admin.examineProducerConnectionInfo(producer.getProducerGroup(), topic)
                                .getConnectionSet()
                                .size());
        consumer.shutdown();
        Expect.eventually(
                "members after the last one left",
                Set.of(),
                () -> {
                    try {
                        return admin.examineConsumerConnectionInfo(group).getConnectionSet();
                    } catch (MQBrokerException e) {
                        if (e.getResponseCode() != CONSUMER_NOT_ONLINE) throw e;
                        return Set.of();
                    }
                });
    }

    /** An operator moves a group that is away, and it goes on from there. */
    private static void setOffset(Context context) throws Exception {
        var topic = context.topic(1);
        var group = context.name("g");
        Sent.sync(context.producer(), topic, "m", 10);
        Admins.admin()
                .createAndUpdateSubscriptionGroupConfig(Admins.broker(), Versions.group(group, 16));
        var queue = new MessageQueue(topic, Admins.brokerName(), 0);
        Admins.admin().updateConsumeOffset(Admins.broker(), group, queue, 7);
        var inbox = new Inbox();
        PushChecks.start(context, topic, "*", group, inbox);
        inbox.awaitAll(List.of("m-7", "m-8", "m-9"));
        Expect.equal("messages from the offset on", Set.of("m-7", "m-8", "m-9"), inbox.ids());
    }

    private AdminGroupChecks() {}
}
