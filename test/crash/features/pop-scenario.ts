import type { Producer, ReceivedMessage } from '#ternmq/client/index.ts'
import { popRetryTopicOf } from '#ternmq/protocol/names.ts'
import type { FeatureDesk } from './feature-desk.ts'
import type { FeatureScenario } from './feature-scenario.ts'
import { FeatureTally } from './feature-tally.ts'
import { PopPeer, type Popped } from './pop-peer.ts'
import { QueueTail } from './queue-tail.ts'
import type { Round } from './round.ts'

const QUEUES = { topic: 'crash-pop', queueCount: 2 }
const GROUP = 'crash-pop-group'
const INVISIBLE_MS = 1500
const SENDERS = 2
const CONSUMERS = 3

/** A message as its consumers know it. */
interface Known {
  isAcked: boolean
  /** An acknowledgement was sent since it came last; whether the broker has it in time is known when it has answered in time. */
  mayBeDone: boolean
  isDone: boolean
  /** Deliveries that were seen. */
  count: number
  /** Of the last of them. */
  reconsumeTimes: number
  /** Nobody may pop it before this time of the broker. */
  notBeforeMs: number
}

/**
 * Messages that are popped and acknowledged, alone or together, put off, or left until their time is up. What was acknowledged in time
 * does not come again, everything else does, and not before its time; each copy for a further delivery is one record.
 */
export class PopScenario implements FeatureScenario {
  readonly #tally = new FeatureTally('pop')
  readonly tallies = [this.#tally]
  readonly topics = [QUEUES]
  readonly #desk: FeatureDesk
  readonly #producer: Producer
  readonly #peer: PopPeer
  readonly #copies: QueueTail
  readonly #messages = new Map<string, Known>()
  /** How far the copies of each message have been counted. */
  readonly #copyCounts = new Map<string, number>()
  #isLast = false
  #next = 0

  constructor(desk: FeatureDesk) {
    this.#desk = desk
    this.#producer = desk.client.producer({ retries: 0, group: 'crash-pop' })
    this.#peer = new PopPeer(desk, { group: GROUP, topic: QUEUES.topic, isOrdered: false })
    const topic = popRetryTopicOf(GROUP, QUEUES.topic)
    this.#copies = new QueueTail(desk, this.#tally, { topic, queueId: 0 })
  }

  send(round: Round): Promise<void>[] {
    return Array.from({ length: SENDERS }, () => round.repeat(() => this.#sendOne(), 5))
  }

  consume(round: Round): Promise<void>[] {
    const copies = round.repeat(async () => this.#count(await this.#copies.read(300)), 5)
    return [...Array.from({ length: CONSUMERS }, () => round.repeat(() => this.#popSome())), copies]
  }

  async lastRound(): Promise<void> {
    this.#isLast = true
  }

  get isSettled(): boolean {
    return [...this.#messages.values()].every(({ isAcked, mayBeDone }) => mayBeDone || !isAcked)
  }

  async check(): Promise<void> {
    await this.#copies.recheck()
    for (const [text, { isAcked, mayBeDone, count }] of this.#messages) {
      if (isAcked && !mayBeDone)
        this.#tally.fault('lost', `message ${text} came ${count} times, and not again`)
    }
  }

  async close(): Promise<void> {
    await this.#producer.close()
  }

  async #sendOne(): Promise<void> {
    const text = String(this.#next++)
    const message = {
      isAcked: false,
      mayBeDone: false,
      isDone: false,
      count: 0,
      reconsumeTimes: -1,
      notBeforeMs: 0,
    }
    this.#messages.set(text, message)
    this.#tally.sent++
    await this.#producer.send({ topic: QUEUES.topic, body: text })
    message.isAcked = true
    this.#tally.acked++
  }

  async #popSome(): Promise<void> {
    const popped = await this.#peer.pop({ max: 8, invisibleMs: INVISIBLE_MS, pollMs: 200 })
    for (const one of popped) this.#delivered(one)
    const together: Popped[] = []
    const words: Promise<void>[] = []
    for (const one of popped) {
      const fate = this.#isLast ? 0 : this.#desk.pick(0, 100)
      if (fate < 50) words.push(this.#acknowledge([one], () => this.#peer.ack(one.handle)))
      else if (fate < 75) together.push(one)
      else if (fate < 90) words.push(this.#postpone(one))
    }
    const handles = together.map(({ handle }) => handle)
    if (handles.length > 0) words.push(this.#acknowledge(together, () => this.#peer.ackTogether(handles)))
    for (const word of await Promise.allSettled(words)) if (word.status === 'rejected') throw word.reason
  }

  #delivered({ message, handle }: Popped): void {
    const { reconsumeTimes, text } = message
    const known = this.#messages.get(text)
    if (!known) {
      this.#tally.fault('ghost', `message ${text} was not sent`)
      return
    }
    const place = `message ${text}, popped at ${handle.popTimeMs}`
    if (known.isDone) this.#tally.fault('double', `${place}: it was acknowledged before`)
    const earlyMs = known.notBeforeMs - handle.popTimeMs
    if (earlyMs > 0) this.#tally.fault('early', `${place}: ${earlyMs} ms before its time was up`)
    // pops whose answers were lost count too: there may be more than were seen, and always one more
    if (reconsumeTimes <= known.reconsumeTimes)
      this.#tally.fault('miscounted', `${place}: ${reconsumeTimes} after ${known.reconsumeTimes}`)
    if (known.count++ === 0) this.#tally.delivered++
    else this.#tally.again++
    known.reconsumeTimes = reconsumeTimes
    known.mayBeDone = false
    known.notBeforeMs = handle.popTimeMs + handle.invisibleMs
  }

  async #acknowledge(popped: readonly Popped[], ask: () => Promise<void>): Promise<void> {
    for (const { message } of popped) {
      const known = this.#messages.get(message.text)
      if (known) known.mayBeDone = true
    }
    await ask()
    // the broker has heard of it in time if its answer has come in time
    for (const { message, handle } of popped) {
      const known = this.#messages.get(message.text)
      if (known && Date.now() < handle.popTimeMs + handle.invisibleMs) known.isDone = true
    }
  }

  async #postpone({ message, handle }: Popped): Promise<void> {
    const known = this.#messages.get(message.text)
    if (!known) return
    const delayMs = this.#desk.pick(0, INVISIBLE_MS)
    const { count, notBeforeMs: before } = known
    // what becomes of it is not known until the answer comes: it may be either time
    known.notBeforeMs = Math.min(before, Date.now() + delayMs)
    const changed = await this.#peer.changeInvisible(handle, delayMs)
    // an answer that comes in time is the broker's word
    if (known.count === count && Date.now() < before)
      known.notBeforeMs = changed.popTimeMs + changed.invisibleMs
  }

  /** Copies for further deliveries: the first of a message has count 1, and so on, each once. */
  #count(messages: readonly ReceivedMessage[]): void {
    for (const { text, reconsumeTimes, queueOffset } of messages) {
      const count = this.#copyCounts.get(text) ?? 0
      if (reconsumeTimes !== count + 1)
        this.#tally.fault(
          reconsumeTimes <= count ? 'double' : 'miscounted',
          `message ${text}: copy ${queueOffset} has count ${reconsumeTimes}, the one before ${count}`,
        )
      this.#copyCounts.set(text, Math.max(count, reconsumeTimes))
    }
  }
}
