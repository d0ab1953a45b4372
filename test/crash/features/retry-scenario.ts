import type { Producer, ReceivedMessage } from '#ternmq/client/index.ts'
import { dlqTopicOf, retryTopicOf } from '#ternmq/protocol/names.ts'
import { RequestCode } from '#ternmq/protocol/request-code.ts'
import type { FeatureDesk } from './feature-desk.ts'
import type { FeatureScenario } from './feature-scenario.ts'
import { FeatureTally } from './feature-tally.ts'
import { OnceLog } from './once-log.ts'
import { QueueTail } from './queue-tail.ts'
import type { Round } from './round.ts'

const TOPIC = 'crash-retry'
const GROUP = 'crash-retry-group'

/** Tries behind the first; then a message is a dead letter. */
const RETRIES_MAX = 3

/** Level of the first try; each further one waits a level longer (protocol/semantics.md §5). */
const FIRST_LEVEL = 3

/** What was done with the deliveries of a message that were of one count. */
interface Tries {
  /** Records with this count. */
  delivered: number
  /** Requests that gave one of them back, and those that were answered. */
  attempts: number
  answers: number
  /** When the first was asked for. */
  firstMs: number
}

/**
 * Messages that their group gives back (code 36), some until they are dead letters. A request that is not answered is made again, so that
 * there may be more copies than deliveries, never fewer, and never more than requests.
 */
