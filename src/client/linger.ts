import type { Clock, Timer } from '../base/host.ts'
import { type MessageQueue, messageQueueKey } from '../protocol/message-queue.ts'
import { isRetryTopic } from '../protocol/names.ts'
import { ClientError, clientErrorOf } from './client-error.ts'
import type { Message } from './message.ts'
import type { BatchEntry, MessagePreparer } from './prepared-message.ts'
import type { RouteCache } from './route-cache.ts'
import { SendLane } from './send-lane.ts'
import type { SendOrder, SendSelector, Settle } from './send-operation.ts'
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
  readonly key: string
  readonly topic: string
  readonly order: SendOrder
  readonly waitStored: boolean
  readonly messages: Message[]
  readonly entries: BatchEntry[]
  readonly settles: Settle<SendResult>[]
  readonly lane: Lane | undefined
  bytes: number
  timer: Timer | undefined
}

/** A queue that the program has chosen: what goes there keeps its order. */
interface Lane {
  readonly queue: MessageQueue
  readonly sends: SendLane
  /** Takes further messages. */
  batch: Batch | undefined
}

/** The queues of a topic are being found out; sends that come in the meantime stay in their order. */
interface Opening {
  readonly done: Promise<unknown>
  waiting: number
}

/**
 * Puts single sends together: those to one queue, or to one topic where the queue is left to the client. Sends to a
 * queue that the program has chosen keep their order: of such a queue one request is under way at a time.
 */
export class Linger {
  readonly #parts: LingerParts
  readonly #limits: Required<LingerOptions>
  readonly #batches = new Map<string, Batch>()
  readonly #lanes = new Map<string, Lane>()
  readonly #openings = new Map<string, Opening>()
  #count = 0
  #isClosed = false
  #onIdle: () => void = () => undefined

  constructor(parts: LingerParts, options: LingerOptions) {
    this.#parts = parts
    this.#limits = { ...DEFAULTS, ...options }
  }

  /** Messages that wait. */
  get count(): number {
    return this.#count
  }

