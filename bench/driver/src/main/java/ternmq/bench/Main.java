package ternmq.bench;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.time.Instant;

/**
 * One scenario per JVM, all through the official remoting client, so the same run measures any server that speaks
 * RocketMQ's protocol. The only argument is the scenario's name; the rest comes from {@link Settings}.
 */
public final class Main {
    public static void main(String[] args) {
        Scenarios.Scenario scenario = args.length == 1 ? Scenarios.BY_NAME.get(args[0]) : null;
        if (scenario == null) {
            System.err.println("one scenario, please: " + String.join(" ", Scenarios.BY_NAME.keySet()));
            System.exit(2);
        }
        int status = 0;
        try {
            run(args[0], scenario);
        } catch (Exception e) {
            e.printStackTrace();
            status = 1;
        }
        System.exit(status); // the client leaves threads behind that would keep the JVM alive
    }

    private static void run(String name, Scenarios.Scenario scenario) throws Exception {
        Settings settings = new Settings();
        Cluster cluster = new Cluster(settings);
        Result result = new Result()
            .put("record", "load")
            .put("scenario", name)
            .put("label", settings.label)
            .put("run", settings.run)
            .put("at", Instant.now())
            .put("masters", cluster.masterCount())
            .put("flushDiskType", cluster.flushDiskType());
        Load load = new Load(settings, result);
        scenario.run(new Bench(settings, cluster, load, result));
        load.reportErrors();
        write(settings, result);
    }

    private static void write(Settings settings, Result result) throws IOException {
        if (settings.resultFile == null) {
            System.out.println(result.json());
        } else {
            Files.writeString(Path.of(settings.resultFile), result.json() + "\n",
                StandardOpenOption.CREATE, StandardOpenOption.APPEND);
        }
    }

    private Main() { }
}
