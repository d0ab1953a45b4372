package interop;

import org.apache.rocketmq.common.TopicConfig;
import org.apache.rocketmq.common.message.Message;
import org.apache.rocketmq.common.message.MessageQueue;

import java.util.List;
import java.util.Map;
import java.util.Properties;
import java.util.Set;
import java.util.stream.Collectors;

/** What operators ask through the tools' admin client: topics, cluster, configuration. */
final class AdminChecks {
    private static final int TOPIC_NOT_EXIST = 17;

    /** What both targets are called where nobody names them. */
    private static final String CLUSTER = "DefaultCluster";

    private static final String BROKER = "broker-a";

    static List<Check> all() {
        return List.of(
                Check.together("admin-topic-life", AdminChecks::topicLife),
                Check.together("admin-topic-by-client", AdminChecks::topicByClient),
                Check.together("admin-topic-list", AdminChecks::topicList),
                Check.together("admin-topic-route", AdminChecks::topicRoute),
                Check.together("admin-topic-stats", AdminChecks::topicStats),
                Check.together("admin-offsets", AdminChecks::offsets),
                Check.together("admin-cluster", AdminChecks::cluster),
                Check.together("admin-broker-config", AdminChecks::brokerConfig),
                Check.together("admin-broker-runtime", AdminChecks::brokerRuntime),
                Check.together("admin-namesrv-config", AdminChecks::namesrvConfig),
                Check.together("admin-kv-config", AdminChecks::kvConfig),
                Check.alone("admin-order-topic", AdminChecks::orderTopic),
                Check.alone("admin-write-perm", AdminChecks::writePerm));
    }

    /** A topic is made, changed, deleted, and made again empty. */
    private static void topicLife(Context context) throws Exception {
        var topic = context.name("t");
        var admin = Admins.admin();
        Admins.createTopic(new TopicConfig(topic, 3, 5, 6));
        Expect.equal("topic in the route", "3/5/6", Admins.routeShape(topic));
        Expect.equal(
                "topic in the broker",
                "3/5/6",
                Admins.shape(admin.examineTopicConfig(Admins.broker(), topic)));
        Admins.createTopic(new TopicConfig(topic, 6, 6, 6));
        Expect.equal("queues after a change", 6, Admins.queues(topic).size());

        Sent.sync(context.producer(), topic, "m", 12);
        admin.deleteTopicInBroker(Set.of(Admins.broker()), topic);
        Versions.deleteTopicInNameServers(admin, Admins.cluster(), topic);
        Expect.failsWith(
                "route of a deleted topic",
                TOPIC_NOT_EXIST,
                () -> admin.examineTopicRouteInfo(topic));
        Expect.that(
                !admin.fetchAllTopicList().getTopicList().contains(topic),
                () -> "a deleted topic is still listed");

        Admins.createTopic(topic, 2);
        Expect.equal("messages of a topic that was made again", 0L, Admins.stored(topic));
        var sent = Sent.sync(context.producer(), topic, "again", 4);
        Drain.topic(topic, sent).expectExactly(sent);
    }

    private static void topicByClient(Context context) throws Exception {
        var topic = context.name("t");
        Versions.createTopic(context.producer(), "TBW102", topic, 3);
        Expect.eventually("queues of the topic", 3, () -> Admins.queues(topic).size());
    }

    private static void topicList(Context context) throws Exception {
        var topic = context.topic(1);
        for (var list :
                List.of(
                        Admins.admin().fetchAllTopicList().getTopicList(),
                        Admins.admin().fetchTopicsByCLuster(Admins.cluster()).getTopicList())) {
            Expect.that(list.contains(topic), () -> topic + " is not among " + list);
            Expect.that(list.contains("TBW102"), () -> "TBW102 is not among " + list);
        }
        Expect.equal(
                "clusters of the topic",
                Set.of(Admins.cluster()),
                Admins.admin().getTopicClusterList(topic));
    }

    private static void topicRoute(Context context) throws Exception {
        var route = Admins.admin().examineTopicRouteInfo(context.topic(4));
        Expect.equal("brokers", 1, route.getBrokerDatas().size());
        var broker = route.getBrokerDatas().get(0);
        Expect.equal("cluster", CLUSTER, broker.getCluster());
        Expect.equal("addresses", Map.of(0L, Admins.broker()), broker.getBrokerAddrs());
        Expect.equal(
                "queue data of",
                broker.getBrokerName(),
                route.getQueueDatas().get(0).getBrokerName());
        Expect.equal("order configuration", null, route.getOrderTopicConf());
    }

