import type { ProcessQueueInfo } from '../protocol/consumer-running-info.ts'
import type { MessageQueue } from '../protocol/message-queue.ts'
import type { TopicCounts } from './consume-counts.ts'
import type { ReceivedMessage } from './received-message.ts'

/** How much of one queue a consumer holds before it pulls no further. */
export interface FlowLimits {
  /** Messages that are not settled. */
  readonly countMax: number
  /** Bytes of them. */
  readonly bytesMax: number
  /**
   * Distance between the first and the last of them, in offsets: one that hangs stops the queue in the end.
   */
  readonly spanMax: number
}

/** A message on its way through a consumer. */
export interface CachedMessage {
  readonly message: ReceivedMessage
  readonly queue: ProcessQueue
  /** It is done with, whatever came of it. */
  isSettled: boolean
  /** How often its handler has failed here, where it is tried again without the broker. */
  failures: number
}

/**
 * What a consumer holds of one queue: the messages that are not settled, in order, and with them the offset
 * that may be committed. RocketMQ's ProcessQueue.
 */
export class ProcessQueue {
  readonly queue: MessageQueue
  /** Where the next pull begins. */
  nextOffset: number
  /** The queue belongs to this consumer no longer: nothing of it is handed out or pulled. */
  isDropped = false
  /** Monotonic time until which the queue is locked for this client; only ordered consumers look at it. */
  lockedUntilMs = Number.POSITIVE_INFINITY
  /** Broker of the name's group to pull from: 0 is the master. */
  brokerId = 0
  /** Messages that are being handled now. */
  handling = 0
  /** Hears when the last message that was being handled no longer is. */
  onIdle: () => void = () => undefined
  /** Hears when there is room again after there was none. */
  onRoom: () => void = () => undefined
  /** Of the queue's topic; those of its queues together. */
  readonly counts: TopicCounts
  readonly #limits: FlowLimits
  #cached: CachedMessage[] = []
  #head = 0
  #count = 0
  #bytes = 0
  #settled = 0
  #settledSeen = 0
  /** When a pull came back last, and when messages were settled, as far as pulls have seen it: ms since 1970. */
  #lastPullMs: number
  #lastSettledMs: number

  constructor(
    queue: MessageQueue,
    offset: number,
    parts: { limits: FlowLimits; counts: TopicCounts; nowMs: number },
  ) {
    this.queue = queue
    this.nextOffset = offset
    this.#limits = parts.limits
    this.counts = parts.counts
    this.#lastPullMs = parts.nowMs
    this.#lastSettledMs = parts.nowMs
  }

  /** Messages that are not settled. */
  get count(): number {
    return this.#count
  }

  /** The offset that may be committed: everything before it is settled. */
  get commitOffset(): number {
    return this.#cached[this.#head]?.message.queueOffset ?? this.nextOffset
  }

  get isFull(): boolean {
    const { countMax, bytesMax, spanMax } = this.#limits
    if (this.#count === 0) return false
    return (
      this.#count >= countMax || this.#bytes >= bytesMax || this.nextOffset - this.commitOffset >= spanMax
    )
  }

  /** Takes what a pull has brought. */
  add(messages: readonly ReceivedMessage[], nextOffset: number): CachedMessage[] {
    const added = messages.map((message) => ({ message, queue: this, isSettled: false, failures: 0 }))
    for (const cached of added) {
      this.#cached.push(cached)
      this.#bytes += cached.message.storeSizeBytes
    }
    this.#count += added.length
    this.nextOffset = nextOffset
    return added
  }

  /** A message is done with. */
  settle(cached: CachedMessage): void {
    if (cached.isSettled) return
    const wasFull = this.isFull
    cached.isSettled = true
    this.#settled++
    this.#count--
    this.#bytes -= cached.message.storeSizeBytes
    while (this.#cached[this.#head]?.isSettled) this.#head++
    if (this.#head === this.#cached.length) this.#forget(this.#head)
    else if (this.#head >= 1024) this.#forget(this.#head)
    if (wasFull && !this.isFull) this.onRoom()
  }

  /** A pull has come back. */
  notePull(nowMs: number): void {
    this.#lastPullMs = nowMs
    this.#noteSettled(nowMs)
  }

  /** What a client tells of the queue (RocketMQ's ProcessQueueInfo). */
  info(nowMs: number, lock: { isLocked: boolean; lastLockMs: number }): ProcessQueueInfo {
    this.#noteSettled(nowMs)
    return {
      cachedMsgCount: this.#count,
      cachedMsgMaxOffset: this.#cached.at(-1)?.message.queueOffset ?? 0,
      cachedMsgMinOffset: this.#count === 0 ? 0 : this.commitOffset,
      cachedMsgSizeInMiB: Math.floor(this.#bytes / 1024 ** 2),
      commitOffset: this.commitOffset,
      droped: this.isDropped,
      lastConsumeTimestamp: this.#lastSettledMs,
      lastLockTimestamp: lock.lastLockMs,
      lastPullTimestamp: this.#lastPullMs,
      locked: lock.isLocked,
      ...{
        transactionMsgCount: 0,
        transactionMsgMaxOffset: 0,
        transactionMsgMinOffset: 0,
        tryUnlockTimes: 0,
      },
    }
  }

  #noteSettled(nowMs: number): void {
    if (this.#settled === this.#settledSeen) return
    this.#settledSeen = this.#settled
    this.#lastSettledMs = nowMs
  }

  #forget(count: number): void {
    if (count === this.#cached.length) this.#cached = []
    else this.#cached.splice(0, count)
    this.#head = 0
  }
}
