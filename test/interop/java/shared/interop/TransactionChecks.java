package interop;

import interop.Check.Claim;

import org.apache.rocketmq.client.producer.LocalTransactionState;
import org.apache.rocketmq.client.producer.TransactionListener;
import org.apache.rocketmq.client.producer.TransactionMQProducer;
import org.apache.rocketmq.common.message.Message;
import org.apache.rocketmq.common.message.MessageExt;

import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.Function;

/** Messages that nobody sees before their producer has said so, and nobody at all when it said no. */
final class TransactionChecks {
    private static final String GIVEN_UP = "TRANS_CHECK_MAX_TIME_TOPIC";

    /** The age at which the broker of these checks asks, and how often before it gives up. */
    private static final long ASKED_AFTER_MS = 4000;

    private static final int QUESTIONS_BEFORE_GIVEN_UP = 5;

    /** A broker asks again where the answer was slow to come, or to be noted. */
    private static final int QUESTIONS_MAX = 2;

    /** Whether a second answer changes nothing. */
    private static final boolean COMMITS_ONCE = Boolean.getBoolean("interop.commitsOnce");

    static List<Check> all() {
        return List.of(
                Check.together("transaction-commit", TransactionChecks::commit),
                Check.together("transaction-rollback", TransactionChecks::rollback),
                Check.together("transaction-checked", TransactionChecks::checked),
                Check.together("transaction-producer-gone", TransactionChecks::producerGone),
                Check.together("transaction-given-up", TransactionChecks::givenUp),
                Check.acrossRestart("transaction-over-restart", TransactionChecks::over),
                Check.acrossKill("transaction-over-kill", TransactionChecks::over));
    }

    /** Answers by the message's key, and counts how often it was asked. */
    private static final class Local implements TransactionListener {
        private final Function<String, LocalTransactionState> first;
        private final Function<String, LocalTransactionState> later;
        final Map<String, Integer> asked = new ConcurrentHashMap<>();

        Local(
                Function<String, LocalTransactionState> first,
                Function<String, LocalTransactionState> later) {
            this.first = first;
            this.later = later;
        }

        @Override
        public LocalTransactionState executeLocalTransaction(Message message, Object arg) {
            return first.apply(message.getKeys());
        }

        @Override
        public LocalTransactionState checkLocalTransaction(MessageExt message) {
            asked.merge(message.getKeys(), 1, Integer::sum);
            return later.apply(message.getKeys());
        }
    }

    private static void commit(Context context) throws Exception {
        var topic = context.topic(2);
        var deliveries = listen(context, topic);
        var local = new Local(key -> LocalTransactionState.COMMIT_MESSAGE, TransactionChecks::never);
        var producer = producer(context, context.name("p"), local);
        for (var message : Sent.messages(topic, "m", 20)) {
            var result = producer.sendMessageInTransaction(message, null);
            Expect.equal(
                    "state",
                    LocalTransactionState.COMMIT_MESSAGE,
                    result.getLocalTransactionState());
        }
        for (var delivery : deliveries.awaitCount(20))
            Expect.equal("topic", topic, delivery.message().getTopic());
        Expect.equal("producers that were asked", Map.of(), local.asked);
    }

    private static void rollback(Context context) throws Exception {
        var topic = context.topic(1);
        var deliveries = listen(context, topic);
        var local =
                new Local(key -> LocalTransactionState.ROLLBACK_MESSAGE, TransactionChecks::never);
        var producer = producer(context, context.name("p"), local);
        for (var message : Sent.messages(topic, "m", 10))
            producer.sendMessageInTransaction(message, null);
        var sent = Sent.sync(context.producer(), topic, "plain", 1);
        deliveries.awaitCount(1);
        Thread.sleep(6000); // beyond the age at which a broker asks
        Expect.equal("delivered", sent.places().keySet(), ids(deliveries));
        Expect.equal("producers that were asked", Map.of(), local.asked);
    }

