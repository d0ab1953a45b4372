package interop;

import org.apache.rocketmq.client.producer.LocalTransactionState;
import org.apache.rocketmq.client.producer.TransactionListener;
import org.apache.rocketmq.client.producer.TransactionMQProducer;
import org.apache.rocketmq.common.message.Message;
import org.apache.rocketmq.common.message.MessageExt;
import org.apache.rocketmq.remoting.netty.NettyRemotingClient;

import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;

/** Users who may do little (ACL 2.0): what their policies allow goes, and nothing else. */
final class PolicyChecks {
    private static final int UPDATE_AND_CREATE_TOPIC = 17;
    private static final int UPDATE_CONSUMER_OFFSET = 15;
    private static final int DELETE_TOPIC = 215;
    private static final int AUTH_CREATE_USER = 3001;
    private static final int AUTH_UPDATE_USER = 3002;
    private static final int AUTH_CREATE_ACL = 3006;
    private static final int AUTH_UPDATE_ACL = 3007;
    private static final int AUTH_DELETE_ACL = 3008;
    private static final int SUCCESS = 0;

    private static final NettyRemotingClient OPERATOR = Raw.client(AclChecks.hook());

    static List<Check> all() {
        return List.of(
                Check.together("policy-topics", PolicyChecks::topics),
                Check.together("policy-deny-over-allow", PolicyChecks::denyOverAllow),
                Check.together("policy-group-only", PolicyChecks::groupOnly),
                Check.together("policy-source-ip", PolicyChecks::sourceIp),
                Check.together("policy-changed", PolicyChecks::changed),
                Check.together("policy-user-disabled", PolicyChecks::disabled),
                Check.together("policy-admin", PolicyChecks::admin),
                Check.together("policy-transaction", PolicyChecks::transaction));
    }

    /** @param entries JSON of the entries of his policy */
    private static User user(Context context, String... entries) throws Exception {
        var name = context.name("u");
        var user = User.of(context, name, "secret-of-" + name);
        operate(AUTH_CREATE_USER, Map.of("username", name), "{\"password\":\"" + user.secret() + "\"}");
        if (entries.length > 0) allow(AUTH_CREATE_ACL, name, entries);
        return user;
    }

    private static void allow(int code, String user, String... entries) throws Exception {
        var policies =
                "{\"policies\":[{\"policyType\":\"Custom\",\"entries\":[" + String.join(",", entries) + "]}]}";
        operate(code, Map.of("subject", "User:" + user), policies);
    }

    private static void operate(int code, Map<String, String> fields, String body) throws Exception {
        var answer = Raw.ask(OPERATOR, code, fields, body.getBytes(StandardCharsets.UTF_8));
        Expect.equal("code " + code + " (" + answer.getRemark() + ")", SUCCESS, answer.getCode());
    }

    private static String entry(String resource, String actions, String decision, String... sourceIps) {
        var list = String.join("\",\"", sourceIps);
        var ips = sourceIps.length == 0 ? "" : ",\"sourceIps\":[\"" + list + "\"]";
        return "{\"resource\":\"%s\",\"actions\":[\"%s\"],\"decision\":\"%s\"%s}"
                .formatted(resource, actions, decision, ips);
    }

    private static String allowed(String resource, String actions) {
        return entry(resource, actions, "Allow");
    }

    /** A broker may remember rights for a moment. */
    private static void eventually(String what, int code, Callable<Integer> ask) throws Exception {
        Expect.eventually(what, code, ask);
    }

    private static void topics(Context context) throws Exception {
        var mine = context.topic("mine", 1);
        var other = context.topic("other", 1);
        var user = user(context, allowed("Topic:" + mine, "Pub"));
        eventually("a send to his topic", SUCCESS, () -> user.send(mine));
        user.refused("a send to another", user.trySend(other), other);
        user.refused("a pull of his topic", user.pull(context.name("g"), mine), "");
        var producer = user.producer(context);
        producer.send(new Message(mine, new byte[] {1}));
        User.expectNotSent(producer, other);
        Expect.equal("messages in the other topic", 0L, Admins.stored(other));
    }

    /** The more exact entry counts, whatever it says; a longer prefix is more exact. */
    private static void denyOverAllow(Context context) throws Exception {
        var open = context.topic("x-open", 1);
        var closed = context.topic("x-closed", 1);
        var again = context.topic("x-closed-not", 1);
        var prefix = open.substring(0, open.indexOf("open"));
        var user =
                user(
                        context,
                        allowed("Topic:" + prefix + "*", "All"),
                        entry("Topic:" + prefix + "closed*", "Pub", "Deny"),
                        allowed("Topic:" + again, "Pub"));
        eventually("a send below the prefix", SUCCESS, () -> user.send(open));
        user.refused("a send where a longer prefix denies", user.trySend(closed), closed);
        Expect.equal("a send where the name allows", SUCCESS, user.send(again));
    }