    private static void topicStats(Context context) throws Exception {
        var topic = context.topic(3);
        long before = System.currentTimeMillis();
        var sent = Sent.sync(context.producer(), topic, "m", 30);
        var table = Admins.admin().examineTopicStats(topic).getOffsetTable();
        Expect.equal(
                "queues",
                Set.of(0, 1, 2),
                table.keySet().stream().map(MessageQueue::getQueueId).collect(Collectors.toSet()));
        for (var entry : table.entrySet()) {
            var offsets = entry.getValue();
            Expect.equal("min offset of " + entry.getKey(), 0L, offsets.getMinOffset());
            Expect.equal(
                    "max offset of " + entry.getKey(),
                    sent.countByQueue().get(entry.getKey().getQueueId()),
                    offsets.getMaxOffset());
            Expect.between(
                    "last update",
                    before,
                    System.currentTimeMillis(),
                    offsets.getLastUpdateTimestamp());
        }
    }

    private static void offsets(Context context) throws Exception {
        var topic = context.topic(1);
        var admin = Admins.admin();
        var queue = new MessageQueue(topic, Admins.brokerName(), 0);
        Expect.equal(
                "earliest store time of an empty queue", -1L, admin.earliestMsgStoreTime(queue));
        var producer = context.producer();
        Sent.sync(producer, topic, "early", 5);
        Thread.sleep(50);
        long between = System.currentTimeMillis();
        Thread.sleep(50);
        Sent.sync(producer, topic, "late", 5);
        var messages = Drain.topic(topic).messages();
        Expect.equal("min offset", 0L, admin.minOffset(queue));
        Expect.equal("max offset", 10L, admin.maxOffset(queue));
        Expect.equal(
                "offset of a time before all", 0L, admin.searchOffset(queue, between - 60_000));
        Expect.equal("offset of the time between", 5L, admin.searchOffset(queue, between));
        Expect.equal(
                "offset of a time after all", 10L, admin.searchOffset(queue, between + 60_000));
        Expect.equal(
                "offset of the last one's own time",
                messages.get(5).getStoreTimestamp(),
                messages.get((int) admin.searchOffset(queue, messages.get(5).getStoreTimestamp()))
                        .getStoreTimestamp());
        Expect.equal(
                "earliest store time",
                messages.get(0).getStoreTimestamp(),
                admin.earliestMsgStoreTime(queue));
    }

    private static void cluster(Context context) throws Exception {
        var info = Admins.admin().examineBrokerClusterInfo();
        Expect.equal("clusters", Map.of(CLUSTER, Set.of(BROKER)), info.getClusterAddrTable());
        var broker = info.getBrokerAddrTable().get(BROKER);
        Expect.equal("cluster of the broker", CLUSTER, broker.getCluster());
        var addresses = Map.of(0L, System.getProperty("interop.broker"));
        Expect.equal("addresses", addresses, broker.getBrokerAddrs());
    }

    private static void brokerConfig(Context context) throws Exception {
        var config = Admins.admin().getBrokerConfig(Admins.broker());
        Expect.equal("broker name", Admins.brokerName(), config.getProperty("brokerName"));
        Expect.equal("cluster name", Admins.cluster(), config.getProperty("brokerClusterName"));
        Expect.equal("port", Admins.broker().split(":")[1], config.getProperty("listenPort"));
        Expect.equal("role", "ASYNC_MASTER", config.getProperty("brokerRole"));
        for (var name :
                List.of(
                        "flushDiskType",
                        "fileReservedTime",
                        "deleteWhen",
                        "maxMessageSize",
                        "autoCreateTopicEnable")) {
            Expect.that(
                    config.getProperty(name) != null,
                    () -> "setting " + name + " is not among " + config.keySet());
        }
        var change = new Properties();
        change.setProperty("fileReservedTime", "71");
        Admins.admin().updateBrokerConfig(Admins.broker(), change);
        Expect.equal(
                "changed setting",
                "71",
                Admins.admin().getBrokerConfig(Admins.broker()).getProperty("fileReservedTime"));
    }