    /** Unknown at first; when the broker asks, half of them are committed and half rolled back. */
    private static void checked(Context context) throws Exception {
        var topic = context.topic(1);
        var deliveries = listen(context, topic);
        var local = new Local(key -> LocalTransactionState.UNKNOW, TransactionChecks::evenCommits);
        var producer = producer(context, context.name("p"), local);
        long sentMs = System.currentTimeMillis();
        for (var message : Sent.messages(topic, "m", 6))
            producer.sendMessageInTransaction(message, null);
        Thread.sleep(500);
        var seen = ids(deliveries);
        if (System.currentTimeMillis() - sentMs < ASKED_AFTER_MS)
            Expect.equal("seen before their end", Set.of(), seen);
        var committed = Set.of("m-0", "m-2", "m-4");
        Expect.eventually("committed", committed, () -> ids(deliveries));
        Expect.eventually("messages asked about", 6, () -> local.asked.size());
        Thread.sleep(5000); // two more rounds of questions
        for (int questions : local.asked.values())
            Expect.between("questions about one message", 1, QUESTIONS_MAX, questions);
        Expect.equal("committed", committed, ids(deliveries));
        if (COMMITS_ONCE) Expect.equal("deliveries", 3, deliveries.all().size());
    }

    /** Another producer of the group answers for the one that is gone. */
    private static void producerGone(Context context) throws Exception {
        var topic = context.topic(1);
        var group = context.name("p");
        var deliveries = listen(context, topic);
        // A producer tells a broker of itself once it has sent something there.
        var local = new Local(TransactionChecks::never, TransactionChecks::evenCommits);
        producer(context, group, local).send(Sent.message(topic, "plain"));
        var gone = new Local(key -> LocalTransactionState.UNKNOW, TransactionChecks::never);
        var producer = producer(context, group, gone);
        for (var message : Sent.messages(topic, "m", 4))
            producer.sendMessageInTransaction(message, null);
        producer.shutdown();
        deliveries.awaitCount(3);
        Expect.equal("delivered", Set.of("plain", "m-0", "m-2"), ids(deliveries));
    }

    /** Nobody ever knows: after so many questions the message is put aside. */
    private static void givenUp(Context context) throws Exception {
        var topic = context.topic(1);
        var deliveries = listen(context, topic);
        var local =
                new Local(key -> LocalTransactionState.UNKNOW, key -> LocalTransactionState.UNKNOW);
        var message = Sent.message(topic, context.name("m"));
        producer(context, context.name("p"), local).sendMessageInTransaction(message, null);
        Expect.eventually(
                "message among those given up",
                true,
                () -> Drain.topic(GIVEN_UP).ids().contains(message.getKeys()));
        Expect.equal(
                "questions",
                Map.of(message.getKeys(), QUESTIONS_BEFORE_GIVEN_UP),
                local.asked);
        Expect.equal("delivered", Set.of(), ids(deliveries));
    }

    /** What was open is asked about afterwards, what had ended stays as it is. */
    private static Claim over(Context before) throws Exception {
        var topic = before.topic(1);
        var group = before.name("p");
        var local =
                new Local(
                        key ->
                                key.startsWith("done")
                                        ? LocalTransactionState.COMMIT_MESSAGE
                                        : LocalTransactionState.UNKNOW,
                        TransactionChecks::evenCommits);
        var producer = producer(before, group, local);
        for (var stem : List.of("done", "open"))
            for (var message : Sent.messages(topic, stem, 4))
                producer.sendMessageInTransaction(message, null);
        return after -> {
            var deliveries = listen(after, topic);
            Expect.eventually(
                    "delivered",
                    Set.of("done-0", "done-1", "done-2", "done-3", "open-0", "open-2"),
                    () -> ids(deliveries));
            Thread.sleep(3000);
            Deliveries.expectOnce(deliveries.all());
        };
    }

    private static LocalTransactionState evenCommits(String key) {
        return (key.charAt(key.length() - 1) - '0') % 2 == 0
                ? LocalTransactionState.COMMIT_MESSAGE
                : LocalTransactionState.ROLLBACK_MESSAGE;
    }

    private static LocalTransactionState never(String key) {
        throw new IllegalStateException("was asked about " + key);
    }

    private static Set<String> ids(Deliveries deliveries) {
        return Set.copyOf(deliveries.all().stream().map(Deliveries.Delivery::id).toList());
    }

    private static Deliveries listen(Context context, String topic) throws Exception {
        var deliveries = new Deliveries();
        var consumer = context.pushConsumer(context.name("g"));
        consumer.subscribe(topic, "*");
        consumer.registerMessageListener(deliveries.concurrently());
        consumer.start();
        return deliveries;
    }

    private static TransactionMQProducer producer(
            Context context, String group, TransactionListener listener) throws Exception {
        var producer = Context.configured(new TransactionMQProducer(group));
        producer.setTransactionListener(listener);
        producer.setSendMsgTimeout(15_000);
        context.atEnd(producer::shutdown);
        producer.start();
        return producer;
    }

    private TransactionChecks() {}
}
