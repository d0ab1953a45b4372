package interop;

import org.apache.rocketmq.client.consumer.listener.ConsumeConcurrentlyStatus;
import org.apache.rocketmq.client.consumer.listener.MessageListenerConcurrently;
import org.apache.rocketmq.common.message.MessageQueue;
import org.apache.rocketmq.tools.command.MQAdminStartup;

import java.io.BufferedReader;
import java.io.ByteArrayOutputStream;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.Base64;
import java.util.List;

/**
 * Runs mqadmin's sub-commands one after the other in one process, and keeps the clients alive that
 * they ask about. Lines come from the runner of the suite (runner/mqadmin.mjs), their words parted
 * by tabs:
 *
 * <pre>
 *   mqadmin MS SUB-COMMAND ARG...  answered "@output BASE64": all that it printed in that time at most
 *   consume TOPIC GROUP            starts a push consumer; answered "@facts CLIENT=ID"
 *   send TOPIC COUNT               sends message N with key kN and tag TagA to queue N % 4; answered
 *                                  "@facts PRODUCER=GROUP UNIQUE_ID=ID OFFSET_ID=ID", the ids of the first
 * </pre>
 */
final class Tools {
    private static final int STOP_MS_MAX = 3000;

    private final PrintStream answers = System.out;
    private final Context context = new Context("mqadmin");
    private final Inbox inbox = new Inbox();
    private int sentCount;

    static void run() throws Exception {
        var tools = new Tools();
        var lines = new BufferedReader(new InputStreamReader(System.in));
        try (var ignored = new Admins()) {
            tools.answers.println("@ready");
            for (var line = lines.readLine(); line != null; line = lines.readLine()) {
                tools.answers.println(tools.answer(List.of(line.split("\t"))));
            }
        }
        System.exit(0);
    }

    private String answer(List<String> words) throws Exception {
        return switch (words.get(0)) {
            case "mqadmin" -> "@output " + mqadmin(Long.parseLong(words.get(1)), words.subList(2, words.size()));
            case "consume" -> "@facts " + consume(words.get(1), words.get(2));
            case "send" -> "@facts " + send(words.get(1), Integer.parseInt(words.get(2)));
            default -> throw new IllegalArgumentException("unknown line: " + words);
        };
    }

    /** Some sub-commands never end by themselves; they are given their time and left behind. */
    private String mqadmin(long msMax, List<String> args) throws InterruptedException {
        var printed = new ByteArrayOutputStream();
        var stream = new PrintStream(printed, true, StandardCharsets.UTF_8);
        var errors = System.err;
        System.setOut(stream);
        System.setErr(stream);
        try {
            var thread =
                    new Thread(
                            () -> MQAdminStartup.main0(args.toArray(String[]::new), AclChecks.hook()),
                            "mqadmin");
            thread.setDaemon(true);
            thread.start();
            await(thread, msMax);
            thread.interrupt();
            await(thread, STOP_MS_MAX);
        } finally {
            System.setOut(answers);
            System.setErr(errors);
        }
        return Base64.getEncoder().encodeToString(printed.toByteArray());
    }

    /**
     * Waits for the sub-command's end. A client's shutdown may sit out a poll of 3 s in one of its
     * threads; that thread is woken, since nobody has to wait for it.
     */
    private static void await(Thread thread, long msMax) throws InterruptedException {
        long deadline = System.nanoTime() + msMax * 1_000_000;
        while (thread.isAlive() && System.nanoTime() < deadline) {
            thread.join(20);
            if (Arrays.stream(thread.getStackTrace()).anyMatch(Tools::isShutdown)) {
                Thread.getAllStackTraces().keySet().stream()
                        .filter(each -> each.getName().contains("NettyEventExecutor"))
                        .forEach(Thread::interrupt);
            }
        }
    }

    private static boolean isShutdown(StackTraceElement frame) {
        return frame.getClassName().endsWith("ServiceThread")
                && frame.getMethodName().equals("shutdown");
    }

    private String consume(String topic, String group) throws Exception {
        var consumer = context.pushConsumer(group);
        consumer.subscribe(topic, "TagA || TagB");
        consumer.registerMessageListener(
                (MessageListenerConcurrently)
                        (batch, ignored) -> {
                            inbox.add(batch);
                            return ConsumeConcurrentlyStatus.CONSUME_SUCCESS;
                        });
        consumer.start();
        PushChecks.awaitQueues(consumer, topic, Admins.queues(topic).size());
        return "CLIENT=" + consumer.getDefaultMQPushConsumerImpl().getmQClientFactory().getClientId();
    }

    private String send(String topic, int count) throws Exception {
        var producer = context.tracingProducer();
        var sent = new Sent();
        var facts = "PRODUCER=" + producer.getProducerGroup();
        for (int i = 0; i < count; i++, sentCount++) {
            var message = Sent.message(topic, "k" + sentCount);
            message.setTags("TagA");
            var queue = new MessageQueue(topic, Admins.brokerName(), sentCount % 4);
            var result = producer.send(message, queue);
            sent.add(message, result);
            if (i == 0) facts += " UNIQUE_ID=" + result.getMsgId() + " OFFSET_ID=" + result.getOffsetMsgId();
        }
        sent.awaitVisible(topic);
        return facts;
    }

    private Tools() {}
}
