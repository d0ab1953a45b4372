import {
  type Client,
  type Consumer,
  connect,
  type MessageQueue,
  type Producer,
  type ReceivedMessage,
} from '#ternmq/client/index.ts'
import type { FeatureDesk } from './feature-desk.ts'
import type { FeatureScenario } from './feature-scenario.ts'
import { FeatureTally } from './feature-tally.ts'
import type { Round } from './round.ts'

const QUEUES = { topic: 'crash-order', queueCount: 2 }
const GROUP = 'crash-order-group'
const CLIENTS = 2

/**
 * Messages in order, by two clients of a group that lock their queues. A queue goes forward by one and never leaves one out; what was
 * handled and not committed may come again. What is committed never goes back, by whoever had the queue before the broker died.
 */
export class OrderScenario implements FeatureScenario {
  readonly #tally = new FeatureTally('order, queue locks')
  readonly tallies = [this.#tally]
  readonly topics = [QUEUES]
  readonly #desk: FeatureDesk
  readonly #producer: Producer
  #clients: Client[] = []
  #consumers: Consumer[] = []
  /** Offsets up to which each queue was handled. */
  readonly #handledEnds = new Map<string, number>()
  /** Offsets that were seen to be committed, by queue. */
  readonly #committedEnds = new Map<string, number>()
  /** Where acknowledged messages are, by queue. */
  readonly #ackedEnds = new Map<string, number>()
  #next = 0

  constructor(desk: FeatureDesk) {
    this.#desk = desk
    this.#producer = desk.client.producer({ retries: 0, group: 'crash-order' })
  }

  send(round: Round): Promise<void>[] {
    return [round.repeat(() => this.#sendOne(), 5)]
  }

  consume(round: Round): Promise<void>[] {
    return [round.repeat(() => this.#begin(), 50), round.repeat(() => this.#commit(), 50)]
  }

  get isSettled(): boolean {
    return [...this.#ackedEnds].every(([queue, end]) => (this.#handledEnds.get(queue) ?? 0) >= end)
  }

  async check(): Promise<void> {
    for (const [queue, end] of this.#ackedEnds) {
      const handled = this.#handledEnds.get(queue) ?? 0
      if (handled < end) this.#tally.fault('lost', `${queue}: handled up to ${handled}, it ends at ${end}`)
    }
  }

  async close(): Promise<void> {
    await Promise.all(this.#clients.map((client) => client.close({ drainMs: 1000 })))
    await this.#producer.close()
  }

  async #sendOne(): Promise<void> {
    const number = this.#next++
    this.#tally.sent++
    const key = `key-${this.#desk.pick(0, 8)}`
    const message = { topic: QUEUES.topic, body: String(number), keys: key }
    const { queue, queueOffset } = await this.#producer.send(message, { hashKey: key })
    this.#tally.acked++
    raise(this.#ackedEnds, nameOf(queue), queueOffset + 1)
  }

  /** The consumers join as soon as the broker lets them, and stay. */
  async #begin(): Promise<void> {
    if (this.#clients.length === CLIENTS) return
    const client = await connect({ namesrv: this.#desk.namesrv })
    this.#clients.push(client)
    const consumer = client.consumer({
      ...{ group: GROUP, topic: QUEUES.topic, from: 'earliest', ordered: true, pullSuspendMs: 300 },
    })
    this.#consumers.push(consumer)
    consumer
      .run((message) => this.#handle(message))
      .catch((error) => {
        this.#tally.fault('lost', `a consumer has ended: ${error}`)
      })
  }

  /** Nothing may be committed that was not handled, and what is committed stays so. */
  async #commit(): Promise<void> {
    for (const consumer of this.#consumers) await consumer.commit()
    for (let queueId = 0; queueId < QUEUES.queueCount; queueId++) {
      const queue = { topic: QUEUES.topic, brokerName: 'broker-a', queueId }
      const name = nameOf(queue)
      const committed = (await this.#desk.client.admin.committedOffset(GROUP, queue)) ?? 0
      if (committed > (this.#handledEnds.get(name) ?? 0))
        this.#tally.fault(
          'lost',
          `${name}: ${committed} is committed, ${this.#handledEnds.get(name)} handled`,
        )
      const before = this.#committedEnds.get(name) ?? 0
      if (committed < before)
        this.#tally.fault('lost', `${name}: ${committed} is committed, after ${before} was`)
      raise(this.#committedEnds, name, committed)
    }
  }

  #handle({ queue, queueOffset }: ReceivedMessage): void {
    const name = nameOf(queue)
    const end = this.#handledEnds.get(name) ?? 0
    if (queueOffset > end) this.#tally.fault('lost', `${name}: ${queueOffset} comes after ${end - 1}`)
    if (queueOffset < end) this.#tally.again++
    else this.#tally.delivered++
    raise(this.#handledEnds, name, queueOffset + 1)
  }
}

function nameOf({ topic, queueId }: Pick<MessageQueue, 'topic' | 'queueId'>): string {
  return `${topic}/${queueId}`
}

function raise(offsets: Map<string, number>, name: string, offset: number): void {
  offsets.set(name, Math.max(offset, offsets.get(name) ?? 0))
}
