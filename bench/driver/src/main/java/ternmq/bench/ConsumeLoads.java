package ternmq.bench;

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.atomic.LongAdder;
import java.util.concurrent.locks.LockSupport;
import org.apache.rocketmq.client.consumer.DefaultMQPullConsumer;
import org.apache.rocketmq.client.consumer.DefaultMQPushConsumer;
import org.apache.rocketmq.client.consumer.PullResult;
import org.apache.rocketmq.client.consumer.PullStatus;
import org.apache.rocketmq.client.consumer.listener.ConsumeConcurrentlyStatus;
import org.apache.rocketmq.client.consumer.listener.MessageListenerConcurrently;
import org.apache.rocketmq.client.exception.MQClientException;
import org.apache.rocketmq.client.producer.DefaultMQProducer;
import org.apache.rocketmq.common.consumer.ConsumeFromWhere;
import org.apache.rocketmq.common.message.Message;
import org.apache.rocketmq.common.message.MessageQueue;

/** Consumers of messages that are already there. */
final class ConsumeLoads {
    private static final long PULL_RAW_MESSAGES = 200_000;

    /** A started push consumer of one group; tuned asks for larger pulls, which the broker may cap. */
    static DefaultMQPushConsumer consumer(Bench bench, String topic, int group, boolean tuned,
        MessageListenerConcurrently listener) throws MQClientException {
        String id = bench.settings().id;
        DefaultMQPushConsumer consumer = new DefaultMQPushConsumer("bench_c" + group + "_" + id);
        consumer.setNamesrvAddr(bench.settings().namesrv);
        consumer.setInstanceName("c" + group + "-" + id);
        consumer.setConsumeFromWhere(ConsumeFromWhere.CONSUME_FROM_FIRST_OFFSET);
        consumer.subscribe(topic, "*");
        if (tuned) {
            consumer.setPullBatchSize(256);
            consumer.setConsumeMessageBatchMaxSize(32);
            consumer.setPullThresholdForQueue(10_000);
        }
        consumer.setMessageListener(listener);
        consumer.start();
        return consumer;
    }

    /** Waits, for at most a minute, until every consumer has queues: a late one may wait for a 20 s rebalance. */
    static void awaitQueues(List<DefaultMQPushConsumer> consumers) throws InterruptedException {
        long deadline = System.nanoTime() + 60_000_000_000L;
        for (DefaultMQPushConsumer consumer : consumers) {
            while (System.nanoTime() < deadline
                && consumer.getDefaultMQPushConsumerImpl().getRebalanceImpl().getProcessQueueTable().isEmpty()) {
                Thread.sleep(10);
            }
        }
    }

    /**
     * Groups drain a prefilled topic, each all of it; the first sixth of it warms up. Listeners begin together: what
     * clients fetch before that (1,000 messages a queue) belongs to the warm-up.
     */
    static void backlog(Bench bench, int sizeBytes, boolean tuned, int groups) throws Exception {
        long perGroup = Math.max(1, bench.settings().backlog / groups);
        long warmPerGroup = perGroup / 5;
        String topic = bench.cluster().newTopic("backlog");
        prefill(bench, topic, perGroup + warmPerGroup, sizeBytes);
        Drain drain = new Drain(bench, warmPerGroup * groups, (perGroup + warmPerGroup) * groups);
        List<DefaultMQPushConsumer> consumers = new ArrayList<>();
        long startNs = System.nanoTime();
        for (int group = 0; group < groups; group++) {
            consumers.add(consumer(bench, topic, group, tuned, drain.listener()));
        }
        awaitQueues(consumers);
        bench.result().put("groups", groups).put("assignedS", (System.nanoTime() - startNs) / 1e9);
        drain.begin();
        drain.await();
        for (DefaultMQPushConsumer consumer : consumers) consumer.shutdown();
    }

    /** Counts what listeners get once they may begin: the window opens at one number of messages, closes at another. */
    private static final class Drain {
        private final Bench bench;
        private final long warm;
        private final long all;
        private final CountDownLatch mayBegin = new CountDownLatch(1);
        private final AtomicLong seen = new AtomicLong();
        private final Thread waiting = Thread.currentThread();
        private volatile Window window;

        Drain(Bench bench, long warm, long all) {
            this.bench = bench;
            this.warm = warm;
            this.all = all;
        }

