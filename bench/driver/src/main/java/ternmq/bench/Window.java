package ternmq.bench;

/** The measured stretch of a scenario: samples when it opens, samples when it closes, and what lies between. */
final class Window {
    private final Settings settings;
    private final long startNs = System.nanoTime();
    private final double brokerCpuS;
    private final double clientCpuS = Proc.ownCpuS();
    private final double busyS = Proc.machineBusyS();
    private final double stealS = Proc.machineStealS();
    private final long diskFlushes = Proc.diskFlushes();

    Window(Settings settings) {
        this.settings = settings;
        brokerCpuS = Proc.cpuS(settings.brokerPids);
    }

    /** Takes the closing samples and writes rates, CPU and memory for this many messages into the result. */
    void close(long messages, Result result) {
        double seconds = (System.nanoTime() - startNs) / 1e9;
        double broker = Proc.cpuS(settings.brokerPids) - brokerCpuS;
        double client = Proc.ownCpuS() - clientCpuS;
        double others = Proc.machineBusyS() - busyS - broker - client;
        result.put("messages", messages)
            .put("windowS", seconds)
            .put("messagesPerS", messages / seconds)
            .put("brokerCpuS", broker)
            .put("brokerCpuUsPerMessage", broker / messages * 1e6)
            .put("clientCpuS", client)
            .put("clientCpuUsPerMessage", client / messages * 1e6)
            .put("otherCpuS", others)
            .put("stealS", Proc.machineStealS() - stealS)
            .put("diskFlushesPerS", (Proc.diskFlushes() - diskFlushes) / seconds)
            .put("brokerRssMiB", Proc.memoryMiB(settings.brokerPids, "VmRSS"))
            .put("brokerRssMaxMiB", Proc.memoryMiB(settings.brokerPids, "VmHWM"))
            .put("brokerAnonMiB", Proc.memoryMiB(settings.brokerPids, "RssAnon"));
    }
}
