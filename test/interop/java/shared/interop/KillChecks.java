package interop;

import interop.Check.Claim;

import org.apache.rocketmq.client.producer.DefaultMQProducer;

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.atomic.AtomicBoolean;

/** kill -9 of the broker: whatever was acknowledged is still there, at its place. */
final class KillChecks {
    private static final int OFFSETS_SAFE_MS = Integer.getInteger("interop.offsetsSafeMs");

    static List<Check> all() {
        return List.of(
                Check.acrossKill("kill-acknowledged", KillChecks::acknowledged),
                Check.acrossKill("kill-offsets", KillChecks::offsets),
                Check.acrossKill("kill-clients-stay", RestartChecks::clientsStay));
    }

    /** Four threads send while the broker dies. */
    private static Claim acknowledged(Context before) throws Exception {
        var topic = before.topic(4);
        var producer = before.newProducer();
        producer.setRetryTimesWhenSendFailed(0); // what counts is the first answer
        producer.setSendMsgTimeout(3000);
        producer.start();
        var sent = new Sent();
        var stop = new AtomicBoolean();
        var threads = new ArrayList<Thread>();
        for (int t = 0; t < 4; t++) {
            var stem = "t" + t;
            var thread = new Thread(() -> sendUntil(stop, producer, topic, stem, sent));
            thread.start();
            threads.add(thread);
        }
        before.atEnd(() -> stop.set(true));
        Expect.eventually("hundred messages before the kill", true, () -> sent.count() > 100);
        return after -> {
            stop.set(true);
            for (var thread : threads) thread.join();
            Drain.topic(topic, sent).expectHolds(sent);
            var more = Sent.sync(after.producer(), topic, "after", 20);
            Drain.topic(topic, more).expectHolds(more);
        };
    }

    private static void sendUntil(
            AtomicBoolean stop, DefaultMQProducer producer, String topic, String stem, Sent sent) {
        int failures = 0;
        for (int i = 0; !stop.get(); i++) {
            var message = Sent.message(topic, stem + "-" + i);
            try {
                sent.add(message, producer.send(message));
                Thread.sleep(1);
            } catch (InterruptedException e) {
                return;
            } catch (Exception e) {
                // not acknowledged: nothing was promised about it
                if (failures++ == 0)
                    System.err.println(stem + " stopped getting answers: " + e.getMessage());
            }
        }
    }

    /** Progress of a group, once the broker has had the time it needs to keep it. */
    private static Claim offsets(Context before) throws Exception {
        var claim = RestartChecks.offsets(before);
        Thread.sleep(OFFSETS_SAFE_MS);
        return claim;
    }

    private KillChecks() {}
}
