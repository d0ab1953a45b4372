import type { Clock, Timer } from '../base/host.ts'
import { messageQueueKey } from '../protocol/message-queue.ts'
import { isRetryTopic } from '../protocol/names.ts'
import { clientErrorOf } from './client-error.ts'
import type { Message } from './message.ts'
import type { BatchEntry, MessagePreparer } from './prepared-message.ts'
import type { RouteCache } from './route-cache.ts'
import type { SendOrder, Settle } from './send-operation.ts'
import type { SendResult } from './send-result.ts'
import type { Sender } from './sender.ts'

/** How long single sends wait for others to go with them, and with how many. */
export interface LingerOptions {
  /** How long a message waits for others at most, in milliseconds. */
  readonly ms: number
  /** Most bytes of a batch; 32 KiB unless given, as in RocketMQ's client. */
  readonly bytesMax?: number
  /** Most messages of a batch; 128 unless given. */
  readonly countMax?: number
}

const DEFAULTS = { bytesMax: 32 * 1024, countMax: 128 } as const

interface LingerParts {
  readonly clock: Clock
  readonly routes: RouteCache
  readonly preparer: MessagePreparer
  readonly sender: Sender
  /** Bodies of so many bytes and more go alone: a batch is not compressed. */
  readonly aloneBytesMin: number
}

/** Messages that wait for others to go with. */
interface Batch {
  readonly topic: string
  readonly order: SendOrder
  readonly waitStored: boolean
  readonly messages: Message[]
  readonly entries: BatchEntry[]
  readonly settles: Settle<SendResult>[]
  bytes: number
  timer: Timer | undefined
}

/** Puts single sends together: those to one queue, or to one topic where the queue is left to the client. */
export class Linger {
  readonly #parts: LingerParts
  readonly #limits: Required<LingerOptions>
  readonly #batches = new Map<string, Batch>()
  #isClosed = false

  constructor(parts: LingerParts, options: LingerOptions) {
    this.#parts = parts
    this.#limits = { ...DEFAULTS, ...options }
  }

  /** Messages that wait. */
  get count(): number {
    let count = 0
    for (const { entries } of this.#batches.values()) count += entries.length
    return count
  }

  /** Whether a message may go with others: one with a time, a place or a size of its own may not. */
  mayJoin(message: Message, order: SendOrder): boolean {
    const { delayLevel, delayMs, deliverAtMs, topic, body } = message
    return (
      !this.#isClosed &&
      order.signal === undefined &&
      delayLevel === undefined &&
      delayMs === undefined &&
      deliverAtMs === undefined &&
      body.length < Math.min(this.#parts.aloneBytesMin, this.#limits.bytesMax) &&
      !isRetryTopic(topic)
    )
  }

  /** @throws ClientError as `Sender.send`: the same for all messages of a batch */
  async send(message: Message, order: SendOrder): Promise<SendResult> {
    // the selector decides by the queues that are known now, so that messages of one queue come together
    if (order.selector && !this.#parts.routes.get(message.topic)) {
      await this.#parts.routes.loadForSend(message.topic)
    }
    const entry = this.#parts.preparer.entry(message)
    return new Promise((resolve, reject) => {
      this.#add(this.#batchOf(message, order), message, entry, { resolve, reject })
    })
  }

  /** Sends what waits, and has nothing wait any more. */
  close(): void {
    this.#isClosed = true
    for (const [key, batch] of this.#batches) this.#go(key, batch)
  }

  #batchOf(message: Message, order: SendOrder): [string, Batch] {
    const { topic, waitStored = true } = message
    const queues = this.#parts.routes.get(topic)?.writeQueues ?? []
    const queue = order.selector?.(queues)
    const place = queue ? messageQueueKey(queue) : topic
    const key = `${place} ${order.timeoutMs} ${waitStored}`
    const known = this.#batches.get(key)
    if (known) return [key, known]
    const { timeoutMs, signal } = order
    const batch: Batch = {
      ...{ topic, waitStored, messages: [], entries: [], settles: [], bytes: 0 },
      order: { selector: queue && (() => queue), timeoutMs, signal },
      timer: this.#parts.clock.after(this.#limits.ms, () => this.#go(key, batch)),
    }
    this.#batches.set(key, batch)
    return [key, batch]
  }

  #add([key, batch]: [string, Batch], message: Message, entry: BatchEntry, settle: Settle<SendResult>): void {
    batch.messages.push(message)
    batch.entries.push(entry)
    batch.settles.push(settle)
    batch.bytes += entry.body.length + entry.propertiesBytes.length
    const { bytesMax, countMax } = this.#limits
    if (batch.bytes >= bytesMax || batch.entries.length >= countMax) this.#go(key, batch)
  }

  #go(key: string, batch: Batch): void {
    batch.timer?.cancel()
    this.#batches.delete(key)
    const { preparer, sender } = this.#parts
    const { topic, order, waitStored, messages, entries, settles } = batch
    const [first] = messages
    try {
      const isAlone = messages.length === 1 && first !== undefined
      const prepared = isAlone ? preparer.one(first) : preparer.join(topic, entries, waitStored)
      sender.send(prepared, order).then(
        (result) => {
          for (const [index, { resolve }] of settles.entries()) resolve(resultAt(result, prepared.ids, index))
        },
        (error: unknown) => {
          for (const { reject } of settles) reject(error)
        },
      )
    } catch (error) {
      for (const { reject } of settles) reject(clientErrorOf(error))
    }
  }
}

/** What the answer to a batch says of one of its messages. */
function resultAt(result: SendResult, ids: readonly string[], index: number): SendResult {
  return {
    ...result,
    messageId: ids[index] ?? '',
    offsetMessageId: result.offsetMessageId.split(',')[index] ?? '',
    queueOffset: result.queueOffset + index,
  }
}