  /** @throws ClientError as `Sender.send`: the same for all messages of a batch */
  async send(message: Message, order: SendOrder): Promise<SendResult> {
    if (this.#isClosed) throw new ClientError('closed', 'the producer is closed')
    const { preparer, sender } = this.#parts
    const isTimed = hasTime(message)
    const mayJoin = !isTimed && this.#mayJoin(message, order)
    // what has a time of its own has no place in an order
    if (!mayJoin && (isTimed || !order.selector)) return sender.send(preparer.one(message), order)
    const entry = mayJoin ? preparer.entry(message) : undefined
    const opening = order.selector && this.#openingOf(message.topic)
    if (!opening) return this.#put(message, order, entry)
    opening.waiting++
    try {
      await opening.done
      return this.#put(message, order, entry)
    } finally {
      // until the last has gone on, later ones stay behind
      if (--opening.waiting === 0) this.#openings.delete(message.topic)
    }
  }

  /** Sends what waits, and has nothing wait any more. Done when the last of it is on its way. */
  async close(): Promise<void> {
    this.#isClosed = true
    await Promise.allSettled([...this.#openings.values()].map(({ done }) => done))
    for (const batch of this.#batches.values()) this.#go(batch)
    for (const { batch } of this.#lanes.values()) if (batch) this.#go(batch)
    if (this.#lanes.size === 0) return
    await new Promise<void>((resolve) => {
      this.#onIdle = resolve
    })
  }

  /** Whether a message may go with others: one with a signal or a size of its own may not. */
  #mayJoin({ topic, body }: Message, { signal }: SendOrder): boolean {
    const bytesMax = Math.min(this.#parts.aloneBytesMin, this.#limits.bytesMax)
    return signal === undefined && body.length < bytesMax && !isRetryTopic(topic)
  }

  /** The selector decides by the queues that are known, so that messages of one queue come together. */
  #openingOf(topic: string): Opening | undefined {
    const { routes } = this.#parts
    const known = this.#openings.get(topic)
    if (known || routes.get(topic)) return known
    const opening = { done: routes.loadForSend(topic), waiting: 0 }
    this.#openings.set(topic, opening)
    return opening
  }

  /** @param entry of a message that may go with others; one that may not has a selector */
  #put(message: Message, order: SendOrder, entry: BatchEntry | undefined): Promise<SendResult> {
    return new Promise((resolve, reject) => {
      const settle = { resolve, reject }
      if (entry) this.#add(this.#batchOf(message, order), message, entry, settle)
      else this.#goAlone(message, order, settle)
    })
  }

  /** @throws ClientError topicNotExist, and what the selector throws */
  #laneOf(topic: string, selector: SendSelector): Lane {
    const queue: MessageQueue | undefined = selector(this.#parts.routes.get(topic)?.writeQueues ?? [])
    if (!queue) throw new ClientError('topicNotExist', `topic ${topic} does not have the chosen queue`)
    const key = messageQueueKey(queue)
    const known = this.#lanes.get(key)
    if (known) return known
    const lane: Lane = { queue, sends: new SendLane(() => this.#leave(key, lane)), batch: undefined }
    this.#lanes.set(key, lane)
    return lane
  }

  #leave(key: string, lane: Lane): void {
    if (lane.batch) return
    this.#lanes.delete(key)
    if (this.#lanes.size === 0) this.#onIdle()
  }

  #batchOf({ topic, waitStored = true }: Message, order: SendOrder): Batch {
    const { selector, timeoutMs, signal } = order
    const lane = selector && this.#laneOf(topic, selector)
    const key = `${topic} ${timeoutMs} ${waitStored}`
    const known = lane ? lane.batch : this.#batches.get(key)
    if (known?.key === key) return known
    // one to the same queue that is sent in another way goes first
    if (known) this.#go(known)
    const batch: Batch = {
      ...{ key, topic, waitStored, lane, messages: [], entries: [], settles: [], bytes: 0 },
      order: { selector: lane && (() => lane.queue), timeoutMs, signal },
      timer: this.#parts.clock.after(this.#limits.ms, () => this.#go(batch)),
    }
    if (lane) lane.batch = batch
    else this.#batches.set(key, batch)
    return batch
  }

  #add(batch: Batch, message: Message, entry: BatchEntry, settle: Settle<SendResult>): void {
    this.#count++
    batch.messages.push(message)
    batch.entries.push(entry)
    batch.settles.push(settle)
    batch.bytes += entry.body.length + entry.propertiesBytes.length
    const { bytesMax, countMax } = this.#limits
    if (batch.bytes >= bytesMax || batch.entries.length >= countMax) this.#go(batch)
  }

  #goAlone(message: Message, order: SendOrder, { resolve, reject }: Settle<SendResult>): void {
    const { preparer, sender } = this.#parts
    const { selector, signal } = order
    if (!selector)
      throw new ClientError('invalidParameter', 'a message without a queue of its own has no lane')
    // before there is a lane: one that nothing goes by would never end
    const prepared = preparer.one(message)
    const lane = this.#laneOf(message.topic, selector)
    const abort = (): void => reject(signal?.reason)
    signal?.addEventListener('abort', abort, { once: true })
    if (lane.batch) this.#go(lane.batch)
    this.#count++
    lane.sends.add(async () => {
      this.#count--
      try {
        resolve(await sender.send(prepared, { ...order, selector: () => lane.queue }))
      } catch (error) {
        reject(error)
      } finally {
        signal?.removeEventListener('abort', abort)
      }
    })
  }

  #go(batch: Batch): void {
    batch.timer?.cancel()
    const { key, lane } = batch
    if (!lane) {
      this.#batches.delete(key)
      void this.#send(batch)
      return
    }
    lane.batch = undefined
    lane.sends.add(() => this.#send(batch))
  }

  async #send({ topic, order, waitStored, messages, entries, settles }: Batch): Promise<void> {
    const { preparer, sender } = this.#parts
    const [first] = messages
    this.#count -= messages.length
    try {
      const isAlone = messages.length === 1 && first !== undefined
      const prepared = isAlone ? preparer.one(first) : preparer.join(topic, entries, waitStored)
      const result = await sender.send(prepared, order)
      for (const [index, { resolve }] of settles.entries()) resolve(resultAt(result, prepared.ids, index))
    } catch (error) {
      for (const { reject } of settles) reject(clientErrorOf(error))
    }
  }
}

function hasTime({ delayLevel, delayMs, deliverAtMs }: Message): boolean {
  return delayLevel !== undefined || delayMs !== undefined || deliverAtMs !== undefined
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
