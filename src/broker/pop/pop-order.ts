import {
  type ConsumerOrderTable,
  consumerOrderTableJson,
  decodeConsumerOrderTable,
  decodeOrderInfo,
  encodeOrderInfo,
  type OrderInfo,
} from '../../protocol/consumer-order-info.ts'
import { prettyFastJson } from '../../protocol/fastjson-writer.ts'
import type { MetadataTable } from '../metadata.ts'

/** A queue as one group pops from it in order. */
export interface OrderedQueue {
  readonly group: string
  readonly topic: string
  readonly queueId: number
}

/** Messages that an ordered pop took. */
export interface OrderedTake {
  readonly popTimeMs: number
  readonly invisibleMs: number
  readonly queueOffsets: readonly number[]
  readonly attemptId: string | undefined
}

/** An entry nobody has popped to for a day is forgotten. */
const IDLE_MS_MAX = 24 * 3_600_000

/**
 * Who may pop from a queue in order: as long as messages of the last pop are neither acknowledged nor visible again, nobody may
 * (RocketMQ's ConsumerOrderInfoManager and consumerOrderInfo.json). There are no check points and no retry topic: what was not
 * acknowledged in time is popped again, in its place. Pure: time comes with calls; each change is in the journal before the turn's
 * answers leave.
 */
export class PopOrder implements MetadataTable {
  readonly fileName = 'consumerOrderInfo.json'
  readonly journalKind = 'p'
  readonly isVital = false
  onChange: (text: string) => void = () => undefined
  /** By `topic@group` and queue id. */
  readonly #table = new Map<string, Map<number, OrderInfo>>()

  /**
   * Whether a pop has to wait.
   * @param attemptId of the pop: one that is a repetition of the last may have its messages again
   */
  isBlocked(queue: OrderedQueue, attemptId: string | undefined, nowMs: number): boolean {
    const info = this.#find(queue)
    if (!info || (attemptId !== undefined && info.attemptId === attemptId)) return false
    return (this.freeMs(queue) ?? 0) > nowMs
  }

  /** Wall clock at which the last message of the queue that is out of sight becomes visible; undefined when none is. */
  freeMs(queue: OrderedQueue): number | undefined {
    const info = this.#find(queue)
    if (!info) return undefined
    const open = info.queueOffsets.filter((_, index) => !isAcked(info, index))
    if (open.length === 0) return undefined
    return Math.max(...open.map((offset) => info.visibleMs.get(offset) ?? info.popTimeMs + info.invisibleMs))
  }

  /** Notes what a pop took. @returns how often each message was delivered before, where it was, by queue offset */
  take(queue: OrderedQueue, taken: OrderedTake, nowMs: number): ReadonlyMap<number, number> {
    const before = this.#find(queue)
    const isRepeated = before?.attemptId !== undefined && before.attemptId === taken.attemptId
    const consumedCounts = isRepeated ? before.consumedCounts : countsAfter(before, taken.queueOffsets)
    this.#set(queue, {
      ...taken,
      visibleMs: new Map(),
      consumedCounts,
      ackedBits: 0n,
      lastConsumeMs: nowMs,
    })
    return consumedCounts
  }

  /**
   * Acknowledges a message.
   * @returns the group's next offset; 'stale' when the handle is of an earlier pop, 'unknown' when the pop did not take it
   */
  ack(queue: OrderedQueue, queueOffset: number, popTimeMs: number): number | 'stale' | 'unknown' {
    const info = this.#find(queue)
    if (!info) return queueOffset + 1
    if (info.popTimeMs !== popTimeMs) return 'stale'
    const index = info.queueOffsets.indexOf(queueOffset)
    if (index < 0) return 'unknown'
    const acked = { ...info, ackedBits: info.ackedBits | (1n << BigInt(index)) }
    this.#set(queue, acked)
    const open = acked.queueOffsets.find((_, each) => !isAcked(acked, each))
    return open ?? (acked.queueOffsets.at(-1) ?? queueOffset) + 1
  }

  /** Makes a message visible at another time; nothing happens when the handle is of an earlier pop. */
  changeVisible(queue: OrderedQueue, queueOffset: number, popTimeMs: number, visibleMs: number): void {
    const info = this.#find(queue)
    if (info?.popTimeMs !== popTimeMs) return
    this.#set(queue, { ...info, visibleMs: new Map(info.visibleMs).set(queueOffset, visibleMs) })
  }

  /** The group begins elsewhere: nothing is held. */
  clear(queue: OrderedQueue): void {
    if (!this.#table.get(keyOf(queue))?.delete(queue.queueId)) return
    this.onChange(`-${keyOf(queue)} ${queue.queueId}`)
  }

  /** Forgets queues that are gone, and those that nobody pops from. */
  clean(isThere: (queue: OrderedQueue) => boolean, nowMs: number): void {
    for (const [key, queues] of this.#table) {
      for (const [queueId, info] of queues) {
        const queue = queueOf(key, queueId)
        if (!isThere(queue) || nowMs - info.lastConsumeMs > IDLE_MS_MAX) this.clear(queue)
      }
      if (queues.size === 0) this.#table.delete(key)
    }
  }

  /** All queues with what is held of them. */
  get table(): ConsumerOrderTable {
    return this.#table
  }

  load(content: Buffer): void {
    this.#table.clear()
    for (const [key, queues] of decodeConsumerOrderTable(content)) this.#table.set(key, queues)
  }

  replay(text: string): void {
    const [key = '', queueId = '', ...rest] = text.slice(1).split(' ')
    const queue = queueOf(key, Number(queueId))
    if (text[0] === '-') this.#table.get(key)?.delete(queue.queueId)
    else this.#put(queue, decodeOrderInfo(Buffer.from(rest.join(' '))))
  }

  encode(): Buffer {
    return Buffer.from(prettyFastJson(consumerOrderTableJson(this.#table)))
  }

  #find(queue: OrderedQueue): OrderInfo | undefined {
    return this.#table.get(keyOf(queue))?.get(queue.queueId)
  }

  #set(queue: OrderedQueue, info: OrderInfo): void {
    this.#put(queue, info)
    this.onChange(`+${keyOf(queue)} ${queue.queueId} ${encodeOrderInfo(info).toString()}`)
  }

  #put(queue: OrderedQueue, info: OrderInfo): void {
    const key = keyOf(queue)
    const queues = this.#table.get(key) ?? new Map<number, OrderInfo>()
    this.#table.set(key, queues.set(queue.queueId, info))
  }
}

function isAcked(info: OrderInfo, index: number): boolean {
  return (info.ackedBits & (1n << BigInt(index))) !== 0n
}

/** A message that the pop before took too was delivered once more. */
function countsAfter(before: OrderInfo | undefined, queueOffsets: readonly number[]): Map<number, number> {
  const counts = new Map<number, number>()
  for (const offset of queueOffsets) {
    if (before?.queueOffsets.includes(offset))
      counts.set(offset, (before.consumedCounts.get(offset) ?? 0) + 1)
  }
  return counts
}

function keyOf({ group, topic }: OrderedQueue): string {
  return `${topic}@${group}`
}

function queueOf(key: string, queueId: number): OrderedQueue {
  const at = key.indexOf('@')
  return { topic: key.slice(0, at), group: key.slice(at + 1), queueId }
}
