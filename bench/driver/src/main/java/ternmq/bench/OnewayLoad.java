package ternmq.bench;

import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.atomic.LongAdder;
import java.util.concurrent.locks.LockSupport;
import org.apache.rocketmq.client.producer.DefaultMQProducer;
import org.apache.rocketmq.common.message.Message;

/**
 * Oneway sends have no answer: the rate is what the broker really stored, by max offsets. Unpaced, the client piles
 * up frames in memory until it dies, so at most 20,000 may be on the way: a gate that the stored offsets open.
 */
final class OnewayLoad {
    private static final long ON_THE_WAY_MAX = 20_000;

    static void run(Bench bench, int threads, int sizeBytes) throws Exception {
        Load load = bench.load();
        String topic = bench.cluster().newTopic("oneway");
        DefaultMQProducer producer = bench.producer();
        byte[] body = Bench.body(sizeBytes);
        LongAdder sent = new LongAdder();
        AtomicLong gate = new AtomicLong(ON_THE_WAY_MAX);
        startGateKeeper(bench, topic, sent, gate);
        Runnable sender = () -> {
            while (load.goesOn()) {
                while (sent.sum() >= gate.get() && load.goesOn()) LockSupport.parkNanos(200_000L);
                try {
                    producer.sendOneway(new Message(topic, body));
                    sent.increment();
                } catch (Exception e) {
                    load.fail(e);
                }
            }
        };
        Thread[] senders = new Thread[threads];
        for (int i = 0; i < threads; i++) {
            senders[i] = new Thread(sender, "load-" + i);
            senders[i].start();
        }
        measure(bench, topic, sent);
        for (Thread thread : senders) thread.join();
        long stored = bench.cluster().storedAtRest(topic);
        bench.result().put("sentOneway", sent.sum()).put("stored", stored).put("lost", sent.sum() - stored);
        producer.shutdown();
    }

    private static void measure(Bench bench, String topic, LongAdder sent) throws Exception {
        bench.load().warmUp();
        long storedBefore = bench.cluster().stored(topic);
        long sentBefore = sent.sum();
        Window window = bench.load().openWindow();
        Thread.sleep((long) (bench.settings().windowS * 1000));
        long stored = bench.cluster().stored(topic) - storedBefore;
        window.close(stored, bench.result());
        bench.result().put("sentOnewayInWindow", sent.sum() - sentBefore);
        bench.load().end();
    }

    private static void startGateKeeper(Bench bench, String topic, LongAdder sent, AtomicLong gate) throws Exception {
        Cluster cluster = bench.cluster();
        Load load = bench.load();
        cluster.stored(topic); // connects before the load begins
        Thread keeper = new Thread(() -> {
            long last = 0;
            long lost = 0;
            long sinceNs = System.nanoTime();
            while (load.goesOn()) {
                try {
                    long stored = cluster.stored(topic);
                    boolean moved = stored != last;
                    // Nothing stored for a second: what is missing is lost, waiting for it would stop the load.
                    if (!moved && System.nanoTime() - sinceNs > 1_000_000_000L) lost = sent.sum() - stored;
                    else if (!moved) continue;
                    gate.set(stored + lost + ON_THE_WAY_MAX);
                    last = stored;
                    sinceNs = System.nanoTime();
                } catch (Exception e) {
                    load.fail(e);
                } finally {
                    LockSupport.parkNanos(30_000_000L);
                }
            }
        }, "gate-keeper");
        keeper.setDaemon(true);
        keeper.start();
    }

    private OnewayLoad() { }
}
