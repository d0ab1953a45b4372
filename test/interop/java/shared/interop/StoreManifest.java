package interop;

import org.apache.rocketmq.client.producer.DefaultMQProducer;
import org.apache.rocketmq.common.message.Message;
import org.apache.rocketmq.common.message.MessageExt;

import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Base64;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.TreeMap;
import java.util.regex.Pattern;
import java.util.stream.Collectors;

/**
 * A store that one server writes and another one serves. The manifest has a line per acknowledged
 * message, and a line for the group that had consumed half of them.
 */
final class StoreManifest {
    private static final String TOPIC = "store-mixed";
    private static final String HALF_TOPIC = "store-half";
    private static final String HALF_GROUP = "store-half-group";

    /** Where the broker keeps offsets; null where it need not be waited for. */
    private static final String OFFSETS_FILE = System.getProperty("interop.offsetsFile");

    private static final int BATCH_COUNT = 20;
    private static final int MIB = 1024 * 1024;

    /** The writing side: one check, which also leaves the manifest behind. */
    static Check writing(String manifest) {
        return Check.alone(
                "write",
                context -> {
                    var lines = new ArrayList<String>();
                    Admins.createTopic(TOPIC, 3);
                    Admins.createTopic(HALF_TOPIC, 2);
                    var producer = context.producer();
                    for (var message : mixed()) producer.send(message);
                    producer.send(Sent.messages(TOPIC, "batch", BATCH_COUNT));
                    Expect.eventually(
                            "stored messages",
                            (long) mixed().size() + BATCH_COUNT,
                            () -> Admins.stored(TOPIC));
                    consumeHalf(context, producer);
                    // What it holds is noted by reading it back; what was answered was compared by
                    // the send checks.
                    for (var topic : List.of(TOPIC, HALF_TOPIC)) {
                        for (var message : Drain.topic(topic).messages()) lines.add(line(message));
                    }
                    Expect.equal(
                            "messages in the manifest",
                            mixed().size() + BATCH_COUNT + 60,
                            lines.size());
                    Files.write(Path.of(manifest), lines.stream().sorted().toList());
                });
    }

    /** The reading side, on another server over the same files. */
    static List<Check> reading(String manifest) {
        return List.of(
                Check.alone("messages", context -> messages(context, Path.of(manifest))),
                Check.alone("tags", StoreManifest::tags),
                Check.alone("group-goes-on", StoreManifest::groupGoesOn),
                Check.alone("new-messages-behind", StoreManifest::newMessagesBehind));
    }

    /** One of each kind, and enough small ones to fill some pages. */
    private static List<Message> mixed() {
        var messages = new ArrayList<Message>();
        for (int size : new int[] {1, 1024, 64 * 1024, MIB, 3 * MIB})
            messages.add(new Message(TOPIC, "big", "k" + size, random(size)));
        messages.add(
                new Message(
                        TOPIC, "标签", "ключ 🚀", "Grüße, 世界 🌍".getBytes(StandardCharsets.UTF_8)));
        messages.add(
                new Message(
                        TOPIC,
                        "text",
                        "",
                        "compress me ".repeat(5000).getBytes(StandardCharsets.UTF_8)));
        for (int i = 0; i < 300; i++) {
            var message =
                    new Message(
                            TOPIC,
                            i % 3 == 0 ? "AaAa" : "BBBB",
                            "key" + i,
                            ("small " + i).getBytes(StandardCharsets.UTF_8));
            message.putUserProperty("number", Integer.toString(i));
            message.setFlag(i);
            messages.add(message);
        }
        return messages;
    }

    private static void consumeHalf(Context context, DefaultMQProducer producer) throws Exception {
        var sent = Sent.sync(producer, HALF_TOPIC, "consumed", 30);
        var inbox = new Inbox();
        var consumer = PushChecks.start(context, HALF_TOPIC, "*", HALF_GROUP, inbox);
        inbox.expectExactly(sent);
        PushChecks.awaitCommitted(consumer, HALF_TOPIC);
        consumer.shutdown();
        Sent.sync(producer, HALF_TOPIC, "left", 30);
        Expect.equal("messages to be consumed", 30L, Admins.lag(HALF_GROUP, HALF_TOPIC));
        if (OFFSETS_FILE != null)
            Expect.eventually("messages consumed by the file", 30L, StoreManifest::consumedByFile);
    }

