package interop;

import org.apache.rocketmq.client.producer.SendCallback;
import org.apache.rocketmq.client.producer.SendResult;

import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicReference;

/** Single sends that the client gathers into batches (5.x). */
final class AutoBatchChecks {
    private static final int COUNT = 200;

    static List<Check> all() {
        return List.of(Check.together("send-auto-batch", AutoBatchChecks::autoBatch));
    }

    private static void autoBatch(Context context) throws Exception {
        var topic = context.topic(2);
        var inbox = new Inbox();
        PushChecks.start(context, topic, "*", context.name("g"), inbox);
        var producer = context.newProducer();
        Context.configured(producer).setAutoBatch(true);
        producer.start();
        var rest = new CountDownLatch(COUNT);
        var failure = new AtomicReference<Throwable>();
        for (var message : Sent.messages(topic, "m", COUNT)) {
            producer.send(
                    message,
                    new SendCallback() {
                        @Override
                        public void onSuccess(SendResult result) {
                            rest.countDown();
                        }

                        @Override
                        public void onException(Throwable e) {
                            failure.set(e);
                            rest.countDown();
                        }
                    });
        }
        Expect.that(rest.await(Expect.SECONDS_MAX, TimeUnit.SECONDS), () -> rest.getCount() + " sends unanswered");
        Expect.equal("failure", null, failure.get());
        inbox.awaitAll(Sent.messages(topic, "m", COUNT).stream().map(each -> each.getKeys()).toList());
        Expect.equal("messages stored", (long) COUNT, Admins.stored(topic));
    }

    private AutoBatchChecks() {}
}
