import type { Broker } from '../../broker/broker.ts'
import { QueueRange } from '../../broker/queue-range.ts'
import { runtimeInfo } from '../../broker/runtime-info.ts'
import { putInt64 } from '../../protocol/big-endian.ts'
import { encodeBrokerStats } from '../../protocol/broker-stats.ts'
import { encodeConsumeQueueRange } from '../../protocol/consume-queue-data.ts'
import { dataVersionJson } from '../../protocol/data-version.ts'
import type { FastJson } from '../../protocol/fastjson.ts'
import { fastJsonBytes } from '../../protocol/fastjson-writer.ts'
import { encodeKvTable } from '../../protocol/kv-table.ts'
import type { HandlerFamily } from '../../protocol/request.ts'
import { RequestCode } from '../../protocol/request-code.ts'
import { ResponseCode } from '../../protocol/response-code.ts'

/** What a broker tells of itself, its statistics and its files (protocol/requests.md §5 and §7). */
export function brokerInfoHandlers(broker: Broker): HandlerFamily {
  return {
    ...fileHandlers(broker),
    ...replicaHandlers(broker),
    [RequestCode.GET_BROKER_RUNTIME_INFO]: () => ({ body: encodeKvTable(runtimeInfo(broker)) }),
    [RequestCode.VIEW_BROKER_STATS_DATA]: (request) => {
      const [name, key] = [request.text('statsName'), request.text('statsKey')]
      const stats = broker.stats.find(name, key)
      if (stats) return { body: encodeBrokerStats(stats) }
      return { code: ResponseCode.SYSTEM_ERROR, remark: `The stats <${name}> <${key}> not exist` }
    },
  }
}

/** Queues and files of the store. */
function fileHandlers(broker: Broker): HandlerFamily {
  const { host, store } = broker
  const ranges = new QueueRange(broker)
  return {
    [RequestCode.QUERY_CONSUME_QUEUE]: (request) => {
      const queue = { topic: request.text('topic'), queueId: request.integer('queueId') }
      const range = ranges.read(queue, {
        first: request.integer('index'),
        count: request.integer('count'),
        group: request.optionalText('consumerGroup'),
      })
      if (range) return { body: encodeConsumeQueueRange(range) }
      return { code: ResponseCode.SYSTEM_ERROR, remark: `${queue.queueId}@${queue.topic} is not exist!` }
    },
    [RequestCode.CLEAN_EXPIRED_CONSUMEQUEUE]: async () => {
      const files = await store.queues.deleteBefore(store.log.minOffset)
      host.log.info({ files }, 'expired files of queues deleted')
      return {}
    },
    [RequestCode.DELETE_EXPIRED_COMMITLOG]: async () => {
      const files = await store.deleteExpired()
      host.log.info({ files }, 'expired files of the log deleted')
      return {}
    },
  }
}

/** What replicas ask of their master: it has none. */
function replicaHandlers(broker: Broker): HandlerFamily {
  const { settings, store } = broker
  return {
    [RequestCode.GET_BROKER_HA_STATUS]: () => ({
      body: fastJsonBytes({
        haClientRuntimeInfo: {
          lastReadTimestamp: 0,
          lastWriteTimestamp: 0,
          masterFlushOffset: 0,
          maxOffset: 0,
          transferredByteInSecond: 0,
        },
        haConnectionInfo: [],
        inSyncSlaveNums: 0,
        master: settings.brokerId === 0,
        masterCommitLogMaxOffset: store.log.end,
      }),
    }),
    [RequestCode.GET_TIMER_CHECK_POINT]: () => ({ body: timerCheckpoint(broker) }),
    [RequestCode.GET_TIMER_METRICS]: () => ({ body: timerMetrics(broker) }),
  }
}

/**
 * How far timer messages are: seven int64, namely the time up to which they are delivered, the flushed position of RocketMQ's timer log,
 * the offset up to which the timer topic is in the index, twice (a master's), and a data version (RocketMQ's TimerCheckpoint).
 */
function timerCheckpoint({ host, timers }: Broker): Buffer {
  const { indexed, lateMs } = timers.progress
  const body = Buffer.alloc(56)
  putInt64(body, 0, host.clock.nowMs() - lateMs)
  putInt64(body, 16, indexed)
  putInt64(body, 24, indexed)
  return body
}

/** How many timer messages wait, by the topic that they go to (RocketMQ's TimerMetrics). */
function timerMetrics({ timers }: Broker): Buffer {
  const { version, waiting } = timers.counts()
  const counts = waiting.map(({ topic, count, changedMs }): [string, FastJson] => [
    topic,
    { count, timeStamp: changedMs },
  ])
  return fastJsonBytes({ dataVersion: dataVersionJson(version), timingCount: new Map(counts) })
}
