import { ClientError } from '../client/index.ts'
import { javaHashCode } from '../protocol/java-hash.ts'
import type { MessageExt } from '../protocol/message-codec.ts'
import { PropertyName } from '../protocol/message-properties.ts'
import type { MessageQueue } from '../protocol/message-queue.ts'
import { RequestCode } from '../protocol/request-code.ts'
import { clientCount } from './group-progress.ts'
import { QueueReader } from './queue-reader.ts'
import { Pace, resend, wasResent } from './resend.ts'
import type { Row, VerbContext } from './verb.ts'

/** Messages that are moved together; after each lot the group's offset is committed. */
const LOT_COUNT = 32

/** A backlog that is to be moved. */
export interface RescueOrder {
  readonly group: string
  readonly topic: string
  /** The wide topic; made on every broker that has a backlog. */
  readonly into: string
  /** Its queues on each broker. */
  readonly queueCount: number
  /** Messages a second; undefined: as fast as it goes. */
  readonly rate: number | undefined
  /** Although clients of the group are connected. */
  readonly isForced: boolean
}

/** What a group has not consumed of a queue, up to now. */
interface Backlog {
  readonly queue: MessageQueue
  readonly address: string
  readonly from: number
  readonly end: number
}

/** What a group has not consumed of a topic, queue by queue. @throws ClientError */
export async function backlogsOf(context: VerbContext, group: string, topic: string): Promise<Backlog[]> {
  const { cluster } = context
  const { admin } = cluster.client
  const masters = new Map(
    (await cluster.mastersOf(topic)).map(({ brokerName, address }) => [brokerName, address]),
  )
  const backlogs: Backlog[] = []
  for (const queue of await admin.queues(topic)) {
    const address = masters.get(queue.brokerName)
    if (address === undefined) continue
    const min = await admin.minOffset(queue)
    const from = Math.max((await admin.committedOffset(group, queue)) ?? min, min)
    backlogs.push({ queue, address, from, end: await admin.maxOffset(queue) })
  }
  return backlogs
}

/**
 * Moves what a group has not consumed of a topic to a topic with more queues, where more clients can share it, and the group's offset
 * behind it. Run again after it was interrupted it goes on: the committed offset says from where, and copies say what they are made of.
 * @returns a row a queue
 * @throws ClientError invalidParameter while clients of the group are connected, who would consume the same
 */
export async function rescue(context: VerbContext, order: RescueOrder): Promise<Row[]> {
  const { cluster } = context
  const clients = await clientCount(cluster, order.group, {})
  if (clients > 0 && !order.isForced)
    throw new ClientError(
      'invalidParameter',
      `${clients} clients of ${order.group} are connected: stop them first`,
    )
  const backlogs = await backlogsOf(context, order.group, order.topic)
  const total = backlogs.reduce((sum, { from, end }) => sum + Math.max(end - from, 0), 0)
  const pace = new Pace(context, order.rate)
  const rows: Row[] = []
  let done = 0
  for (const backlog of backlogs) {
    const mover = new BacklogMover(context, order, backlog)
    if (backlog.end > backlog.from) await mover.prepare()
    while (!context.signal.aborted && !mover.isDone) {
      await pace.step(LOT_COUNT)
      done += await mover.moveLot()
      context.progress(done, total, `messages of ${order.topic}`)
    }
    rows.push(mover.row)
  }
  return rows
}

/** Moves the backlog of one queue. */
class BacklogMover {
  readonly #context: VerbContext
  readonly #order: RescueOrder
  readonly #backlog: Backlog
  readonly #reader: QueueReader
  /** The first lot may have been moved before, without the commit that follows. */
  #isFirst = true
  #moved = 0
  #skipped = 0
  #isAtEnd = false

  constructor(context: VerbContext, order: RescueOrder, backlog: Backlog) {
    this.#context = context
    this.#order = order
    this.#backlog = backlog
    const { queue, address, from } = backlog
    this.#reader = new QueueReader(context.cluster, address, { queue, offset: from })
  }

  get isDone(): boolean {
    return this.#isAtEnd || this.#reader.offset >= this.#backlog.end
  }

  get row(): Row {
    const { queue, from } = this.#backlog
    const { brokerName, queueId } = queue
    return {
      ...{ broker: brokerName, queue: queueId, from, to: Math.max(this.#reader.offset, from) },
      ...{ moved: this.#moved, skipped: this.#skipped },
    }
  }

  /** Makes the wide topic where it is missing. */
  async prepare(): Promise<void> {
    const { cluster } = this.#context
    const { into, queueCount } = this.#order
    const { address, queue } = this.#backlog
    if (await cluster.topicConfig(address, into)) return
    await cluster.client.admin.createTopic({ topic: into, queueCount, brokerName: queue.brokerName })
  }

  /** @returns how many messages of the queue that was */
  async moveLot(): Promise<number> {
    const before = this.#reader.offset
    const messages = (await this.#reader.next(LOT_COUNT)).filter(
      ({ queueOffset }) => queueOffset < this.#backlog.end,
    )
    const last = messages.at(-1)
    if (!last) {
      this.#isAtEnd = true
      return 0
    }
    // messages that belong together stay in order: one after the other, into one queue
    const isOrdered = messages.some(({ properties }) => properties.has(PropertyName.SHARDING_KEY))
    if (isOrdered) for (const message of messages) await this.#move(message)
    else await Promise.all(messages.map((message) => this.#move(message)))
    this.#isFirst = false
    await this.#commit(last.queueOffset + 1)
    return last.queueOffset + 1 - before
  }

  async #move(message: MessageExt): Promise<void> {
    const { cluster } = this.#context
    const { into, queueCount } = this.#order
    const where = { address: this.#backlog.address, topic: into }
    if (this.#isFirst && (await wasResent(cluster, message, where))) {
      this.#skipped++
      return
    }
    const key = message.properties.get(PropertyName.SHARDING_KEY)
    const queueId = key === undefined ? message.queueOffset : Math.abs(javaHashCode(key))
    await resend(cluster, message, { ...where, queueId: queueId % queueCount, drop: [] })
    this.#moved++
  }

  async #commit(offset: number): Promise<void> {
    const { queue, address } = this.#backlog
    await this.#context.cluster.broker(address, RequestCode.UPDATE_CONSUMER_OFFSET, {
      consumerGroup: this.#order.group,
      topic: queue.topic,
      queueId: queue.queueId,
      commitOffset: offset,
    })
  }
}
