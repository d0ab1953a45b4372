package interop;

import org.apache.rocketmq.acl.common.AclClientRPCHook;
import org.apache.rocketmq.acl.common.SessionCredentials;
import org.apache.rocketmq.client.exception.MQClientException;
import org.apache.rocketmq.client.producer.DefaultMQProducer;
import org.apache.rocketmq.common.message.Message;
import org.apache.rocketmq.remoting.RPCHook;

import java.util.ArrayList;
import java.util.List;
import java.util.Set;

/** A broker that wants every request signed: whoever signs is served as ever, nobody else is. */
final class AclChecks {
    private static final String ACCESS_KEY = System.getProperty("interop.accessKey");
    private static final String SECRET_KEY = System.getProperty("interop.secretKey");

    /** Checks of other families that must hold when all requests are signed. */
    private static final Set<String> SIGNED =
            Set.of(
                    "send-sync",
                    "send-oneway",
                    "send-batch",
                    "push-concurrent",
                    "push-orderly",
                    "lite-subscribe",
                    "pull",
                    "admin-topic-life",
                    "admin-consume-stats",
                    "admin-cluster");

    static List<Check> among(List<Check> all) {
        var checks = new ArrayList<Check>();
        for (var check : all) if (SIGNED.contains(check.name())) checks.add(check);
        checks.add(Check.together("acl-wrong-secret", context -> refused(ACCESS_KEY, "wrong")));
        checks.add(Check.together("acl-unknown-key", context -> refused("unknown", SECRET_KEY)));
        checks.addAll(PolicyChecks.all());
        return checks;
    }

    /** Signs requests; null where the broker does not want it. */
    static RPCHook hook() {
        return ACCESS_KEY == null ? null : hook(ACCESS_KEY, SECRET_KEY);
    }

    static RPCHook hook(String accessKey, String secretKey) {
        return new AclClientRPCHook(new SessionCredentials(accessKey, secretKey));
    }

    private static void refused(String accessKey, String secretKey) throws Exception {
        var producer = new DefaultMQProducer("refused", hook(accessKey, secretKey));
        Context.configured(producer);
        producer.start();
        try {
            producer.send(new Message("refused", new byte[] {1}));
            throw new AssertionError("a message was taken that " + accessKey + " signed wrongly");
        } catch (MQClientException expected) {
            // no route: the name server does not answer either
        } finally {
            producer.shutdown();
        }
    }

    private AclChecks() {}
}