    /** The offsets of the half topic's queues in the broker's file, which it writes every 5 s, in all. */
    private static long consumedByFile() throws Exception {
        var text = Files.readString(Path.of(OFFSETS_FILE)).replaceAll("\\s", "");
        var offsets = Pattern.compile("\"" + HALF_TOPIC + "@" + HALF_GROUP + "\":\\{([^}]*)}").matcher(text);
        if (!offsets.find()) return 0;
        return Arrays.stream(offsets.group(1).split(","))
                .mapToLong(each -> Long.parseLong(each.substring(each.indexOf(':') + 1)))
                .sum();
    }

    private static void messages(Context context, Path manifest) throws Exception {
        var expected = Files.readAllLines(manifest);
        var actual = new ArrayList<String>();
        for (var topic : List.of(TOPIC, HALF_TOPIC)) {
            for (var message : Drain.topic(topic).messages()) actual.add(line(message));
        }
        var missing =
                expected.stream()
                        .filter(line -> !actual.contains(line))
                        .limit(3)
                        .collect(Collectors.joining(" | "));
        var extra =
                actual.stream()
                        .filter(line -> !expected.contains(line))
                        .limit(3)
                        .collect(Collectors.joining(" | "));
        Expect.equal(
                "messages that differ",
                "missing: none, besides: none",
                "missing: "
                        + (missing.isEmpty() ? "none" : missing)
                        + ", besides: "
                        + (extra.isEmpty() ? "none" : extra));
        Expect.equal("count of messages", expected.size(), actual.size());
    }

    /** The queues' tag hashes are as good as the messages. */
    private static void tags(Context context) throws Exception {
        var inbox = new Inbox();
        PushChecks.start(context, TOPIC, "AaAa || 标签", context.name("g"), inbox);
        Expect.eventually("messages with these tags", 101, () -> inbox.messages().size());
        Thread.sleep(500);
        Expect.equal("messages with these tags", 101, inbox.messages().size());
    }

    private static void groupGoesOn(Context context) throws Exception {
        var inbox = new Inbox();
        PushChecks.start(context, HALF_TOPIC, "*", HALF_GROUP, inbox);
        inbox.awaitAll(
                Sent.messages(HALF_TOPIC, "left", 30).stream().map(Message::getKeys).toList());
        Thread.sleep(500);
        Expect.equal("messages that came", 30, inbox.messages().size());
    }

    private static void newMessagesBehind(Context context) throws Exception {
        long before = Admins.stored(TOPIC);
        var producer = context.producer();
        Map<Integer, Long> next = new TreeMap<>();
        for (var queue : producer.fetchPublishMessageQueues(TOPIC))
            next.put(queue.getQueueId(), Admins.admin().maxOffset(queue));
        for (var message : Sent.messages(TOPIC, "new", 30)) {
            var result = producer.send(message);
            int queueId = result.getMessageQueue().getQueueId();
            Expect.equal(
                    "offset in queue " + queueId,
                    next.merge(queueId, 1L, Long::sum) - 1,
                    result.getQueueOffset());
        }
        Expect.eventually("stored messages", before + 30, () -> Admins.stored(TOPIC));
    }

    /** All that a consumer can see of a message, but for what tells the time of reading. */
    private static String line(MessageExt message) throws Exception {
        var properties = new TreeMap<>(message.getProperties());
        properties.remove("MIN_OFFSET");
        properties.remove("MAX_OFFSET");
        var digest = MessageDigest.getInstance("SHA-256").digest(message.getBody());
        return String.join(
                " ",
                message.getTopic(),
                Integer.toString(message.getQueueId()),
                Long.toString(message.getQueueOffset()),
                Long.toString(message.getCommitLogOffset()),
                Integer.toString(message.getStoreSize()),
                Integer.toString(message.getFlag()),
                Integer.toString(message.getSysFlag()),
                Long.toString(message.getBornTimestamp()),
                Long.toString(message.getStoreTimestamp()),
                message.getMsgId(),
                Base64.getEncoder()
                        .encodeToString(properties.toString().getBytes(StandardCharsets.UTF_8)),
                HexFormat.of().formatHex(digest));
    }

    private static byte[] random(int size) {
        var bytes = new byte[size];
        new Random(size).nextBytes(bytes);
        return bytes;
    }

    private StoreManifest() {}
}