    private static void brokerRuntime(Context context) throws Exception {
        var topic = context.topic(1);
        Sent.sync(context.producer(), topic, "m", 1);
        var table = Admins.admin().fetchBrokerRuntimeStats(Admins.broker()).getTable();
        for (var name :
                List.of(
                        "brokerVersionDesc",
                        "bootTimestamp",
                        "putTps",
                        "getTransferredTps",
                        "sendThreadPoolQueueSize",
                        "pullThreadPoolQueueSize",
                        "commitLogDiskRatio",
                        "earliestMessageTimeStamp",
                        "msgPutTotalTodayNow")) {
            Expect.that(table.get(name) != null, () -> name + " is not among " + table.keySet());
        }
        Expect.that(
                Long.parseLong(table.get("msgPutTotalTodayNow")) > 0,
                () -> "no message was counted: " + table);
    }

    private static void namesrvConfig(Context context) throws Exception {
        var servers = Admins.admin().getNameServerAddressList();
        var config = Admins.admin().getNameServerConfig(servers).get(servers.get(0));
        Expect.equal("port", servers.get(0).split(":")[1], config.getProperty("listenPort"));
    }

    private static void kvConfig(Context context) throws Exception {
        var admin = Admins.admin();
        var namespace = context.name("ns");
        admin.createAndUpdateKvConfig(namespace, "key", "value = ü");
        admin.createAndUpdateKvConfig(namespace, "other", "2");
        Expect.equal("value", "value = ü", admin.getKVConfig(namespace, "key"));
        Expect.equal(
                "list",
                Map.of("key", "value = ü", "other", "2"),
                admin.getKVListByNamespace(namespace).getTable());
        admin.deleteKvConfig(namespace, "key");
        Expect.failsWith("value of a deleted key", 22, () -> admin.getKVConfig(namespace, "key"));
    }

    /**
     * Order configuration is kept key by key, and told with routes once the name server is asked
     * to.
     */
    private static void orderTopic(Context context) throws Exception {
        var topic = context.topic(4);
        var admin = Admins.admin();
        var servers = admin.getNameServerAddressList();
        admin.createOrUpdateOrderConf(topic, Admins.brokerName() + ":8", false);
        admin.createOrUpdateOrderConf(topic, "broker-z:2", false);
        admin.createOrUpdateOrderConf(topic, Admins.brokerName() + ":4", false);
        var entries = Set.of(admin.getKVConfig("ORDER_TOPIC_CONFIG", topic).split(";"));
        Expect.equal(
                "order configuration", Set.of(Admins.brokerName() + ":4", "broker-z:2"), entries);
        Expect.equal(
                "order configuration of the route",
                null,
                admin.examineTopicRouteInfo(topic).getOrderTopicConf());
        updateNamesrv(servers, "true");
        Expect.equal(
                "order configuration of the route",
                entries,
                Set.of(admin.examineTopicRouteInfo(topic).getOrderTopicConf().split(";")));
        updateNamesrv(servers, "false");
    }

    private static void updateNamesrv(List<String> servers, String orderMessageEnable)
            throws Exception {
        var change = new Properties();
        change.setProperty("orderMessageEnable", orderMessageEnable);
        Admins.admin().updateNameServerConfig(change, servers);
        var config = Admins.admin().getNameServerConfig(servers).get(servers.get(0));
        Expect.equal(
                "changed setting", orderMessageEnable, config.getProperty("orderMessageEnable"));
    }

    /** A broker is taken out of writing at the name server, and put back. */
    private static void writePerm(Context context) throws Exception {
        var topic = context.topic(2);
        var admin = Admins.admin();
        var namesrv = admin.getNameServerAddressList().get(0);
        int wiped = admin.wipeWritePermOfBroker(namesrv, Admins.brokerName());
        Expect.that(wiped > 0, () -> "no topic was changed");
        Expect.equal(
                "permission",
                4,
                admin.examineTopicRouteInfo(topic).getQueueDatas().get(0).getPerm());
        Expect.failsWith(
                "send", 10005, () -> context.producer().send(new Message(topic, new byte[] {1})));
        Expect.equal(
                "topics put back", wiped, admin.addWritePermOfBroker(namesrv, Admins.brokerName()));
        Expect.equal(
                "permission",
                6,
                admin.examineTopicRouteInfo(topic).getQueueDatas().get(0).getPerm());
        var sent = Sent.sync(context.producer(), topic, "m", 4);
        Drain.topic(topic, sent).expectExactly(sent);
    }

    private AdminChecks() {}
}
