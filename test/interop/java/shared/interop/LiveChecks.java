package interop;

import org.apache.rocketmq.client.consumer.DefaultMQPushConsumer;

import java.util.List;
import java.util.Set;
import java.util.stream.Collectors;

/** What an operator asks of consumers that are running, through the broker. */
final class LiveChecks {
    static List<Check> all() {
        return List.of(
                Check.together("live-reset-offset", LiveChecks::resetOffset),
                Check.together("live-running-info", LiveChecks::runningInfo),
                Check.together("live-consume-directly", LiveChecks::consumeDirectly),
                Check.together("live-clone-offsets", LiveChecks::cloneOffsets));
    }

    /** Back to the time between: what came after it comes again. */
    private static void resetOffset(Context context) throws Exception {
        var topic = context.topic(2);
        var deliveries = new Deliveries();
        var consumer = start(context, topic, deliveries);
        var producer = context.producer();
        Sent.sync(producer, topic, "early", 10);
        Thread.sleep(1100);
        long between = System.currentTimeMillis();
        Sent.sync(producer, topic, "late", 10);
        deliveries.awaitCount(20);
        var reset =
                Admins.admin()
                        .resetOffsetByTimestamp(
                                topic, consumer.getConsumerGroup(), between, true);
        Expect.equal("offsets", Set.of(5L), Set.copyOf(reset.values()));
        for (var delivery : deliveries.awaitCount(30).subList(20, 30))
            Expect.that(
                    delivery.id().startsWith("late"),
                    () -> delivery.id() + " came again, but is older");
    }

    private static void runningInfo(Context context) throws Exception {
        var topic = context.topic(3);
        var consumer = start(context, topic, new Deliveries());
        var info =
                Admins.admin()
                        .getConsumerRunningInfo(
                                consumer.getConsumerGroup(), clientId(consumer), true);
        Expect.equal(
                "subscriptions",
                Set.of(topic, "%RETRY%" + consumer.getConsumerGroup()),
                info.getSubscriptionSet().stream()
                        .map(each -> each.getTopic())
                        .collect(Collectors.toSet()));
        Expect.equal(
                "queues",
                3L,
                info.getMqTable().keySet().stream()
                        .filter(queue -> queue.getTopic().equals(topic))
                        .count());
        Expect.that(
                info.getJstack().contains("Thread"), () -> "no stacks: " + info.getJstack());
    }

    private static void consumeDirectly(Context context) throws Exception {
        var topic = context.topic(1);
        var deliveries = new Deliveries();
        var consumer = start(context, topic, deliveries);
        var result = context.producer().send(Sent.message(topic, "m"));
        deliveries.awaitCount(1);
        var answer =
                Admins.admin()
                        .consumeMessageDirectly(
                                consumer.getConsumerGroup(),
                                clientId(consumer),
                                topic,
                                result.getOffsetMsgId());
        Expect.equal("result", "CR_SUCCESS", answer.getConsumeResult().toString());
        deliveries.awaitCount(2);
    }

    private static void cloneOffsets(Context context) throws Exception {
        var topic = context.topic(1);
        var deliveries = new Deliveries();
        var consumer = start(context, topic, deliveries);
        Sent.sync(context.producer(), topic, "m", 10);
        deliveries.awaitCount(10);
        PushChecks.awaitCommitted(consumer, topic);
        consumer.shutdown();
        var other = context.name("other");
        Admins.admin()
                .createAndUpdateSubscriptionGroupConfig(
                        Admins.broker(), Versions.group(other, 16));
        Admins.admin().cloneGroupOffset(consumer.getConsumerGroup(), other, topic, false);
        var later = Sent.sync(context.producer(), topic, "later", 3);
        var inbox = new Inbox();
        PushChecks.start(context, topic, "*", other, inbox);
        inbox.expectExactly(later);
    }

    private static DefaultMQPushConsumer start(
            Context context, String topic, Deliveries deliveries) throws Exception {
        var consumer = context.pushConsumer(context.name("g"));
        consumer.subscribe(topic, "*");
        consumer.registerMessageListener(deliveries.concurrently());
        consumer.start();
        PushChecks.awaitQueues(consumer, topic, Admins.queues(topic).size());
        return consumer;
    }

    private static String clientId(DefaultMQPushConsumer consumer) {
        return consumer.getDefaultMQPushConsumerImpl().getmQClientFactory().getClientId();
    }

    private LiveChecks() {}
}
