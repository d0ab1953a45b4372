import { ClientError } from '../client/index.ts'
import { decodeMessages, type MessageExt } from '../protocol/message-codec.ts'
import type { MessageQueue } from '../protocol/message-queue.ts'
import { SystemGroup } from '../protocol/names.ts'
import { RequestCode } from '../protocol/request-code.ts'
import { ResponseCode } from '../protocol/response-code.ts'
import { PullSysFlag } from '../protocol/sys-flag.ts'
import type { Cluster } from './cluster.ts'

/** Reads a queue from an offset on, without a group of its own: nothing is committed, nobody is disturbed. */
export class QueueReader {
  readonly queue: MessageQueue
  /** Offset of the message that is read next. */
  offset: number
  /** The broker's. */
  readonly address: string
  readonly #cluster: Cluster

  constructor(cluster: Cluster, address: string, { queue, offset }: { queue: MessageQueue; offset: number }) {
    this.#cluster = cluster
    this.address = address
    this.queue = queue
    this.offset = offset
  }

  /** The next messages; none at the end of the queue. Where messages have expired, it goes on with the oldest that is left. */
  async next(countMax = 32): Promise<MessageExt[]> {
    const { topic, queueId } = this.queue
    try {
      const { body } = await this.#cluster.broker(this.address, RequestCode.PULL_MESSAGE, {
        ...{
          consumerGroup: SystemGroup.TOOLS_CONSUMER,
          topic,
          queueId,
          queueOffset: this.offset,
          maxMsgNums: countMax,
        },
        ...{ sysFlag: PullSysFlag.SUBSCRIPTION, commitOffset: 0, suspendTimeoutMillis: 0, subscription: '*' },
        ...{ subVersion: 0, expressionType: 'TAG' },
      })
      const messages = decodeMessages(body)
      this.offset = (messages.at(-1)?.queueOffset ?? this.offset - 1) + 1
      return messages
    } catch (error) {
      if (!(error instanceof ClientError)) throw error
      if (error.responseCode === ResponseCode.PULL_NOT_FOUND) return []
      if (error.responseCode !== ResponseCode.PULL_OFFSET_MOVED) throw error
      return this.#fromOldest(countMax)
    }
  }

  async #fromOldest(countMax: number): Promise<MessageExt[]> {
    const minOffset = await this.#cluster.client.admin.minOffset(this.queue)
    if (minOffset <= this.offset) return []
    this.offset = minOffset
    return this.next(countMax)
  }
}

/** Which queues are read, and from where on. */
interface ReadWhere {
  readonly broker?: string | undefined
  readonly queueId?: number | undefined
  readonly from: { readonly timestampMs: number } | { readonly offset: number } | 'begin' | 'end'
}

/** Readers as of `readersOf`; none of a topic that is made with its first message, and is not there yet. */
export async function readersIfThere(
  cluster: Cluster,
  topic: string,
  where: ReadWhere,
): Promise<QueueReader[]> {
  try {
    return await readersOf(cluster, topic, where)
  } catch (error) {
    if (error instanceof ClientError && error.code === 'topicNotExist') return []
    throw error
  }
}

/** Readers of all queues of a topic, or of one, each where a time or an offset says. */
export async function readersOf(cluster: Cluster, topic: string, where: ReadWhere): Promise<QueueReader[]> {
  const { admin } = cluster.client
  const masters = new Map(
    (await cluster.mastersOf(topic)).map(({ brokerName, address }) => [brokerName, address]),
  )
  const queues = (await admin.queues(topic)).filter(
    ({ brokerName, queueId }) =>
      (where.queueId === undefined || where.queueId === queueId) &&
      (where.broker === undefined || [brokerName, masters.get(brokerName)].includes(where.broker)),
  )
  if (queues.length === 0) throw new ClientError('notFound', `topic ${topic} has no such queue`)
  const readers: QueueReader[] = []
  for (const queue of queues) {
    const address = masters.get(queue.brokerName)
    if (address === undefined) continue
    readers.push(
      new QueueReader(cluster, address, { queue, offset: await offsetOf(cluster, queue, where.from) }),
    )
  }
  return readers
}

async function offsetOf(cluster: Cluster, queue: MessageQueue, from: ReadWhere['from']): Promise<number> {
  const { admin } = cluster.client
  if (from === 'begin') return admin.minOffset(queue)
  if (from === 'end') return admin.maxOffset(queue)
  return 'offset' in from ? from.offset : admin.searchOffset(queue, from.timestampMs)
}
