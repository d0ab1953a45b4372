package interop;

import org.apache.rocketmq.client.producer.SendCallback;
import org.apache.rocketmq.client.producer.SendResult;
import org.apache.rocketmq.client.producer.selector.SelectMessageQueueByHash;
import org.apache.rocketmq.common.message.Message;
import org.apache.rocketmq.common.message.MessageQueue;
import org.apache.rocketmq.remoting.protocol.RemotingCommand;

import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;

/** Every way to send: what the producer is told is what the topic then holds. */
final class SendChecks {
    static List<Check> all() {
        return List.of(
                Check.together("header-serialization", SendChecks::headerSerialization),
                Check.together("send-sync", SendChecks::sync),
                Check.together("send-async", SendChecks::async),
                Check.together("send-oneway", SendChecks::oneway),
                Check.together("send-batch", SendChecks::batch),
                Check.together("send-selector", SendChecks::selector),
                Check.together("send-to-queue", SendChecks::toQueue),
                Check.together("send-auto-create", SendChecks::autoCreate),
                Check.together("send-threads", SendChecks::threads));
    }

    /** Guards the suite itself: the serialization that the runner asked for is the one in use. */
    private static void headerSerialization(Context context) {
        var command = RemotingCommand.createRequestCommand(105, null);
        Expect.equal(
                "header serialization",
                System.getProperty("rocketmq.serialize.type"),
                command.getSerializeTypeCurrentRPC().name());
    }

    private static void sync(Context context) throws Exception {
        var topic = context.topic(4);
        var sent = Sent.sync(context.producer(), topic, "m", 41);
        Expect.equal("queues used", Set.of(0, 1, 2, 3), sent.countByQueue().keySet());
        sent.expectDenseOffsets(0);
        Drain.topic(topic, sent).expectExactly(sent);
    }

    private static void async(Context context) throws Exception {
        var topic = context.topic(4);
        var producer = context.producer();
        var sent = new Sent();
        var problems = new ConcurrentLinkedQueue<Throwable>();
        var messages = Sent.messages(topic, "m", 300);
        var answered = new CountDownLatch(messages.size());
        for (var message : messages) {
            producer.send(
                    message,
                    new SendCallback() {
                        @Override
                        public void onSuccess(SendResult result) {
                            sent.add(message, result);
                            answered.countDown();
                        }

                        @Override
                        public void onException(Throwable e) {
                            problems.add(e);
                            answered.countDown();
                        }
                    });
        }
        Expect.that(
                answered.await(Expect.SECONDS_MAX, TimeUnit.SECONDS),
                () -> answered.getCount() + " sends were not answered");
        Expect.equal("failed sends", List.of(), List.copyOf(problems));
        sent.expectDenseOffsets(0);
        Drain.topic(topic, sent).expectExactly(sent);
    }

    private static void oneway(Context context) throws Exception {
        var topic = context.topic(4);
        var producer = context.producer();
        var sent = new Sent();
        for (var message : Sent.messages(topic, "m", 100)) {
            producer.sendOneway(message);
            sent.addOneway(message);
        }
        Expect.eventually("stored messages", 100L, () -> Admins.stored(topic));
        Drain.topic(topic, sent).expectExactly(sent);
    }

    private static void batch(Context context) throws Exception {
        var topic = context.topic(4);
        var producer = context.producer();
        var sent = new Sent();
        for (int round = 0; round < 3; round++) {
            var messages = Sent.messages(topic, "b" + round, 50);
            for (int i = 0; i < messages.size(); i++) messages.get(i).setTags("tag" + i);
            var result = producer.send(messages);
            Expect.equal("offset ids in the answer", 50, result.getOffsetMsgId().split(",").length);
            sent.addBatch(messages, result);
        }
        var inbox = Drain.topic(topic, sent);
        inbox.expectExactly(sent);
        for (var message : inbox.messages()) {
            var id = Inbox.idOf(message);
            Expect.equal("tag of " + id, "tag" + id.split("-")[1], message.getTags());
            Expect.equal("key of " + id, id, message.getKeys());
        }
    }

    private static void selector(Context context) throws Exception {
        var topic = context.topic(5);
        var producer = context.producer();
        var sent = new Sent();
        for (var message : Sent.messages(topic, "s", 50)) {
            int number = Integer.parseInt(message.getKeys().substring(2));
            var result =
                    producer.send(
                            message,
                            (queues, each, arg) -> queues.get((Integer) arg % queues.size()),
                            number);
            Expect.equal(
                    "queue of " + message.getKeys(),
                    number % 5,
                    result.getMessageQueue().getQueueId());
            sent.add(message, result);
        }
        var queues = new ArrayList<Integer>();
        for (var message : Sent.messages(topic, "h", 10)) {
            var result = producer.send(message, new SelectMessageQueueByHash(), "order 4711");
            queues.add(result.getMessageQueue().getQueueId());
            sent.add(message, result);
        }
        Expect.equal("queues of one order", 1L, queues.stream().distinct().count());
        sent.expectDenseOffsets(0);
        Drain.topic(topic, sent).expectExactly(sent);
    }

    private static void toQueue(Context context) throws Exception {
        var topic = context.topic(6);
        var producer = context.producer();
        var queues = producer.fetchPublishMessageQueues(topic);
        Expect.equal("queues to publish to", 6, queues.size());
        var sent = new Sent();
        for (MessageQueue queue : queues) {
            for (var message : Sent.messages(topic, "q" + queue.getQueueId(), 3)) {
                var result = producer.send(message, queue);
                Expect.equal("queue", queue, result.getMessageQueue());
                sent.add(message, result);
            }
        }
        sent.expectDenseOffsets(0);
        Drain.topic(topic, sent).expectExactly(sent);
    }

    /**
     * The first message to an unknown topic makes it, with the client's four queues, and soon
     * everybody knows it.
     */
    private static void autoCreate(Context context) throws Exception {
        var topic = context.name("new");
        var sent = Sent.sync(context.producer(), topic, "m", 8);
        Expect.eventually("topic in the route", "4/4/6", () -> Admins.routeShape(topic));
        Drain.topic(topic, sent).expectExactly(sent);
    }

    /** Many threads on one producer: every answer belongs to its own request. */
    private static void threads(Context context) throws Exception {
        var topic = context.topic(4);
        var producer = context.producer();
        var sent = new Sent();
        var problems = new ConcurrentLinkedQueue<Throwable>();
        var threads = new ArrayList<Thread>();
        for (int t = 0; t < 16; t++) {
            var messages = Sent.messages(topic, "t" + t, 40);
            threads.add(
                    new Thread(
                            () -> {
                                try {
                                    for (Message message : messages)
                                        sent.add(message, producer.send(message));
                                } catch (Throwable e) {
                                    problems.add(e);
                                }
                            }));
        }
        for (var thread : threads) thread.start();
        for (var thread : threads) thread.join();
        Expect.equal("failed threads", List.of(), List.copyOf(problems));
        sent.expectDenseOffsets(0);
        Drain.topic(topic, sent).expectExactly(sent);
    }

    private SendChecks() {}
}
