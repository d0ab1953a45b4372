package interop;

import org.apache.rocketmq.client.consumer.DefaultMQPushConsumer;
import org.apache.rocketmq.client.consumer.listener.ConsumeConcurrentlyStatus;
import org.apache.rocketmq.client.consumer.listener.MessageListenerConcurrently;
import org.apache.rocketmq.client.exception.RequestTimeoutException;
import org.apache.rocketmq.client.producer.DefaultMQProducer;
import org.apache.rocketmq.client.utils.MessageUtil;
import org.apache.rocketmq.common.message.Message;

import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.concurrent.TimeUnit;

/**
 * A request is a message whose producer waits for one reply to it. Not in the asynchronous form:
 * there the clients call back without a reply as soon as the request is stored.
 */
final class RequestChecks {
    private static final long REPLY_MS_MAX = 20_000;

    static List<Check> all() {
        return List.of(
                Check.together("request-sync", RequestChecks::sync),
                Check.together("request-two-processes", RequestChecks::twoProcesses),
                Check.together("request-unanswered", RequestChecks::unanswered));
    }

    private static void sync(Context context) throws Exception {
        var topic = context.topic(2);
        answer(context, topic);
        ask(context, topic);
    }

    /** Who answers is another process, and then who asks. */
    private static void twoProcesses(Context context) throws Exception {
        var topic = context.topic(2);
        try (var replier = Worker.startReplier(topic, context.name("g2"))) {
            replier.awaitQueues(2);
            ask(context, topic);
        }
        var back = context.topic("back", 2);
        answer(context, back);
        var asker = Worker.process("requester", back);
        try {
            Expect.equal("the asker has ended", true, asker.waitFor(60, TimeUnit.SECONDS));
            Expect.equal("its exit code", 0, asker.exitValue());
        } finally {
            asker.destroyForcibly();
        }
    }

    /** A process that answers requests. */
    static void runReplier(String topic, String group) throws Exception {
        Worker.run(topic, group, answering(new Context("replier").producer()));
    }

    /** A process that asks, and ends well when all its requests were answered. */
    static void runRequester(String topic) throws Exception {
        ask(new Context("requester"), topic);
        System.exit(0);
    }

    private static void ask(Context context, String topic) throws Exception {
        var producer = producer(context);
        for (int i = 0; i < 10; i++) {
            var reply = producer.request(Sent.message(topic, "r-" + i), REPLY_MS_MAX);
            Expect.equal("reply", "re: r-" + i, text(reply));
        }
    }

    private static void unanswered(Context context) throws Exception {
        var topic = context.topic(1);
        try {
            producer(context).request(Sent.message(topic, "r"), 5000);
        } catch (RequestTimeoutException expected) {
            Expect.equal("requests that are stored", 1L, Admins.stored(topic));
            return;
        }
        throw new AssertionError("a request that nobody answered got a reply");
    }

    /** The reply is pushed to the client that asked, so it has a connection of its own. */
    private static DefaultMQProducer producer(Context context) throws Exception {
        var producer = Context.configured(new DefaultMQProducer(context.name("p")));
        producer.setSendMsgTimeout(15_000);
        context.atEnd(producer::shutdown);
        producer.start();
        return producer;
    }

    private static void answer(Context context, String topic) throws Exception {
        DefaultMQPushConsumer consumer = context.pushConsumer(context.name("g"));
        consumer.subscribe(topic, "*");
        consumer.registerMessageListener(answering(context.producer()));
        consumer.start();
        PushChecks.awaitQueues(consumer, topic, Admins.queues(topic).size());
    }

    private static MessageListenerConcurrently answering(DefaultMQProducer answers) {
        return (batch, ignored) -> {
            try {
                for (var message : batch) {
                    var body = ("re: " + Inbox.idOf(message)).getBytes(StandardCharsets.UTF_8);
                    answers.send(MessageUtil.createReplyMessage(message, body));
                }
            } catch (Exception e) {
                throw new IllegalStateException(e);
            }
            return ConsumeConcurrentlyStatus.CONSUME_SUCCESS;
        };
    }

    private static String text(Message message) {
        return new String(message.getBody(), StandardCharsets.UTF_8);
    }

    private RequestChecks() {}
}
