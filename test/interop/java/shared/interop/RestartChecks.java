package interop;

import interop.Check.Claim;

import org.apache.rocketmq.client.producer.DefaultMQProducer;
import org.apache.rocketmq.common.TopicConfig;

import java.util.List;

/** A clean restart: nothing is lost, nothing comes twice, and clients that stayed go on. */
final class RestartChecks {
    private static final int SEND_TRIES_MAX = 300;

    static List<Check> all() {
        return List.of(
                Check.acrossRestart("restart-messages", RestartChecks::messages),
                Check.acrossRestart("restart-offsets", RestartChecks::offsets),
                Check.acrossRestart("restart-clients-stay", RestartChecks::clientsStay),
                Check.acrossRestart("restart-orderly", RestartChecks::orderly),
                Check.acrossRestart("restart-settings", RestartChecks::settings));
    }

    /** What lay there lies there, and new messages go behind it. */
    private static Claim messages(Context before) throws Exception {
        var topic = before.topic(4);
        var sent = Sent.sync(before.producer(), topic, "before", 100);
        return after -> {
            sent.addAll(Sent.sync(after.producer(), topic, "after", 40));
            sent.expectDenseOffsets(0);
            Drain.topic(topic, sent).expectExactly(sent);
        };
    }

    /** A group that had consumed a part gets exactly the rest. */
    static Claim offsets(Context before) throws Exception {
        var topic = before.topic(4);
        var group = before.name("g");
        var producer = before.producer();
        var consumed = Sent.sync(producer, topic, "consumed", 50);
        var inbox = new Inbox();
        var consumer = PushChecks.start(before, topic, "*", group, inbox);
        inbox.expectExactly(consumed);
        PushChecks.awaitCommitted(consumer, topic);
        consumer.shutdown();
        var rest = Sent.sync(producer, topic, "rest", 30);
        Expect.equal("messages to be consumed", 30L, Admins.lag(group, topic));
        return after -> {
            var inboxAfter = new Inbox();
            PushChecks.start(after, topic, "*", group, inboxAfter);
            inboxAfter.expectExactly(rest);
        };
    }

    /** Producer and consumer live through the restart. */
    static Claim clientsStay(Context before) throws Exception {
        var topic = before.topic(4);
        var producer = before.producer();
        var inbox = new Inbox();
        PushChecks.start(before, topic, "*", before.name("g"), inbox);
        var sent = Sent.sync(producer, topic, "before", 20);
        inbox.expectExactly(sent);
        return after -> {
            sent.addAll(sendPatiently(producer, topic, "after", 40));
            inbox.awaitAll(sent.places().keySet());
        };
    }

    private static Claim orderly(Context before) throws Exception {
        var topic = before.topic(4);
        var producer = before.producer();
        var inbox = new Inbox();
        var consumer = before.pushConsumer(before.name("g"));
        consumer.subscribe(topic, "*");
        consumer.registerMessageListener(inbox.orderly());
        consumer.start();
        var sent = Sent.sync(producer, topic, "before", 40);
        inbox.expectExactly(sent);
        return after -> {
            sent.addAll(sendPatiently(producer, topic, "after", 40));
            inbox.awaitAll(sent.places().keySet());
            inbox.expectOrderInQueues();
        };
    }

    private static Claim settings(Context before) throws Exception {
        var topic = before.name("t");
        var group = before.name("g");
        Admins.createTopic(new TopicConfig(topic, 7, 5, 6));
        Admins.admin()
                .createAndUpdateSubscriptionGroupConfig(Admins.broker(), Versions.group(group, 3));
        return after -> {
            Expect.equal(
                    "topic in the broker",
                    "7/5/6",
                    Admins.shape(Admins.admin().examineTopicConfig(Admins.broker(), topic)));
            Expect.equal("topic in the route", "7/5/6", Admins.routeShape(topic));
            var groupConfig = Admins.admin().examineSubscriptionGroupConfig(Admins.broker(), group);
            Expect.equal("retries of the group", 3, groupConfig.getRetryMaxTimes());
        };
    }

    /** Sends one by one; a try that fails while connections come back is made again. */
    static Sent sendPatiently(DefaultMQProducer producer, String topic, String stem, int count)
            throws Exception {
        var sent = new Sent();
        int failures = 0;
        for (var message : Sent.messages(topic, stem, count)) {
            while (true) {
                try {
                    sent.add(message, producer.send(message));
                    break;
                } catch (Exception e) {
                    if (++failures == SEND_TRIES_MAX) throw e;
                    Thread.sleep(200);
                }
            }
        }
        return sent;
    }

    private RestartChecks() {}
}
