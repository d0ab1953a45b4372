package interop;

import org.apache.rocketmq.client.consumer.DefaultMQPushConsumer;

import java.util.List;

/** Broadcast: every member gets everything, and keeps its progress in a file of its own. */
final class BroadcastChecks {
    static List<Check> all() {
        return List.of(Check.together("broadcast", BroadcastChecks::broadcast));
    }

    private static void broadcast(Context context) throws Exception {
        var topic = context.topic(3);
        var group = context.name("g");
        var producer = context.producer();
        var first = Sent.sync(producer, topic, "first", 30);
        var inboxes = List.of(new Inbox(), new Inbox());
        var members = List.of(member(context, topic, group), member(context, topic, group));
        for (int i = 0; i < 2; i++) start(members.get(i), inboxes.get(i));
        for (var inbox : inboxes) inbox.expectExactly(first);

        members.get(0).shutdown();
        var second = Sent.sync(producer, topic, "second", 30);
        var back = member(context, topic, group);
        back.setInstanceName(
                members.get(0).getInstanceName()); // the file of its progress is found by this name
        var inboxBack = new Inbox();
        start(back, inboxBack);
        inboxBack.expectExactly(second);
        first.addAll(second);
        inboxes.get(1).expectExactly(first);
    }

    private static DefaultMQPushConsumer member(Context context, String topic, String group)
            throws Exception {
        var consumer = context.pushConsumer(group);
        Versions.broadcast(consumer);
        consumer.subscribe(topic, "*");
        return consumer;
    }

    private static void start(DefaultMQPushConsumer consumer, Inbox inbox) throws Exception {
        consumer.registerMessageListener(inbox.concurrently());
        consumer.start();
    }

    private BroadcastChecks() {}
}