export class RetryScenario implements FeatureScenario {
  readonly #tally = new FeatureTally('retry, dead letters')
  readonly tallies = [this.#tally]
  readonly topics = [{ topic: TOPIC, queueCount: 1 }]
  readonly #desk: FeatureDesk
  readonly #levelsMs: readonly number[]
  readonly #producer: Producer
  readonly #log = new OnceLog(this.#tally, false)
  readonly #origin: QueueTail
  readonly #retries: QueueTail
  readonly #letters: QueueTail
  readonly #waiting: ReceivedMessage[] = []
  readonly #ids: string[] = []
  /** By message and count. */
  readonly #tries = new Map<string, Tries[]>()
  #busyCount = 0
  #next = 0

  /** @param levelsMs what the broker's levels are, from 1 */
  constructor(desk: FeatureDesk, levelsMs: readonly number[]) {
    this.#desk = desk
    this.#levelsMs = levelsMs
    this.#producer = desk.client.producer({ retries: 0, group: 'crash-retry' })
    const tail = (topic: string): QueueTail =>
      new QueueTail(desk, this.#tally, { topic, queueId: 0, group: GROUP })
    this.#origin = tail(TOPIC)
    this.#retries = tail(retryTopicOf(GROUP))
    this.#letters = tail(dlqTopicOf(GROUP))
  }

  send(round: Round): Promise<void>[] {
    return [round.repeat(() => this.#sendOne(), 5), round.repeat(() => this.#sendOne(), 5)]
  }

  consume(round: Round): Promise<void>[] {
    return [
      round.repeat(async () => this.#take(await this.#origin.read(300))),
      round.repeat(async () => this.#take(await this.#retries.read(300)), 5),
      round.repeat(async () => this.#bury(await this.#letters.read(300)), 5),
      ...[1, 2, 3].map(() => round.repeat(() => this.#giveBack(), 5)),
    ]
  }

  get isSettled(): boolean {
    if (!this.#log.isSettled || this.#waiting.length > 0 || this.#busyCount > 0) return false
    return [...this.#tries.values()].every((tries) =>
      tries.every(({ answers }, count) => (tries[count + 1]?.delivered ?? 0) >= answers),
    )
  }

  async check(): Promise<void> {
    for (const tail of [this.#origin, this.#retries, this.#letters]) await tail.recheck()
    this.#log.check()
    for (const [text, tries] of this.#tries) {
      for (const [count, { answers, attempts }] of tries.entries()) {
        const copies = tries[count + 1]?.delivered ?? 0
        const what = `message ${text} after ${count} tries: given back ${attempts} times, ${answers} answered`
        if (copies < answers) this.#tally.fault('lost', `${what}, ${copies} copies`)
        if (copies > attempts) this.#tally.fault('double', `${what}, ${copies} copies`)
      }
    }
  }

  async close(): Promise<void> {
    await this.#producer.close()
  }

  async #sendOne(): Promise<void> {
    const number = this.#next++
    this.#log.tried(number, 0)
    const { offsetMessageId } = await this.#producer.send({ topic: TOPIC, body: String(number) })
    this.#ids[number] = offsetMessageId
    this.#log.owe(number, 'one')
    this.#tally.acked++
  }

  #take(messages: readonly ReceivedMessage[]): void {
    for (const message of messages) {
      const tries = this.#triesOf(message.text, message.reconsumeTimes)
      tries.delivered++
      if (message.queue.topic === TOPIC) this.#log.seen(message)
      else {
        this.#tally.again++
        this.#checkCopy(message)
      }
      if (message.reconsumeTimes < failuresOf(message)) this.#waiting.push(message)
    }
  }

  #bury(messages: readonly ReceivedMessage[]): void {
    for (const message of messages) {
      this.#triesOf(message.text, message.reconsumeTimes).delivered++
      this.#checkCopy(message)
      if (message.reconsumeTimes !== RETRIES_MAX + 1)
        this.#tally.fault('miscounted', `letter ${message.text} after ${message.reconsumeTimes} tries`)
    }
  }

  async #giveBack(): Promise<void> {
    const message = this.#waiting.shift()
    if (!message) return
    this.#busyCount++
    const tries = this.#triesOf(message.text, message.reconsumeTimes)
    tries.firstMs = Math.min(tries.firstMs, Date.now())
    tries.attempts++
    const extFields = {
      ...{ group: GROUP, offset: String(message.commitLogOffset), delayLevel: '0', originTopic: TOPIC },
      ...{ originMsgId: message.offsetMessageId, unitMode: 'false', maxReconsumeTimes: String(RETRIES_MAX) },
    }
    try {
      await this.#desk.ask({ code: RequestCode.CONSUMER_SEND_MSG_BACK, extFields })
      tries.answers++
    } catch (error) {
      this.#waiting.push(message)
      throw error
    } finally {
      this.#busyCount--
    }
  }

  /** A copy says where it comes from, and comes in time and only when asked for. */
  #checkCopy(message: ReceivedMessage): void {
    const { properties, reconsumeTimes, storedMs, text } = message
    const before = this.#tries.get(text)?.[reconsumeTimes - 1]
    const place = `message ${text} after ${reconsumeTimes} tries, ${message.queue.topic} ${message.queueOffset}`
    if (!before || before.attempts === 0) {
      this.#tally.fault('miscounted', `${place}: nobody has given that back`)
      return
    }
    // a dead letter waits for nothing
    const isDead = reconsumeTimes > RETRIES_MAX
    const delayMs = this.#levelsMs[FIRST_LEVEL + reconsumeTimes - 2] ?? 0
    const earlyMs = before.firstMs + delayMs - storedMs
    if (earlyMs > 0 && !isDead) this.#tally.fault('early', `${place}: ${earlyMs} ms before its time`)
    const id = this.#ids[Number(text)]
    const origin = properties.get('ORIGIN_MESSAGE_ID')
    if (properties.get('RETRY_TOPIC') !== TOPIC || (id !== undefined && origin !== id))
      this.#tally.fault('miscounted', `${place}: it says that it comes from ${origin}`)
  }

  #triesOf(text: string, count: number): Tries {
    const tries = this.#tries.get(text) ?? []
    this.#tries.set(text, tries)
    while (tries.length <= count)
      tries.push({ delivered: 0, attempts: 0, answers: 0, firstMs: Number.POSITIVE_INFINITY })
    return tries[count] as Tries
  }
}

/** How often the message fails: of six, two never, and one until it is buried. */
function failuresOf({ text }: ReceivedMessage): number {
  return Math.max(0, (Number(text) % 6) - 1)
}
