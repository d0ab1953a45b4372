package interop;

import org.apache.rocketmq.client.consumer.listener.ConsumeConcurrentlyStatus;
import org.apache.rocketmq.client.consumer.listener.MessageListenerConcurrently;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.IntSupplier;
import java.util.stream.Collectors;

/**
 * A consumer in a process of its own, to be killed, or to answer requests. It writes {@code got ID}
 * before it acknowledges a message, and {@code queues N} when its share changes; it ends by itself
 * when whoever started it is gone.
 */
final class Worker implements AutoCloseable {
    private final Process process;
    private final Set<String> ids = ConcurrentHashMap.newKeySet();
    private volatile int queueCount;
    private final Thread reader;

    private Worker(Process process) {
        this.process = process;
        this.reader = new Thread(this::read, "worker-lines");
        reader.setDaemon(true);
        reader.start();
    }

    static Worker start(String topic, String group) throws IOException {
        return new Worker(process("worker", topic, group));
    }

    /** One that answers each message with a reply. */
    static Worker startReplier(String topic, String group) throws IOException {
        return new Worker(process("replier", topic, group));
    }

    /** Starts this program with its own class path and properties. */
    static Process process(String... args) throws IOException {
        var java = Path.of(System.getProperty("java.home"), "bin", "java").toString();
        var command =
                new ArrayList<>(
                        List.of(java, "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Xmx256m"));
        for (var name : List.of("user.home", "rocketmq.serialize.type")) {
            command.add("-D" + name + "=" + System.getProperty(name));
        }
        command.addAll(List.of("-cp", System.getProperty("java.class.path"), "interop.Main"));
        command.addAll(List.of(args));
        return new ProcessBuilder(command).redirectError(ProcessBuilder.Redirect.INHERIT).start();
    }

    void awaitQueues(int count) throws InterruptedException {
        Expect.eventually("queues of the other process", count, () -> queueCount);
    }

    /** Ids of the messages it was given. */
    Set<String> ids() {
        return ids;
    }

    /** kill -9, and reads what it had written; Process.destroyForcibly would throw that away. */
    void kill() throws InterruptedException {
        process.toHandle().destroyForcibly();
        process.waitFor();
        reader.join(5000);
    }

    @Override
    public void close() {
        process.destroyForcibly();
    }

    private void read() {
        try (var lines = new BufferedReader(new InputStreamReader(process.getInputStream()))) {
            for (var line = lines.readLine(); line != null; line = lines.readLine()) {
                if (line.startsWith("got ")) ids.add(line.substring(4));
                else if (line.startsWith("queues "))
                    queueCount = Integer.parseInt(line.substring(7));
            }
        } catch (IOException e) {
            // the stream of a killed process may end in the middle of a line
            System.err.println("worker: " + e.getMessage());
        }
    }

    /** The process itself. */
    static void run(String topic, String group) throws Exception {
        run(
                topic,
                group,
                (batch, ignored) -> {
                    say(
                            batch.stream()
                                    .map(message -> "got " + Inbox.idOf(message))
                                    .collect(Collectors.joining("\n")));
                    return ConsumeConcurrentlyStatus.CONSUME_SUCCESS;
                });
    }

    /** The same with what it does with messages. */
    static void run(String topic, String group, MessageListenerConcurrently listener)
            throws Exception {
        var consumer = new Context("worker").pushConsumer(group);
        consumer.subscribe(topic, "*");
        consumer.registerMessageListener(listener);
        consumer.start();
        var watch = new Thread(() -> watch(() -> PushChecks.queueIds(consumer, topic).size()));
        watch.setDaemon(true);
        watch.start();
        while (System.in.read() >= 0) {
            // nothing is ever said to it
        }
        Runtime.getRuntime().halt(0);
    }

    private static void watch(IntSupplier share) {
        int last = -1;
        try {
            while (true) {
                int now = share.getAsInt();
                if (now != last) say("queues " + now);
                last = now;
                Thread.sleep(50);
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    private static synchronized void say(String line) {
        System.out.println(line);
        System.out.flush();
    }
}
