package ternmq.bench;

import java.util.Map;
import java.util.TreeMap;

/** Every load by its name; bench/README.md says what each one is. */
final class Scenarios {
    interface Scenario {
        void run(Bench bench) throws Exception;
    }

    static final Map<String, Scenario> BY_NAME = new TreeMap<>(Map.ofEntries(
        Map.entry("prewarm", b -> SendLoads.sync(b, 64, 128)),
        Map.entry("send-sync-1", b -> SendLoads.sync(b, 1, 128)),
        Map.entry("send-sync-64", b -> SendLoads.sync(b, 64, 128)),
        Map.entry("send-sync-64-1k", b -> SendLoads.sync(b, 64, 1024)),
        Map.entry("sync-flush", b -> SendLoads.sync(b, 64, 128)),
        Map.entry("many-topics", b -> SendLoads.manyTopics(b, 64, 128)),
        Map.entry("send-async-100", b -> SendLoads.async(b, 512, 100)),
        Map.entry("send-async", b -> SendLoads.async(b, 512, 1024)),
        Map.entry("send-batch", b -> SendLoads.batch(b, 8, 32, 128)),
        Map.entry("send-oneway", b -> OnewayLoad.run(b, 4, 128)),
        Map.entry("tx", b -> SendLoads.transaction(b, 16, 128)),
        Map.entry("consume-backlog-128", b -> ConsumeLoads.backlog(b, 128, false, 1)),
        Map.entry("consume-backlog-1k", b -> ConsumeLoads.backlog(b, 1024, false, 1)),
        Map.entry("consume-tuned-128", b -> ConsumeLoads.backlog(b, 128, true, 1)),
        Map.entry("consume-tuned-1k", b -> ConsumeLoads.backlog(b, 1024, true, 1)),
        Map.entry("fan-out", b -> ConsumeLoads.backlog(b, 1024, false, 5)),
        Map.entry("pull-raw", b -> ConsumeLoads.pullRaw(b, 4, 1024, 32)),
        Map.entry("pull-raw-128", b -> ConsumeLoads.pullRaw(b, 4, 128, 32)),
        Map.entry("e2e-1k", b -> new EndToEndLoad(b, 1_000, 128, 1, 0).run()),
        Map.entry("e2e-10k", b -> new EndToEndLoad(b, 10_000, 128, 1, 0).run()),
        Map.entry("fan-out-live", b -> new EndToEndLoad(b, 2_000, 128, 5, 0).run()),
        Map.entry("delay-1", b -> new EndToEndLoad(b, 500, 128, 1, 1).run())));

    private Scenarios() { }
}
