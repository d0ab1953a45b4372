import type { Client, LitePullConsumer, ReceivedMessage } from '#ternmq/client/index.ts'
import { type MessageQueue, messageQueueKey } from '#ternmq/protocol/message-queue.ts'
import { type Acked, type History, placeOf } from './history.ts'

/** What a store holds, held against what was acknowledged. */
export interface AuditReport {
  readonly readCount: number
  /** Acknowledged, and not there. */
  readonly lost: readonly Acked[]
  /** What is wrong otherwise, in words: holes, ghosts, messages at two places or at the place of another. */
  readonly faults: readonly string[]
}

/** Longest time that a pull may bring nothing although there is something. */
const STALL_MS_MAX = 20_000

const FAULTS_SHOWN = 5

/** Reads whole stores, or what has come since it looked last, and holds them against a history. */
export class Auditor {
  readonly #history: History
  /** End of what was looked at, by queue. */
  readonly #seenTo = new Map<string, number>()
  /** Places of all messages seen, by their number. */
  readonly #places = new Map<number, string>()

  constructor(history: History) {
    this.#history = history
  }

  /**
   * Reads what has come to these topics since the last time and compares.
   * @param isWhole reads from the beginning again
   */
  async look(client: Client, topics: readonly string[], isWhole = false): Promise<AuditReport> {
    if (isWhole) {
      this.#seenTo.clear()
      this.#places.clear()
    }
    const faults: string[] = []
    const seen = new Set<string>()
    const begins = new Map<string, number>()
    let readCount = 0
    await using consumer = client.litePull({ group: 'auditor', from: 'earliest', autoCommit: false })
    for (const topic of topics) {
      for (const queue of await consumer.queuesOf(topic)) {
        const key = messageQueueKey(queue)
        const from = Math.max(this.#seenTo.get(key) ?? 0, await client.admin.minOffset(queue))
        const end = await client.admin.maxOffset(queue)
        begins.set(`${queue.topic} ${queue.queueId}`, from)
        const end2 = await readQueue(consumer, queue, { from, end }, (message) => {
          readCount++
          this.#take(message, seen, faults)
        })
        if (end2 !== end) faults.push(`${key}: ${end} messages expected, ${end2} read`)
        this.#seenTo.set(key, end)
      }
    }
    const lost = [...this.#history.acked.values()].filter(
      (acked) =>
        topics.includes(acked.topic) &&
        acked.queueOffset >= (begins.get(`${acked.topic} ${acked.queueId}`) ?? 0) &&
        !seen.has(placeOf(acked)),
    )
    return { readCount, lost, faults }
  }

  #take(message: ReceivedMessage, seen: Set<string>, faults: string[]): void {
    const { topic, queueId } = message.queue
    const place = placeOf({ topic, queueId, queueOffset: message.queueOffset })
    const sequence = this.#history.sequenceOf(message.body)
    if (sequence === undefined) {
      faults.push(`${place}: nobody has sent what is there`)
      return
    }
    if (this.#history.refused.has(sequence)) faults.push(`${place}: message ${sequence} was refused`)
    const before = this.#places.get(sequence)
    if (before !== undefined) faults.push(`${place}: message ${sequence} is at ${before} too`)
    this.#places.set(sequence, place)
    const acked = this.#history.acked.get(place)
    if (acked && acked.sequence !== sequence) {
      faults.push(`${place}: message ${sequence} is there, ${acked.sequence} was acknowledged`)
    } else seen.add(place)
  }
}

/** Reads a queue from one offset to another, without a hole. @returns how far it came */
async function readQueue(
  consumer: LitePullConsumer,
  queue: MessageQueue,
  range: { readonly from: number; readonly end: number },
  onMessage: (message: ReceivedMessage) => void,
): Promise<number> {
  let next = range.from
  if (next >= range.end) return next
  await consumer.assign([queue])
  await consumer.seek(queue, next)
  while (next < range.end) {
    const messages = await consumer.pull({ waitMs: STALL_MS_MAX, max: 256 })
    if (messages.length === 0) return next
    for (const message of messages) {
      if (message.queueOffset >= range.end) break
      if (message.queueOffset !== next) return next
      onMessage(message)
      next++
    }
  }
  return next
}

/** @throws Error that says what is wrong, if anything is */
export function assertSound({ faults }: AuditReport): void {
  if (faults.length === 0) return
  throw new Error(`${faults.length} faults: ${faults.slice(0, FAULTS_SHOWN).join('; ')}`)
}

/** @throws Error that names some, if any were lost */
export function assertNothingLost({ lost }: Pick<AuditReport, 'lost'>): void {
  if (lost.length === 0) return
  const some = lost.slice(0, FAULTS_SHOWN).map(placeOf)
  throw new Error(`${lost.length} acknowledged messages are lost: ${some.join('; ')}`)
}
