package interop;

import org.apache.rocketmq.client.producer.DefaultMQProducer;
import org.apache.rocketmq.client.producer.SendResult;
import org.apache.rocketmq.common.message.Message;
import org.apache.rocketmq.common.message.MessageExt;

import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;

/** What is inside a message comes back as it was: sizes, compression, unicode, properties. */
final class BodyChecks {
    private static final int MIB = 1024 * 1024;
    private static final int BODY_MAX = 4 * MIB;
    private static final int MESSAGE_ILLEGAL = 13;
    private static final String COMPRESS_TYPE = "rocketmq.message.compressType";

    /**
     * Bits 8 to 10 of the system flag; bit 0, which says compressed, is taken away by the client
     * with the compression.
     */
    private static final Map<String, Integer> COMPRESSION_FLAGS =
            Map.of("LZ4", 0x100, "ZSTD", 0x200, "ZLIB", 0x300);

    static List<Check> all() {
        return List.of(
                Check.together("body-sizes", BodyChecks::sizes),
                Check.together("body-too-big", BodyChecks::tooBig),
                Check.together("body-zlib", context -> compressed(context, "ZLIB")),
                Check.together("body-lz4", context -> compressed(context, "LZ4")),
                Check.together("body-zstd", context -> compressed(context, "ZSTD")),
                Check.together("unicode", BodyChecks::unicode),
                Check.together("properties", BodyChecks::properties));
    }

    /** From one byte to exactly the largest body, sent as they are, through push and pull alike. */
    private static void sizes(Context context) throws Exception {
        var topic = context.topic(1);
        var producer = uncompressed(context);
        int[] sizes = {1, 1024, 64 * 1024, MIB, BODY_MAX};
        var inbox = new Inbox();
        var consumer = context.pushConsumer(context.name("g"));
        consumer.subscribe(topic, "*");
        consumer.registerMessageListener(inbox.concurrently());
        consumer.start();
        for (int size : sizes) producer.send(new Message(topic, random(size)));
        Expect.eventually(
                "bodies that were pushed", sizes.length, () -> inbox.messages().size());
        expectBodies("pushed", sizes, inbox.messages());
        expectBodies("pulled", sizes, Drain.topic(topic).messages());
    }

    private static void expectBodies(String how, int[] sizes, List<MessageExt> messages) {
        Expect.equal(how + " bodies", sizes.length, messages.size());
        for (var message : messages) {
            int size = sizes[(int) message.getQueueOffset()];
            Expect.that(
                    Arrays.equals(random(size), message.getBody()),
                    () -> how + " body of " + size + " bytes differs");
        }
    }

    /**
     * One byte too many is refused by the client, and by the broker where the client would let it
     * pass.
     */
    private static void tooBig(Context context) throws Exception {
        var topic = context.topic(1);
        var message = new Message(topic, random(BODY_MAX + 1));
        var strict = uncompressed(context);
        Expect.failsWith(
                "send by a client with the usual limit",
                MESSAGE_ILLEGAL,
                () -> strict.send(message));
        var lax = uncompressed(context);
        lax.setMaxMessageSize(8 * MIB);
        Expect.failsWith(
                "send by a client with a higher limit", MESSAGE_ILLEGAL, () -> lax.send(message));
        Expect.equal("stored messages", 0L, Admins.stored(topic));
        var sent = Sent.sync(lax, topic, "m", 3);
        Drain.topic(topic, sent).expectExactly(sent);
    }

    /** The client compresses, the broker stores what it got, the consumer sees the text again. */
    private static void compressed(Context context, String type) throws Exception {
        var topic = context.topic(1);
        var body = "RocketMQ ".repeat(20_000).getBytes(StandardCharsets.UTF_8);
        DefaultMQProducer producer;
        synchronized (BodyChecks.class) { // the client reads the property when the producer is made
            System.setProperty(COMPRESS_TYPE, type);
            producer = context.newProducer();
            System.clearProperty(COMPRESS_TYPE);
        }
        producer.start();
        producer.send(new Message(topic, body));
        var message = Drain.only(topic);
        Expect.that(Arrays.equals(body, message.getBody()), () -> "the body differs");
        Expect.between("bytes in the store", 100, body.length / 10, message.getStoreSize());
        Expect.equal(
                "compression in the system flag",
                COMPRESSION_FLAGS.get(type),
                message.getSysFlag() & 0x700);
    }

