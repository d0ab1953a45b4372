package interop;

import org.apache.rocketmq.client.consumer.DefaultMQPushConsumer;
import org.apache.rocketmq.client.consumer.rebalance.AllocateMessageQueueAveragely;
import org.apache.rocketmq.client.exception.MQBrokerException;
import org.apache.rocketmq.client.exception.MQClientException;
import org.apache.rocketmq.client.producer.DefaultMQProducer;
import org.apache.rocketmq.common.consumer.ConsumeFromWhere;
import org.apache.rocketmq.common.message.Message;
import org.apache.rocketmq.remoting.RPCHook;
import org.apache.rocketmq.remoting.netty.NettyRemotingClient;
import org.apache.rocketmq.remoting.protocol.RemotingCommand;

import java.util.Map;

/** Somebody with few rights: single requests that he signs, and official clients of his. */
record User(String name, String secret, NettyRemotingClient client) {
    static final int NO_PERMISSION = 16;

    static User of(Context context, String name, String secret) {
        var client = Raw.client(AclChecks.hook(name, secret));
        context.atEnd(client::shutdown);
        return new User(name, secret, client);
    }

    RPCHook hook() {
        return AclChecks.hook(name, secret);
    }

    RemotingCommand ask(int code, Map<String, String> fields) throws Exception {
        return Raw.ask(client, code, fields, new byte[] {1});
    }

    RemotingCommand trySend(String topic) throws Exception {
        return ask(Raw.SEND_MESSAGE, Raw.send(topic, 0));
    }

    int send(String topic) throws Exception {
        return trySend(topic).getCode();
    }

    RemotingCommand pull(String group, String topic) throws Exception {
        return ask(Raw.PULL_MESSAGE, Raw.pull(group, topic, 0, "*"));
    }

    /** The answer is a refusal that says who may not do what. */
    void refused(String what, RemotingCommand answer, String resource) {
        var remark = answer.getRemark();
        Expect.equal(what + " (" + remark + ")", NO_PERMISSION, answer.getCode());
        Expect.that(
                remark.contains(name) && remark.contains(resource),
                () -> what + ": the remark names neither user nor resource: " + remark);
    }

    DefaultMQProducer producer(Context context) throws Exception {
        var producer = new DefaultMQProducer(context.name("p-" + name), hook());
        Context.configured(producer).setSendMsgTimeout(15_000);
        context.atEnd(producer::shutdown);
        producer.start();
        return producer;
    }

    /** The client fails, be it for want of a route or at the broker. */
    static void expectNotSent(DefaultMQProducer producer, String topic) throws Exception {
        try {
            producer.send(new Message(topic, new byte[] {1}));
        } catch (MQClientException | MQBrokerException expected) {
            return;
        }
        throw new AssertionError("a message was taken for " + topic);
    }

    /** To be given a listener and started by the check. */
    DefaultMQPushConsumer consumer(Context context, String group, String topic) throws Exception {
        var consumer = new DefaultMQPushConsumer(group, hook(), new AllocateMessageQueueAveragely());
        Context.configured(consumer).setConsumeFromWhere(ConsumeFromWhere.CONSUME_FROM_FIRST_OFFSET);
        context.atEnd(consumer::shutdown);
        consumer.subscribe(topic, "*");
        return consumer;
    }
}
