package ternmq.bench;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.apache.rocketmq.client.consumer.DefaultMQPullConsumer;
import org.apache.rocketmq.client.exception.MQClientException;
import org.apache.rocketmq.common.TopicConfig;
import org.apache.rocketmq.common.message.MessageQueue;
import org.apache.rocketmq.remoting.protocol.route.BrokerData;
import org.apache.rocketmq.tools.admin.DefaultMQAdminExt;

/** The measured servers as their admin interface shows them: brokers, topics, and what is really stored. */
final class Cluster {
    private final Settings settings;
    private final DefaultMQAdminExt admin;
    private final List<String> masters = new ArrayList<>();
    private final Map<String, List<MessageQueue>> queuesOf = new HashMap<>();
    private DefaultMQPullConsumer asker;

    /** @throws IllegalStateException when the name server knows no master broker */
    Cluster(Settings settings) throws Exception {
        this.settings = settings;
        admin = new DefaultMQAdminExt(20_000);
        admin.setNamesrvAddr(settings.namesrv);
        admin.setInstanceName("admin-" + settings.id);
        admin.start();
        for (BrokerData broker : admin.examineBrokerClusterInfo().getBrokerAddrTable().values()) {
            String master = broker.getBrokerAddrs().get(0L);
            if (master != null) masters.add(master);
        }
        if (masters.isEmpty()) throw new IllegalStateException("no master broker known to " + settings.namesrv);
    }

    int masterCount() {
        return masters.size();
    }

    /** flushDiskType of the first master, or "?" where the server does not tell its configuration. */
    String flushDiskType() {
        try {
            return admin.getBrokerConfig(masters.get(0)).getProperty("flushDiskType", "?");
        } catch (Exception e) {
            return "?"; // the field is for readers only, no scenario needs it
        }
    }

    /** Creates a topic that no other run uses and waits until it can be routed to. */
    String newTopic(String name) throws Exception {
        String topic = create(name, settings.queues);
        awaitRoute(topic);
        return topic;
    }

    /** Creates a topic with its queues spread over all masters; its route may come later. */
    String create(String name, int queues) throws Exception {
        String topic = "bench_" + name + "_" + settings.id;
        int perMaster = Math.max(1, queues / masters.size());
        for (String master : masters) {
            admin.createAndUpdateTopicConfig(master, new TopicConfig(topic, perMaster, perMaster));
        }
        return topic;
    }

    void awaitRoute(String topic) throws Exception {
        long deadline = System.nanoTime() + 20_000_000_000L;
        while (true) {
            try {
                if (admin.examineTopicRouteInfo(topic).getBrokerDatas().size() >= masters.size()) return;
            } catch (MQClientException e) {
                if (System.nanoTime() > deadline) throw e;
            }
            if (System.nanoTime() > deadline) throw new IllegalStateException("no route for " + topic);
            Thread.sleep(20);
        }
    }

    /** Sum of the max offsets of a topic, asked on a connection of its own: a flooded one would delay the question. */
    synchronized long stored(String topic) throws Exception {
        if (asker == null) {
            asker = new DefaultMQPullConsumer("bench_ask_" + settings.id);
            asker.setNamesrvAddr(settings.namesrv);
            asker.setInstanceName("ask-" + settings.id);
            asker.start();
        }
        if (!queuesOf.containsKey(topic)) {
            queuesOf.put(topic, new ArrayList<>(asker.fetchSubscribeMessageQueues(topic)));
        }
        long sum = 0;
        for (MessageQueue queue : queuesOf.get(topic)) sum += maxOffset(queue);
        return sum;
    }

    private long maxOffset(MessageQueue queue) throws MQClientException {
        for (int tries = 1; ; tries++) {
            try {
                return asker.maxOffset(queue);
            } catch (MQClientException e) {
                if (tries == 5) throw e;
            }
        }
    }

    /** What is stored once that number has not moved for a second, after at most a minute. */
    long storedAtRest(String topic) throws Exception {
        long last = -1;
        long since = System.nanoTime();
        long deadline = since + 60_000_000_000L;
        while (System.nanoTime() < deadline) {
            long now = stored(topic);
            if (now != last) {
                last = now;
                since = System.nanoTime();
            } else if (System.nanoTime() - since > 1_000_000_000L) {
                break;
            }
            Thread.sleep(100);
        }
        return last;
    }
}
