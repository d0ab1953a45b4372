package interop;

import java.util.List;
import java.util.Map;

/** Accounts of a plain_acl.yml (ACL 1.0; runner/plain-acl.yml): what their lines allow goes, and nothing else. */
final class PlainChecks {
    private static final int UPDATE_AND_CREATE_TOPIC = 17;
    private static final int DELETE_TOPIC = 215;
    private static final int SUCCESS = 0;
    private static final int PULL_NOT_FOUND = 19;

    static List<Check> all() {
        return List.of(
                Check.together("plain-topics", PlainChecks::topics),
                Check.together("plain-group-only", PlainChecks::groupOnly),
                Check.together("plain-deny-over-default", PlainChecks::denyOverDefault),
                Check.together("plain-address", PlainChecks::address),
                Check.together("plain-admin", PlainChecks::admin),
                Check.together("plain-wrong-secret", PlainChecks::wrongSecret));
    }

    private static User account(Context context, String name) {
        return User.of(context, name, "secret-of-" + name);
    }

    private static void topics(Context context) throws Exception {
        Admins.createTopic("plain-mine", 1);
        Admins.createTopic("plain-other", 1);
        var writer = account(context, "plain-writer");
        Expect.equal("a send to his topic", SUCCESS, writer.send("plain-mine"));
        writer.refused("a send to another", writer.trySend("plain-other"), "");
        writer.refused("a pull of his topic", writer.pull("plain-group", "plain-mine"), "");
        var producer = writer.producer(context);
        producer.send(Sent.message("plain-mine", "m"));
        User.expectNotSent(producer, "plain-other");
        Expect.equal("messages in the other topic", 0L, Admins.stored("plain-other"));
    }

    /** SUB on topic and group is all that a consumer wants, tries again included. */
    private static void groupOnly(Context context) throws Exception {
        Admins.createTopic("plain-read", 1);
        var reader = account(context, "plain-reader");
        Expect.equal("a pull", PULL_NOT_FOUND, reader.pull("plain-group", "plain-read").getCode());
        var deliveries = new Deliveries();
        var consumer = reader.consumer(context, "plain-group", "plain-read");
        consumer.registerMessageListener(
                deliveries.concurrently(
                        (delivery, how) -> {
                            how.setDelayLevelWhenNextConsume(1);
                            return delivery.number() == 1;
                        }));
        RetryChecks.start(consumer);
        Sent.sync(context.producer(), "plain-read", "m", 4);
        deliveries.awaitCount(8);
        reader.refused("a pull for another", reader.pull("plain-other-group", "plain-read"), "");
        reader.refused("a send", reader.trySend("plain-read"), "");
    }

    private static void denyOverDefault(Context context) throws Exception {
        Admins.createTopic("plain-open", 1);
        Admins.createTopic("plain-closed", 1);
        var user = account(context, "plain-default");
        Expect.equal("a send as by default", SUCCESS, user.send("plain-open"));
        user.refused("a send to a topic that is denied", user.trySend("plain-closed"), "");
    }

    private static void address(Context context) throws Exception {
        Admins.createTopic("plain-address", 1);
        Expect.equal("a send from here", SUCCESS, account(context, "plain-local").send("plain-address"));
        var elsewhere = account(context, "plain-elsewhere");
        elsewhere.refused("a send from here", elsewhere.trySend("plain-address"), "");
    }

    private static void admin(Context context) throws Exception {
        Admins.createTopic("plain-admin", 1);
        var user = account(context, "plain-default");
        var config =
                Map.of(
                        "topic", "plain-admin",
                        "readQueueNums", "9",
                        "writeQueueNums", "9",
                        "perm", "6",
                        "topicFilterType", "SINGLE_TAG",
                        "topicSysFlag", "0",
                        "order", "false",
                        "defaultTopic", "TBW102");
        user.refused("a change of a topic", user.ask(UPDATE_AND_CREATE_TOPIC, config), "");
        user.refused("the end of a topic", user.ask(DELETE_TOPIC, Map.of("topic", "plain-admin")), "");
        Expect.equal("queues of the topic", 1, Admins.queues("plain-admin").size());
    }

    private static void wrongSecret(Context context) throws Exception {
        Admins.createTopic("plain-secret", 1);
        var impostor = User.of(context, "plain-default", "wrong-secret");
        Expect.equal("code", User.NO_PERMISSION, impostor.send("plain-secret"));
        var stranger = User.of(context, "plain-nobody", "wrong-secret");
        Expect.equal("code", User.NO_PERMISSION, stranger.send("plain-secret"));
    }

    private PlainChecks() {}
}
