package interop;

import org.apache.rocketmq.client.consumer.DefaultMQPullConsumer;
import org.apache.rocketmq.client.consumer.PullResult;
import org.apache.rocketmq.client.consumer.PullStatus;
import org.apache.rocketmq.client.exception.MQClientException;
import org.apache.rocketmq.common.message.MessageExt;
import org.apache.rocketmq.common.message.MessageQueue;

import java.util.ArrayList;
import java.util.List;

/**
 * Reads whole queues by plain pulls, without a group's progress: what does the topic really hold?
 */
final class Drain {
    private static DefaultMQPullConsumer consumer;

    /**
     * Every message of the topic, from each queue's first to its last, once what was acknowledged
     * can be seen.
     */
    static Inbox topic(String topic, Sent sent) throws Exception {
        sent.awaitVisible(topic);
        return topic(topic);
    }

    /** Every message of the topic that can be seen now. */
    static Inbox topic(String topic) throws Exception {
        var consumer = consumer();
        var inbox = new Inbox();
        for (var queue : consumer.fetchSubscribeMessageQueues(topic))
            inbox.add(queue(consumer, queue));
        return inbox;
    }

    /** The only message of a topic. */
    static MessageExt only(String topic) throws Exception {
        Expect.eventually("stored messages", 1L, () -> Admins.stored(topic));
        return topic(topic).messages().get(0);
    }

    /** One for all checks: it has no progress, so nobody disturbs another. */
    private static synchronized DefaultMQPullConsumer consumer() throws MQClientException {
        if (consumer == null) {
            consumer = Context.configured(new DefaultMQPullConsumer("drain", AclChecks.hook()));
            consumer.start();
        }
        return consumer;
    }

    private static List<MessageExt> queue(DefaultMQPullConsumer consumer, MessageQueue queue)
            throws Exception {
        var messages = new ArrayList<MessageExt>();
        long offset = consumer.minOffset(queue);
        while (true) {
            PullResult result = consumer.pull(queue, "*", offset, 32);
            if (result.getPullStatus() == PullStatus.NO_NEW_MSG) return messages;
            Expect.equal(
                    "pull of " + queue + " at " + offset, PullStatus.FOUND, result.getPullStatus());
            for (var message : result.getMsgFoundList()) {
                Expect.equal("offset in " + queue, offset, message.getQueueOffset());
                offset++;
                messages.add(message);
            }
            Expect.equal("next offset of " + queue, offset, result.getNextBeginOffset());
        }
    }

    private Drain() {}
}
