package ternmq.bench;

import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.BitSet;
import java.util.List;
import java.util.concurrent.Semaphore;
import java.util.concurrent.atomic.LongAdder;
import java.util.concurrent.locks.LockSupport;
import org.HdrHistogram.Recorder;
import org.apache.rocketmq.client.consumer.DefaultMQPushConsumer;
import org.apache.rocketmq.client.consumer.listener.ConsumeConcurrentlyStatus;
import org.apache.rocketmq.client.consumer.listener.MessageListenerConcurrently;
import org.apache.rocketmq.client.producer.DefaultMQProducer;
import org.apache.rocketmq.common.message.Message;
import org.apache.rocketmq.common.message.MessageExt;

/**
 * Open loop at a fixed rate with consumer groups attached. Latency counts from the send call to the listener (with a
 * delay level: how late after the due time), "scheduled" from the planned send time, "ack" to the answer of the send.
 *
 * <pre>body: sentNs:int64 plannedNs:int64 sequence:int32 measured:int8 padding</pre>
 */
final class EndToEndLoad {
    private static final int IN_FLIGHT_MAX = 4096;
    /** Sent before the load, for routes and connections. */
    private static final int FIRST_MESSAGES = 8;

    private final Bench bench;
    private final int ratePerS;
    private final byte[] padding;
    private final int groups;
    private final int delayLevel;
    private final long delayNs;

    private final Recorder latencyUs = Load.recorder();
    private final Recorder scheduledUs = Load.recorder();
    private final Recorder ackUs = Load.recorder();
    private final BitSet acknowledged = new BitSet();
    private final List<BitSet> receivedOf = new ArrayList<>();
    private final LongAdder receivedMeasured = new LongAdder();
    private final LongAdder duplicates = new LongAdder();
    private final LongAdder early = new LongAdder();
    private int sent;
    private int sentMeasured;

    /** @param delayLevel 0 for none, 1 for RocketMQ's first level, one second */
    EndToEndLoad(Bench bench, int ratePerS, int sizeBytes, int groups, int delayLevel) {
        this.bench = bench;
        this.ratePerS = ratePerS;
        this.padding = Bench.body(sizeBytes);
        this.groups = groups;
        this.delayLevel = delayLevel;
        this.delayNs = delayLevel == 1 ? 1_000_000_000L : 0;
    }

    void run() throws Exception {
        String topic = bench.cluster().newTopic("e2e");
        List<DefaultMQPushConsumer> consumers = new ArrayList<>();
        for (int group = 0; group < groups; group++) {
            consumers.add(ConsumeLoads.consumer(bench, topic, group, false, listener()));
        }
        ConsumeLoads.awaitQueues(consumers);
        DefaultMQProducer producer = bench.producer();
        for (; sent < FIRST_MESSAGES; acknowledge(sent - 1)) producer.send(message(topic, 0, false));
        if (awaitReceived(60) > 0) throw new IllegalStateException("the first messages did not reach every group");
        Thread pacer = new Thread(() -> pace(producer, topic), "pacer");
        pacer.start();
        bench.load().runWindow();
        pacer.join();
        report(awaitReceived(30));
        for (DefaultMQPushConsumer consumer : consumers) consumer.shutdown();
        producer.shutdown();
    }

    private void pace(DefaultMQProducer producer, String topic) {
        Load load = bench.load();
        Semaphore free = new Semaphore(IN_FLIGHT_MAX);
        long stepNs = 1_000_000_000L / ratePerS;
        long plannedNs = System.nanoTime();
        while (load.goesOn()) {
            long earlyNs = plannedNs - System.nanoTime();
            if (earlyNs > 0) {
                LockSupport.parkNanos(earlyNs);
                continue;
            }
            free.acquireUninterruptibly();
            boolean measured = load.isMeasured();
            if (measured) sentMeasured++;
            int sequence = sent;
            Message message = message(topic, plannedNs, measured);
            if (delayLevel > 0) message.setDelayTimeLevel(delayLevel);
            try {
                producer.send(message, new SendLoads.Answer(load, free, ackUs, () -> acknowledge(sequence)));
            } catch (Exception e) {
                free.release();
                load.fail(e);
            }
            plannedNs += stepNs;
        }
    }

    private Message message(String topic, long plannedNs, boolean measured) {
        byte[] body = Arrays.copyOf(padding, padding.length);
        ByteBuffer fields = ByteBuffer.wrap(body);
        fields.putLong(System.nanoTime()).putLong(plannedNs).putInt(sent++).put((byte) (measured ? 1 : 0));
        return new Message(topic, body);
    }

    private void acknowledge(int sequence) {
        synchronized (acknowledged) {
            acknowledged.set(sequence);
        }
    }

    private MessageListenerConcurrently listener() {
        BitSet seen = new BitSet();
        receivedOf.add(seen);
        return (messages, context) -> {
            long nowNs = System.nanoTime();
            for (MessageExt message : messages) receive(message, nowNs, seen);
            return ConsumeConcurrentlyStatus.CONSUME_SUCCESS;
        };
    }

    private void receive(MessageExt message, long nowNs, BitSet seen) {
        ByteBuffer body = ByteBuffer.wrap(message.getBody());
        long sentNs = body.getLong();
        long plannedNs = body.getLong();
        int sequence = body.getInt();
        boolean measured = body.get() == 1;
        synchronized (seen) {
            if (seen.get(sequence)) {
                duplicates.increment();
                return;
            }
            seen.set(sequence);
        }
        if (!measured) return;
        receivedMeasured.increment();
        long lateNs = nowNs - sentNs - delayNs;
        if (lateNs < 0) early.increment();
        latencyUs.recordValue(Math.max(0, lateNs) / 1000);
        scheduledUs.recordValue(Math.max(0, nowNs - plannedNs - delayNs) / 1000);
    }

    /** Waits for what the broker confirmed to reach every group; returns what has not after so many seconds. */
    private long awaitReceived(int seconds) throws InterruptedException {
        long deadline = System.nanoTime() + seconds * 1_000_000_000L;
        long missing = missing();
        for (; missing > 0 && System.nanoTime() < deadline; missing = missing()) Thread.sleep(50);
        return missing;
    }

    private long missing() {
        long missing = 0;
        for (BitSet received : receivedOf) {
            BitSet awaited;
            synchronized (acknowledged) {
                awaited = (BitSet) acknowledged.clone();
            }
            synchronized (received) {
                awaited.andNot(received);
            }
            missing += awaited.cardinality();
        }
        return missing;
    }

    private void report(long missing) {
        Result result = bench.result()
            .put("ratePerS", ratePerS)
            .put("groups", groups)
            .put("sentMeasured", sentMeasured)
            .put("receivedMeasured", receivedMeasured.sum())
            .put("missing", missing)
            .put("duplicates", duplicates.sum())
            .putLatency("latency", latencyUs.getIntervalHistogram())
            .putLatency("scheduled", scheduledUs.getIntervalHistogram())
            .putLatency("ack", ackUs.getIntervalHistogram());
        if (delayLevel > 0) result.put("early", early.sum()).put("latencyOf", "what comes after the due time");
        if (missing > 0) result.problem(missing + " confirmed messages did not arrive");
        if (duplicates.sum() > 0) result.problem(duplicates.sum() + " messages arrived twice");
        if (early.sum() > 0) result.problem(early.sum() + " messages came before they were due");
    }
}
