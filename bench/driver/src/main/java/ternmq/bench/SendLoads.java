package ternmq.bench;

import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.HdrHistogram.Recorder;
import org.apache.rocketmq.client.producer.DefaultMQProducer;
import org.apache.rocketmq.client.producer.LocalTransactionState;
import org.apache.rocketmq.client.producer.SendCallback;
import org.apache.rocketmq.client.producer.SendResult;
import org.apache.rocketmq.client.producer.TransactionListener;
import org.apache.rocketmq.client.producer.TransactionMQProducer;
import org.apache.rocketmq.common.message.Message;
import org.apache.rocketmq.common.message.MessageExt;

/** Producers: each sends as fast as answers allow. */
final class SendLoads {
    private interface Sending {
        SendResult send() throws Exception;
    }

    /** Threads that share one producer and wait for each answer. */
    static void sync(Bench bench, int threads, int sizeBytes) throws Exception {
        String topic = bench.cluster().newTopic("send");
        DefaultMQProducer producer = bench.producer();
        byte[] body = Bench.body(sizeBytes);
        closedLoop(bench, threads, 1, () -> producer.send(new Message(topic, body)));
        bench.checkStored(topic);
        producer.shutdown();
    }

    /** The same round and round over many topics, whose routes are all known before the window. */
    static void manyTopics(Bench bench, int threads, int sizeBytes) throws Exception {
        String[] topics = new String[bench.settings().topics];
        long startNs = System.nanoTime();
        for (int i = 0; i < topics.length; i++) topics[i] = bench.cluster().create("m" + i, 4);
        bench.cluster().awaitRoute(topics[topics.length - 1]);
        bench.result().put("topics", topics.length).put("createTopicsS", (System.nanoTime() - startNs) / 1e9);
        DefaultMQProducer producer = bench.producer();
        byte[] body = Bench.body(sizeBytes);
        for (String topic : topics) bench.load().succeeded(producer.send(new Message(topic, body)));
        AtomicInteger next = new AtomicInteger();
        closedLoop(bench, threads, 1, () -> {
            String topic = topics[Math.floorMod(next.getAndIncrement(), topics.length)];
            return producer.send(new Message(topic, body));
        });
        producer.shutdown();
    }

    /** A message counts, the latency is that of a batch. */
    static void batch(Bench bench, int threads, int count, int sizeBytes) throws Exception {
        String topic = bench.cluster().newTopic("batch");
        DefaultMQProducer producer = bench.producer();
        byte[] body = Bench.body(sizeBytes);
        bench.result().put("latencyOf", "a batch of " + count);
        closedLoop(bench, threads, count, () -> producer.send(Bench.batch(topic, body, count)));
        bench.checkStored(topic);
        producer.shutdown();
    }

    /** Half message, local transaction and commit; nothing is left for a check-back. */
    static void transaction(Bench bench, int threads, int sizeBytes) throws Exception {
        String topic = bench.cluster().newTopic("tx");
        TransactionMQProducer producer = new TransactionMQProducer("bench_tx_" + bench.settings().id);
        producer.setTransactionListener(new AlwaysCommit());
        bench.start(producer);
        byte[] body = Bench.body(sizeBytes);
        closedLoop(bench, threads, 1, () -> producer.sendMessageInTransaction(new Message(topic, body), null));
        bench.checkStored(topic); // the topic itself holds committed messages only
        producer.shutdown();
    }

    private static void closedLoop(Bench bench, int threads, int messagesPerSend, Sending sending) throws Exception {
        Load load = bench.load();
        load.closedLoop(threads, (thread, latencyUs) -> {
            while (load.goesOn()) {
                long startNs = System.nanoTime();
                try {
                    if (!load.succeeded(sending.send())) continue;
                    load.acknowledge(messagesPerSend);
                    if (load.isMeasured()) latencyUs.recordValue((System.nanoTime() - startNs) / 1000);
                } catch (Exception e) {
                    load.fail(e);
                }
            }
        });
    }

    /** Two threads keep a number of sends in flight; answers come by callback. */
    static void async(Bench bench, int inFlight, int sizeBytes) throws Exception {
        Load load = bench.load();
        String topic = bench.cluster().newTopic("async");
        DefaultMQProducer producer = bench.producer();
        byte[] body = Bench.body(sizeBytes);
        Semaphore free = new Semaphore(inFlight);
        Recorder latencyUs = Load.recorder();
        Runnable sender = () -> {
            while (load.goesOn()) {
                free.acquireUninterruptibly();
                try {
                    producer.send(new Message(topic, body), new Answer(load, free, latencyUs, () -> { }));
                } catch (Exception e) {
                    free.release();
                    load.fail(e);
                }
            }
        };
        Thread[] senders = {new Thread(sender, "load-0"), new Thread(sender, "load-1")};
        for (Thread thread : senders) thread.start();
        load.runWindow();
        for (Thread thread : senders) thread.join();
        if (!free.tryAcquire(inFlight, 20, TimeUnit.SECONDS)) bench.result().problem("sends without an answer");
        bench.result().putLatency("latency", latencyUs.getIntervalHistogram());
        bench.checkStored(topic);
        producer.shutdown();
    }

    /** The answer to one asynchronous send: frees its place and counts. */
    static final class Answer implements SendCallback {
        private final Load load;
        private final Semaphore free;
        private final Recorder latencyUs;
        private final Runnable onStored;
        private final long startNs = System.nanoTime();

        Answer(Load load, Semaphore free, Recorder latencyUs, Runnable onStored) {
            this.load = load;
            this.free = free;
            this.latencyUs = latencyUs;
            this.onStored = onStored;
        }

        @Override
        public void onSuccess(SendResult sent) {
            free.release();
            if (!load.succeeded(sent)) return;
            onStored.run();
            load.acknowledge(1);
            if (load.isMeasured()) latencyUs.recordValue((System.nanoTime() - startNs) / 1000);
        }

        @Override
        public void onException(Throwable e) {
            free.release();
            load.fail(e);
        }
    }

    private static final class AlwaysCommit implements TransactionListener {
        @Override
        public LocalTransactionState executeLocalTransaction(Message message, Object argument) {
            return LocalTransactionState.COMMIT_MESSAGE;
        }

        @Override
        public LocalTransactionState checkLocalTransaction(MessageExt message) {
            return LocalTransactionState.COMMIT_MESSAGE;
        }
    }

    private SendLoads() { }
}
