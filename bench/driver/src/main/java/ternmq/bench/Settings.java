package ternmq.bench;

import java.util.ArrayList;
import java.util.List;

/** What the caller asks for, read from -Dbench.* system properties. */
final class Settings {
    /** host:port of the name server. */
    final String namesrv = System.getProperty("bench.namesrv", "127.0.0.1:9876");
    /** Name of the measured server, copied into the result. */
    final String label = System.getProperty("bench.label", "server");
    /** Number of the run, from 1, copied into the result. */
    final int run = Integer.getInteger("bench.run", 1);
    /** Processes whose CPU time and memory count as the broker's. */
    final List<Long> brokerPids = pids(System.getProperty("bench.brokerPids", ""));
    /** Unmeasured load before the window, seconds. */
    final double warmS = Double.parseDouble(System.getProperty("bench.warmS", "4"));
    /** Length of the window, seconds. */
    final double windowS = Double.parseDouble(System.getProperty("bench.windowS", "8"));
    /** Messages that a backlog scenario drains inside the window; a fifth more is drained before it. */
    final long backlog = Long.getLong("bench.backlog", 500_000L);
    /** Queues of a topic, over all brokers. */
    final int queues = Integer.getInteger("bench.queues", 8);
    /** Topics of many-topics, 4 queues each. */
    final int topics = Integer.getInteger("bench.topics", 1000);
    /** Prefill by batches of 32 unless the server knows single sends only. */
    final boolean prefillByBatch = !"single".equals(System.getProperty("bench.prefill", "batch"));
    /** File that gets the result as one JSON line; standard output if absent. */
    final String resultFile = System.getProperty("bench.resultFile");
    /** Tells this JVM's topics, groups and clients from those of any other. */
    final String id =
        Long.toString(System.currentTimeMillis() % 1_000_000_000L, 36) + "-" + ProcessHandle.current().pid();

    private static List<Long> pids(String text) {
        List<Long> pids = new ArrayList<>();
        for (String pid : text.split(",")) {
            if (!pid.isBlank()) pids.add(Long.parseLong(pid.trim()));
        }
        return pids;
    }
}
