import type { Broker } from '../../broker/broker.ts'
import { decodeLockBatch, encodeLockedQueues } from '../../protocol/lock-batch.ts'
import type { HandlerFamily } from '../../protocol/request.ts'
import { RequestCode } from '../../protocol/request-code.ts'

/** Queues that ordered consumers hold alone (protocol/semantics.md §7). */
export function lockHandlers(broker: Broker): HandlerFamily {
  return {
    [RequestCode.LOCK_BATCH_MQ]: ({ body }) => {
      const { consumerGroup, clientId, queues } = decodeLockBatch(body)
      const nowMs = broker.host.clock.nowMs()
      return { body: encodeLockedQueues(broker.locks.lock(consumerGroup, clientId, queues, nowMs)) }
    },
    [RequestCode.UNLOCK_BATCH_MQ]: ({ body }) => {
      const { consumerGroup, clientId, queues } = decodeLockBatch(body)
      broker.locks.unlock(consumerGroup, clientId, queues)
      return {}
    },
  }
}
