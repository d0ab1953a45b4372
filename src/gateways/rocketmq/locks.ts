import type { Broker } from '../../broker/broker.ts'
import { decodeLockBatch, encodeLockedQueues } from '../../protocol/lock-batch.ts'
import type { MessageQueue } from '../../protocol/message-queue.ts'
import type { HandlerFamily } from '../../protocol/request.ts'
import { RequestCode } from '../../protocol/request-code.ts'

/** Queues that ordered consumers hold alone (protocol/semantics.md §7). */
export function lockHandlers(broker: Broker): HandlerFamily {
  return {
    [RequestCode.LOCK_BATCH_MQ]: ({ body, peer }) => {
      const { consumerGroup, clientId, queues } = decodeLockBatch(body)
      const nowMs = broker.host.clock.nowMs()
      // a client may ask a broker that its heartbeats have not reached yet
      broker.groups.forUse(consumerGroup)
      // locks of what does not exist would be memory for the asking
      const existing = queues.filter((queue) => isThere(broker, queue))
      const locked = broker.locks.lock(consumerGroup, clientId, existing, nowMs, peer.id)
      return { body: encodeLockedQueues(locked) }
    },
    [RequestCode.UNLOCK_BATCH_MQ]: ({ body }) => {
      const { consumerGroup, clientId, queues } = decodeLockBatch(body)
      broker.locks.unlock(consumerGroup, clientId, queues)
      return {}
    },
  }
}

function isThere({ topics }: Broker, { topic, queueId }: MessageQueue): boolean {
  const config = topics.get(topic)?.config
  return (
    config !== undefined && queueId >= 0 && queueId < Math.max(config.readQueueNums, config.writeQueueNums)
  )
}
