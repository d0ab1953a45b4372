package interop;

import org.apache.rocketmq.client.consumer.DefaultMQPushConsumer;
import org.apache.rocketmq.client.producer.DefaultMQProducer;
import org.apache.rocketmq.common.message.MessageExt;

import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Collectors;

/** What clients can be set to that the broker sees: namespaces, units, the second port. */
final class ClientChecks {
    private static final int GET_TOPIC_CONFIG = 351;

    static List<Check> all() {
        return List.of(
                Check.together("client-namespace", ClientChecks::namespace),
                Check.together("client-vip-channel", ClientChecks::vipChannel),
                Check.together("client-unit", ClientChecks::unit));
    }

    /** Topics and groups get the namespace in front, and are shown without it. */
    private static void namespace(Context context) throws Exception {
        var topic = context.topic("t", 2);
        var wrapped = "ns%" + topic;
        Admins.createTopic(wrapped, 2);
        var producer = context.newProducer();
        // its own connection: the namespace is part of the client
        Context.configured(producer).setNamespace("ns");
        producer.start();
        var inside = new Inbox();
        consume(context, topic, inside, consumer -> consumer.setNamespace("ns"));
        var outside = new Inbox();
        consume(context, topic, outside, consumer -> {});
        for (var message : Sent.messages(topic, "m", 8)) producer.send(message);
        inside.awaitAll(Sent.messages(topic, "m", 8).stream().map(each -> each.getKeys()).toList());
        Expect.equal(
                "topics shown",
                Set.of(topic),
                inside.messages().stream().map(MessageExt::getTopic).collect(Collectors.toSet()));
        Expect.equal("messages in the wrapped topic", 8L, Admins.stored(wrapped));
        outside.expectNothing();
    }

    /** Clients may use the port two below for what must not wait behind pulls. */
    private static void vipChannel(Context context) throws Exception {
        var topic = context.topic(2);
        var producer = context.newProducer();
        Context.configured(producer).setVipChannelEnabled(true);
        producer.start();
        var inbox = new Inbox();
        consume(context, topic, inbox, consumer -> consumer.setVipChannelEnabled(true));
        inbox.expectExactly(Sent.sync(producer, topic, "m", 20));
    }

    /** A unit is in the client's id, and a topic made by its messages is marked. */
    private static void unit(Context context) throws Exception {
        var topic = context.name("t");
        var producer = inUnit(context);
        Expect.that(
                producer.buildMQClientId().endsWith("@unit"),
                () -> "client id " + producer.buildMQClientId());
        for (var message : Sent.messages(topic, "m", 4)) producer.send(message);
        var answer = Raw.ask(Raw.client(null), GET_TOPIC_CONFIG, Map.of("topic", topic), null);
        var config = new String(answer.getBody(), StandardCharsets.UTF_8);
        Expect.that(config.contains("\"topicSysFlag\":1"), () -> "no unit in " + config);
        var inbox = new Inbox();
        consume(
                context,
                topic,
                inbox,
                consumer -> {
                    consumer.setUnitName("unit");
                    consumer.setUnitMode(true);
                });
        inbox.awaitAll(Sent.messages(topic, "m", 4).stream().map(each -> each.getKeys()).toList());
    }

    private static DefaultMQProducer inUnit(Context context) throws Exception {
        var producer = context.newProducer();
        Context.configured(producer).setUnitName("unit");
        producer.setUnitMode(true);
        producer.start();
        return producer;
    }

    private interface Setup {
        void apply(DefaultMQPushConsumer consumer);
    }

    private static void consume(Context context, String topic, Inbox inbox, Setup setup)
            throws Exception {
        var consumer = context.pushConsumer(context.name("g" + System.identityHashCode(inbox)));
        setup.apply(consumer);
        consumer.subscribe(topic, "*");
        consumer.registerMessageListener(inbox.concurrently());
        consumer.start();
    }

    private ClientChecks() {}
}