    private static void unicode(Context context) throws Exception {
        var topic = context.topic(2);
        var producer = context.producer();
        var message =
                new Message(
                        topic,
                        "标签-é",
                        "ключ-🚀",
                        "Grüße, 世界 🌍 \u0000 \uD83D\uDE00".getBytes(StandardCharsets.UTF_8));
        message.putUserProperty("имя", "значение 🚀");
        message.putUserProperty("空", "a b\tc\nd");
        var result = producer.send(message);
        producer.send(new Message(topic, "другой", "other".getBytes(StandardCharsets.UTF_8)));
        var inbox = new Inbox();
        var consumer = context.pushConsumer(context.name("g"));
        consumer.subscribe(topic, "标签-é");
        consumer.registerMessageListener(inbox.concurrently());
        consumer.start();
        var sent = new Sent();
        sent.add(message, result);
        inbox.expectExactly(sent);
        var received = inbox.messages().get(0);
        Expect.equal("tag", "标签-é", received.getTags());
        Expect.equal("keys", "ключ-🚀", received.getKeys());
        Expect.equal("property имя", "значение 🚀", received.getUserProperty("имя"));
        Expect.equal("property 空", "a b\tc\nd", received.getUserProperty("空"));
    }

    private static void properties(Context context) throws Exception {
        var topic = context.topic(1);
        var message = new Message(topic, "TagA", "k1 k2", "body".getBytes(StandardCharsets.UTF_8));
        message.setFlag(0x1234_5678);
        message.setBuyerId("buyer");
        var user = new HashMap<String, String>();
        for (int i = 0; i < 100; i++) user.put("p" + i, "v".repeat(1 + i * 2));
        user.forEach(message::putUserProperty);
        long before = System.currentTimeMillis();
        SendResult result = context.producer().send(message);
        long after = System.currentTimeMillis();
        var received = Drain.only(topic);
        user.forEach(
                (name, value) ->
                        Expect.equal("property " + name, value, received.getUserProperty(name)));
        Expect.equal("flag", 0x1234_5678, received.getFlag());
        Expect.equal("buyer", "buyer", received.getBuyerId());
        Expect.equal("keys", "k1 k2", received.getKeys());
        Expect.equal("tag", "TagA", received.getTags());
        Expect.equal("topic", topic, received.getTopic());
        Expect.equal("message id", result.getMsgId(), received.getMsgId());
        Expect.equal("born host", "127.0.0.1", received.getBornHostString());
        Expect.equal("cluster", Admins.cluster(), received.getProperty("CLUSTER"));
        Expect.equal("region", result.getRegionId(), received.getProperty("MSG_REGION"));
        Expect.equal("store host", Admins.broker(), hostAndPort(received));
        Expect.between("born time", before, after, received.getBornTimestamp());
        Expect.between("store time", before, after, received.getStoreTimestamp());
        Expect.equal("reconsume times", 0, received.getReconsumeTimes());
    }

    private static String hostAndPort(MessageExt message) {
        var host = (InetSocketAddress) message.getStoreHost();
        return host.getAddress().getHostAddress() + ":" + host.getPort();
    }

    private static DefaultMQProducer uncompressed(Context context) throws Exception {
        var producer = context.producer();
        producer.setCompressMsgBodyOverHowmuch(Integer.MAX_VALUE);
        return producer;
    }

    /** The same bytes for the same size, and no compressing them. */
    private static byte[] random(int size) {
        var bytes = new byte[size];
        new Random(size).nextBytes(bytes);
        return bytes;
    }

    private BodyChecks() {}
}
