package interop;

import org.apache.rocketmq.client.consumer.DefaultMQPushConsumer;
import org.apache.rocketmq.common.UtilAll;
import org.apache.rocketmq.common.consumer.ConsumeFromWhere;
import org.apache.rocketmq.common.message.Message;
import org.apache.rocketmq.common.message.MessageExt;
import org.apache.rocketmq.common.message.MessageQueue;

import java.util.Arrays;
import java.util.List;
import java.util.stream.LongStream;

/**
 * A broker whose broker.conf (strictSettings in runner/suites.mjs) creates nothing by itself,
 * refuses bodies over 64 KiB, and keeps small files only as long as they are written.
 */
final class StrictChecks {
    private static final int NO_ROUTE = 10005;
    private static final int MESSAGE_ILLEGAL = 13;
    private static final int TOPIC_NOT_EXIST = 17;
    private static final int GROUP_NOT_EXIST = 26;
    private static final int BODY_MAX = 65_536;

    /**
     * RocketMQ looks for old files a minute after its start, and every ten seconds from then on.
     */
    private static final int CLEAN_SECONDS_MAX = 70 + Expect.SECONDS_MAX;

    static List<Check> all() {
        return List.of(
                Check.together("strict-unknown-topic", StrictChecks::unknownTopic),
                Check.together("strict-unknown-group", StrictChecks::unknownGroup),
                Check.together("strict-body-too-big", StrictChecks::bodyTooBig),
                Check.together("strict-many-files", StrictChecks::manyFiles),
                Check.alone("strict-old-files-go", StrictChecks::oldFilesGo));
    }

    private static void unknownTopic(Context context) throws Exception {
        var topic = context.name("none");
        Expect.failsWith(
                "send",
                NO_ROUTE,
                () -> context.producer().send(new Message(topic, new byte[] {1})));
        Raw.expectCode(
                "send past the client", TOPIC_NOT_EXIST, Raw.SEND_MESSAGE, Raw.send(topic, 0));
        Expect.that(
                !Admins.admin().fetchAllTopicList().getTopicList().contains(topic),
                () -> topic + " was created");
    }

    private static void unknownGroup(Context context) throws Exception {
        var topic = context.topic(1);
        var pull = Raw.pull(context.name("none"), topic, 0, "*");
        Raw.expectCode("pull", GROUP_NOT_EXIST, Raw.PULL_MESSAGE, pull);
    }

    private static void bodyTooBig(Context context) throws Exception {
        var topic = context.topic(1);
        var producer = context.producer();
        producer.setCompressMsgBodyOverHowmuch(Integer.MAX_VALUE);
        producer.send(new Message(topic, new byte[BODY_MAX]));
        Expect.failsWith(
                "send of a byte more",
                MESSAGE_ILLEGAL,
                () -> producer.send(new Message(topic, new byte[BODY_MAX + 1])));
        Expect.eventually("stored messages", 1L, () -> Admins.stored(topic));
    }

    /** A log and a queue that go over many files are read as one. */
    private static void manyFiles(Context context) throws Exception {
        var topic = context.topic(1);
        var group = knownGroup(context, "g");
        var inbox = new Inbox();
        PushChecks.start(context, topic, "*", group, inbox);
        var sent = fill(context, topic, 700);
        var ids = sent.places().keySet();
        Expect.eventually("messages pushed", ids.size(), () -> inbox.messages().size());
        for (var message : inbox.messages()) {
            Expect.that(
                    ids.contains(head(message.getBody())),
                    () -> "a message came that was not sent: " + message);
            Expect.equal("body size", 4000, message.getBody().length);
        }
        var offsets = inbox.messages().stream().map(MessageExt::getQueueOffset).sorted().toList();
        Expect.equal("offsets", LongStream.range(0, ids.size()).boxed().toList(), offsets);
    }

    /** 4000 bytes each, so that a few hundred fill several files of a MiB. */
    private static Sent fill(Context context, String topic, int count) throws Exception {
        var producer = context.producer();
        var sent = new Sent();
        for (int i = 0; i < count; i++) {
            var body = Arrays.copyOf(("m-" + i + " ").getBytes(), 4000);
            var result = producer.send(new Message(topic, body));
            sent.add(
                    "m-" + i,
                    new Sent.Place(
                            result.getMessageQueue().getQueueId(),
                            result.getQueueOffset(),
                            result.getMsgId()));
        }
        return sent;
    }

    private static String head(byte[] body) {
        var text = new String(body);
        return text.substring(0, text.indexOf(' '));
    }

    /** Old files go, the queue's beginning with them; new groups begin where they asked to. */
    private static void oldFilesGo(Context context) throws Exception {
        var topic = context.topic(1);
        var queue = new MessageQueue(topic, Admins.brokerName(), 0);
        fill(context, topic, 700);
        Expect.eventually(
                "beginning of the queue moved",
                true,
                CLEAN_SECONDS_MAX,
                () -> Admins.admin().minOffset(queue) > 0);
        var producer = context.producer();
        Thread.sleep(1100); // a group starts by a time of whole seconds
        long between = System.currentTimeMillis();
        Thread.sleep(1100);
        long last = producer.send(new Message(topic, "late ".getBytes())).getQueueOffset();
        Expect.eventually("end of the queue", last + 1, () -> Admins.admin().maxOffset(queue));

        expectFirst(
                "from first",
                Admins.admin().minOffset(queue),
                context,
                topic,
                ConsumeFromWhere.CONSUME_FROM_FIRST_OFFSET,
                0);
        expectFirst(
                "from a time",
                last,
                context,
                topic,
                ConsumeFromWhere.CONSUME_FROM_TIMESTAMP,
                between);
        expectFirst(
                "from last",
                last + 1,
                context,
                topic,
                ConsumeFromWhere.CONSUME_FROM_LAST_OFFSET,
                0);
        Expect.that(Admins.admin().earliestMsgStoreTime(queue) > 0, () -> "no earliest store time");
    }

    /** A new group is first given the message at this offset, or the next one that is sent. */
    private static void expectFirst(
            String what,
            long offset,
            Context context,
            String topic,
            ConsumeFromWhere where,
            long timeMs)
            throws Exception {
        var inbox = new Inbox();
        DefaultMQPushConsumer consumer = context.pushConsumer(knownGroup(context, where.name()));
        consumer.setConsumeFromWhere(where);
        consumer.setConsumeTimestamp(UtilAll.timeMillisToHumanString3(timeMs));
        consumer.subscribe(topic, "*");
        consumer.registerMessageListener(inbox.orderly());
        consumer.start();
        PushChecks.awaitQueues(consumer, topic, 1);
        if (where == ConsumeFromWhere.CONSUME_FROM_LAST_OFFSET) {
            inbox.expectNothing();
            context.producer().send(new Message(topic, "later ".getBytes()));
        }
        Expect.eventually(
                "first offset " + what, offset, () -> inbox.messages().get(0).getQueueOffset());
        consumer.shutdown();
    }

    /** Groups are not created by themselves here. */
    private static String knownGroup(Context context, String stem) throws Exception {
        var group = context.name(stem);
        Admins.admin()
                .createAndUpdateSubscriptionGroupConfig(Admins.broker(), Versions.group(group, 16));
        return group;
    }

    private StrictChecks() {}
}
