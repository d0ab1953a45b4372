package interop;

import org.apache.rocketmq.remoting.RPCHook;
import org.apache.rocketmq.remoting.netty.NettyClientConfig;
import org.apache.rocketmq.remoting.netty.NettyRemotingClient;
import org.apache.rocketmq.remoting.protocol.RemotingCommand;

import java.util.HashMap;
import java.util.Map;

/**
 * Single requests through the client's own transport, for what its upper layers would not let pass.
 */
final class Raw {
    static final int SEND_MESSAGE = 10;
    static final int PULL_MESSAGE = 11;
    private static final int ANSWER_MS_MAX = 10_000;

    private static final NettyRemotingClient CLIENT = client(null);

    /** A client's transport, started. @param hook signs what it sends; null: nobody does */
    static NettyRemotingClient client(RPCHook hook) {
        var client = new NettyRemotingClient(new NettyClientConfig());
        if (hook != null) client.registerRPCHook(hook);
        client.start();
        return client;
    }

    static RemotingCommand ask(
            NettyRemotingClient client, int code, Map<String, String> fields, byte[] body)
            throws Exception {
        var command = RemotingCommand.createRequestCommand(code, null);
        command.setExtFields(new HashMap<>(fields));
        command.setBody(body);
        return client.invokeSync(Admins.broker(), command, ANSWER_MS_MAX);
    }

    static void expectCode(String what, int code, int request, Map<String, String> fields)
            throws Exception {
        var answer = ask(CLIENT, request, fields, new byte[] {1});
        Expect.equal(what + " (" + answer.getRemark() + ")", code, answer.getCode());
    }

    static Map<String, String> send(String topic, int queueId) {
        var fields = new HashMap<String, String>();
        fields.put("producerGroup", "raw");
        fields.put("topic", topic);
        fields.put("defaultTopic", "TBW102");
        fields.put("defaultTopicQueueNums", "4");
        fields.put("queueId", Integer.toString(queueId));
        fields.put("sysFlag", "0");
        fields.put("bornTimestamp", Long.toString(System.currentTimeMillis()));
        fields.put("flag", "0");
        fields.put("properties", "");
        fields.put("reconsumeTimes", "0");
        fields.put("unitMode", "false");
        fields.put("batch", "false");
        return fields;
    }

    static Map<String, String> pull(String group, String topic, int queueId, String expression) {
        var fields = new HashMap<String, String>();
        fields.put("consumerGroup", group);
        fields.put("topic", topic);
        fields.put("queueId", Integer.toString(queueId));
        fields.put("queueOffset", "0");
        fields.put("maxMsgNums", "32");
        fields.put("sysFlag", "4");
        fields.put("commitOffset", "0");
        fields.put("suspendTimeoutMillis", "0");
        fields.put("subscription", expression);
        fields.put("subVersion", "0");
        fields.put("expressionType", "TAG");
        return fields;
    }

    private Raw() {}
}
