package ternmq.bench;

import java.util.concurrent.atomic.LongAdder;
import org.HdrHistogram.Histogram;
import org.HdrHistogram.Recorder;
import org.apache.rocketmq.client.producer.SendResult;
import org.apache.rocketmq.client.producer.SendStatus;

/** A load that warms up, is measured for a window, and stops; with what it counted. */
final class Load {
    private static final long LATENCY_US_MAX = 120_000_000L;

    private enum Phase { WARM, MEASURED, OVER }

    private final Settings settings;
    private final Result result;
    private final LongAdder measured = new LongAdder();
    private final LongAdder acknowledged = new LongAdder();
    private final LongAdder errors = new LongAdder();
    private volatile Phase phase = Phase.WARM;
    private volatile String firstError;

    Load(Settings settings, Result result) {
        this.settings = settings;
        this.result = result;
    }

    static Histogram histogram() {
        return new Histogram(LATENCY_US_MAX, 3);
    }

    static Recorder recorder() {
        return new Recorder(LATENCY_US_MAX, 3);
    }

    /** True until the window is over: the load goes on. */
    boolean goesOn() {
        return phase != Phase.OVER;
    }

    /** True inside the window: what happens counts. */
    boolean isMeasured() {
        return phase == Phase.MEASURED;
    }

    /** Counts messages the server has confirmed: always as acknowledged, inside the window also as measured. */
    void acknowledge(long messages) {
        acknowledged.add(messages);
        if (isMeasured()) measured.add(messages);
    }

    /** Counts messages that are measured without an acknowledgement, such as pulled ones. */
    void measure(long messages) {
        if (isMeasured()) measured.add(messages);
    }

    /** Every confirmed message, those of the warm-up included. */
    long acknowledged() {
        return acknowledged.sum();
    }

    void fail(Object why) {
        errors.increment();
        if (firstError == null) firstError = String.valueOf(why);
    }

    /** True for a send that was stored as asked; anything else counts as an error. */
    boolean succeeded(SendResult sent) {
        if (sent != null && sent.getSendStatus() == SendStatus.SEND_OK) return true;
        fail(sent == null ? "no result" : sent.getSendStatus());
        return false;
    }

    void reportErrors() {
        result.put("errors", errors.sum());
        if (firstError != null) result.put("firstError", firstError);
    }

    /** Warm-up, then the measured window; then the load is told to end. */
    void runWindow() throws InterruptedException {
        warmUp();
        Window window = openWindow();
        Thread.sleep((long) (settings.windowS * 1000));
        long messages = measured.sum();
        window.close(messages, result);
        end();
    }

    void warmUp() throws InterruptedException {
        Thread.sleep((long) (settings.warmS * 1000));
    }

    Window openWindow() {
        Window window = new Window(settings);
        phase = Phase.MEASURED;
        return window;
    }

    void end() {
        phase = Phase.OVER;
    }

    /** What one thread of a closed loop does until the load ends; latencies of the window go into the histogram. */
    interface Worker {
        void run(int thread, Histogram latencyUs) throws Exception;
    }

    /** Runs the same closed loop on some threads around one window and reports its latencies. */
    void closedLoop(int threads, Worker worker) throws InterruptedException {
        Histogram[] histograms = new Histogram[threads];
        Thread[] running = new Thread[threads];
        for (int i = 0; i < threads; i++) {
            int thread = i;
            histograms[i] = histogram();
            running[i] = new Thread(() -> {
                try {
                    worker.run(thread, histograms[thread]);
                } catch (Exception e) {
                    fail(e);
                }
            }, "load-" + i);
            running[i].start();
        }
        runWindow();
        for (Thread thread : running) thread.join();
        Histogram all = histogram();
        for (Histogram histogram : histograms) all.add(histogram);
        result.putLatency("latency", all);
    }
}
