package ternmq.bench;

import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import org.apache.rocketmq.client.exception.MQClientException;
import org.apache.rocketmq.client.producer.DefaultMQProducer;
import org.apache.rocketmq.common.message.Message;

/** What every scenario works with: what was asked for, the servers, the load and the result. */
record Bench(Settings settings, Cluster cluster, Load load, Result result) {

    /** A started producer of the official client. */
    DefaultMQProducer producer() throws MQClientException {
        return start(new DefaultMQProducer("bench_p_" + settings.id));
    }

    /** Gives a producer the name server, a client of its own and a patient timeout, and starts it. */
    <P extends DefaultMQProducer> P start(P producer) throws MQClientException {
        producer.setNamesrvAddr(settings.namesrv);
        producer.setInstanceName("p-" + settings.id);
        producer.setSendMsgTimeout(10_000);
        producer.start();
        return producer;
    }

    /** Letters that do not compress to nothing, the same in each run. */
    static byte[] body(int sizeBytes) {
        byte[] body = new byte[sizeBytes];
        Random random = new Random(42);
        for (int i = 0; i < sizeBytes; i++) body[i] = (byte) ('a' + random.nextInt(26));
        return body;
    }

    static List<Message> batch(String topic, byte[] body, int count) {
        List<Message> messages = new ArrayList<>(count);
        for (int i = 0; i < count; i++) messages.add(new Message(topic, body));
        return messages;
    }

    /** Compares what the server confirmed with what is stored when it has come to rest. */
    void checkStored(String topic) throws Exception {
        long acknowledged = load.acknowledged();
        long stored = cluster.storedAtRest(topic);
        result.put("acknowledged", acknowledged).put("stored", stored);
        if (stored < acknowledged) result.problem("acknowledged " + acknowledged + " but stored " + stored);
    }
}