        MessageListenerConcurrently listener() {
            return (messages, context) -> {
                awaitBegin();
                long count = messages.size();
                long now = seen.addAndGet(count);
                if (now >= warm && now - count < warm) window = bench.load().openWindow();
                if (now >= all && now - count < all) LockSupport.unpark(waiting);
                return ConsumeConcurrentlyStatus.CONSUME_SUCCESS;
            };
        }

        void begin() {
            mayBegin.countDown();
        }

        private void awaitBegin() {
            try {
                mayBegin.await();
            } catch (InterruptedException e) {
                throw new IllegalStateException("stopped before the load began", e);
            }
        }

        void await() throws InterruptedException {
            long deadline = System.nanoTime() + 200_000_000_000L;
            while (seen.get() < all && System.nanoTime() < deadline) LockSupport.parkNanos(2_000_000L);
            if (window == null) throw new IllegalStateException("only " + seen.get() + " messages came");
            long got = seen.get();
            window.close(Math.min(got, all) - warm, bench.result());
            if (got < all) bench.result().problem("drained " + got + " of " + all);
            Thread.sleep(500); // for what comes twice
            bench.result().put("receivedBeyond", seen.get() - all);
        }
    }

    /** Requests of the pull consumer round and round the same messages; the latency is that of a pull. */
    static void pullRaw(Bench bench, int threads, int sizeBytes, int messagesPerPull) throws Exception {
        Load load = bench.load();
        String topic = bench.cluster().newTopic("pull");
        prefill(bench, topic, PULL_RAW_MESSAGES, sizeBytes);
        DefaultMQPullConsumer consumer = new DefaultMQPullConsumer("bench_pull_" + bench.settings().id);
        consumer.setNamesrvAddr(bench.settings().namesrv);
        consumer.setInstanceName("pull-" + bench.settings().id);
        consumer.start();
        List<MessageQueue> queues = new ArrayList<>(consumer.fetchSubscribeMessageQueues(topic));
        LongAdder pulls = new LongAdder();
        bench.result().put("latencyOf", "a pull of up to " + messagesPerPull);
        load.closedLoop(Math.min(threads, queues.size()), (thread, latencyUs) -> {
            long[] offsets = new long[queues.size()];
            for (int i = thread; load.goesOn(); i = i + threads < queues.size() ? i + threads : thread) {
                long startNs = System.nanoTime();
                PullResult pulled = consumer.pull(queues.get(i), "*", offsets[i], messagesPerPull);
                if (pulled.getPullStatus() != PullStatus.FOUND) {
                    load.fail(pulled.getPullStatus());
                    offsets[i] = 0;
                    continue;
                }
                long next = pulled.getNextBeginOffset();
                offsets[i] = next < pulled.getMaxOffset() ? next : 0;
                load.measure(pulled.getMsgFoundList().size());
                if (!load.isMeasured()) continue;
                latencyUs.recordValue((System.nanoTime() - startNs) / 1000);
                pulls.increment();
            }
        });
        bench.result().put("pulls", pulls.sum());
        consumer.shutdown();
    }

    private static void prefill(Bench bench, String topic, long count, int sizeBytes) throws Exception {
        DefaultMQProducer producer = bench.producer();
        byte[] body = Bench.body(sizeBytes);
        int step = bench.settings().prefillByBatch ? 32 : 1;
        AtomicLong left = new AtomicLong(count);
        Thread[] threads = new Thread[8];
        for (int i = 0; i < threads.length; i++) {
            threads[i] = new Thread(() -> {
                for (long rest = left.getAndAdd(-step); rest > 0; rest = left.getAndAdd(-step)) {
                    try {
                        sendSurely(producer, topic, body, (int) Math.min(step, rest));
                    } catch (Exception e) {
                        bench.load().fail(e);
                        return;
                    }
                }
            }, "prefill-" + i);
            threads[i].start();
        }
        for (Thread thread : threads) thread.join();
        long stored = bench.cluster().storedAtRest(topic);
        bench.result().put("prefilled", stored);
        if (stored < count) throw new IllegalStateException("prefill of " + count + " stored " + stored);
        producer.shutdown();
    }

    private static void sendSurely(DefaultMQProducer producer, String topic, byte[] body, int count) throws Exception {
        for (int tries = 1; ; tries++) {
            try {
                if (count == 1) producer.send(new Message(topic, body));
                else producer.send(Bench.batch(topic, body, count));
                return;
            } catch (Exception e) {
                if (tries == 5) throw e;
            }
        }
    }

    private ConsumeLoads() { }
}