    /** Sub on topic and group is all that a consumer wants, tries again included. */
    private static void groupOnly(Context context) throws Exception {
        var topic = context.topic(1);
        var group = context.name("g");
        var user = user(context, allowed("Topic:" + topic, "Sub"), allowed("Group:" + group, "Sub"));
        eventually("a pull", 19, () -> user.pull(group, topic).getCode());
        var deliveries = new Deliveries();
        var consumer = user.consumer(context, group, topic);
        consumer.registerMessageListener(
                deliveries.concurrently(
                        (delivery, how) -> {
                            how.setDelayLevelWhenNextConsume(1);
                            return delivery.number() == 1;
                        }));
        RetryChecks.start(consumer);
        Sent.sync(context.producer(), topic, "m", 4);
        deliveries.awaitCount(8);
        user.refused("a pull for another", user.pull(context.name("other"), topic), "Group:");
        var commit =
                Map.of(
                        "consumerGroup", context.name("other"),
                        "topic", topic,
                        "queueId", "0",
                        "commitOffset", "0");
        user.refused("a commit for another", user.ask(UPDATE_CONSUMER_OFFSET, commit), "");
        user.refused("a send", user.trySend(topic), topic);
    }

    private static void sourceIp(Context context) throws Exception {
        var here = context.topic("here", 1);
        var elsewhere = context.topic("elsewhere", 1);
        var user =
                user(
                        context,
                        entry("Topic:" + here, "Pub", "Allow", "10.0.0.1", "127.0.0.0/8"),
                        entry("Topic:" + elsewhere, "Pub", "Allow", "10.0.0.0/8"));
        eventually("a send from an address of the list", SUCCESS, () -> user.send(here));
        user.refused("a send from another", user.trySend(elsewhere), elsewhere);
    }

    /** Rights count at once, under a connection that is there. */
    private static void changed(Context context) throws Exception {
        var topic = context.topic(1);
        var user = user(context, allowed("Topic:" + topic, "Pub"));
        var producer = user.producer(context);
        producer.send(new Message(topic, new byte[] {1}));
        allow(AUTH_UPDATE_ACL, user.name(), entry("Topic:" + topic, "Pub", "Deny"));
        eventually("a send when it is denied", User.NO_PERMISSION, () -> user.send(topic));
        User.expectNotSent(producer, topic);
        allow(AUTH_UPDATE_ACL, user.name(), allowed("Topic:" + topic, "Pub"));
        eventually("a send when it is allowed again", SUCCESS, () -> user.send(topic));
        var gone = Map.of("subject", "User:" + user.name(), "resource", "Topic:" + topic);
        operate(AUTH_DELETE_ACL, gone, "");
        eventually("a send without any policy", User.NO_PERMISSION, () -> user.send(topic));
    }

    private static void disabled(Context context) throws Exception {
        var topic = context.topic(1);
        var user = user(context, allowed("Topic:" + topic, "Pub"));
        eventually("a send", SUCCESS, () -> user.send(topic));
        operate(AUTH_UPDATE_USER, Map.of("username", user.name()), "{\"userStatus\":\"disable\"}");
        eventually("a send of a user who is disabled", User.NO_PERMISSION, () -> user.send(topic));
        operate(AUTH_UPDATE_USER, Map.of("username", user.name()), "{\"userStatus\":\"enable\"}");
        eventually("a send of a user who is enabled", SUCCESS, () -> user.send(topic));
    }

    /** What is the operator's to do is not everybody's, be his topic what it may. */
    private static void admin(Context context) throws Exception {
        var topic = context.topic(1);
        var user =
                user(context, allowed("Topic:" + topic, "Pub"), allowed("Group:*", "Sub"));
        eventually("a send", SUCCESS, () -> user.send(topic));
        var config =
                Map.of(
                        "topic", topic,
                        "readQueueNums", "9",
                        "writeQueueNums", "9",
                        "perm", "6",
                        "topicFilterType", "SINGLE_TAG",
                        "topicSysFlag", "0",
                        "order", "false",
                        "defaultTopic", "TBW102");
        user.refused("a change of the topic", user.ask(UPDATE_AND_CREATE_TOPIC, config), topic);
        user.refused("the end of the topic", user.ask(DELETE_TOPIC, Map.of("topic", topic)), topic);
        var another = Map.of("username", context.name("v"));
        user.refused("a new user", user.ask(AUTH_CREATE_USER, another), "Cluster:");
        Expect.equal("queues of the topic", 1, Admins.queues(topic).size());
    }

    /** Pub on the topic is all that a transaction wants. */
    private static void transaction(Context context) throws Exception {
        var topic = context.topic(1);
        var user = user(context, allowed("Topic:" + topic, "Pub"));
        var hook = user.hook();
        var producer = new TransactionMQProducer(context.name("p"), hook);
        Context.configured(producer).setTransactionListener(new Committing());
        context.atEnd(producer::shutdown);
        producer.start();
        eventually("a send", SUCCESS, () -> user.send(topic));
        for (int i = 0; i < 3; i++) {
            producer.sendMessageInTransaction(new Message(topic, new byte[] {1}), null);
        }
        Expect.eventually("messages stored", 4L, () -> Admins.stored(topic));
    }

    private static final class Committing implements TransactionListener {
        @Override
        public LocalTransactionState executeLocalTransaction(Message message, Object arg) {
            return LocalTransactionState.COMMIT_MESSAGE;
        }

        @Override
        public LocalTransactionState checkLocalTransaction(MessageExt message) {
            return LocalTransactionState.COMMIT_MESSAGE;
        }
    }

    private PolicyChecks() {}
}
