import type { Clock } from '../base/host.ts'
import {
  type ConsumerOffsets as ConsumerOffsetsBody,
  consumerOffsetsJson,
  decodeConsumerOffsets,
  decodePendingResets,
} from '../protocol/consumer-offsets.ts'
import { DATA_VERSION_ZERO, type DataVersion, nextDataVersion } from '../protocol/data-version.ts'
import { prettyFastJson } from '../protocol/fastjson-writer.ts'
import type { SubscriptionData } from '../protocol/subscription-data.ts'
import type { MetadataTable } from './metadata.ts'
import { QueueTraffic } from './queue-traffic.ts'
import type { Traffic } from './traffic.ts'

const UNKNOWN = -1

/** What one group has consumed of one topic. Hot paths keep the object: it lives until the group or topic is deleted. */
export class QueueOffsets {
  readonly group: string
  readonly topic: string
  isDeleted = false
  /** Next offset to consume by queue id; `UNKNOWN` or a hole where none was committed. */
  readonly offsets: number[] = []
  /** What requests have brought of the group's subscription: see `learnSubscription`. */
  learned: SubscriptionData | undefined
  /** Messages fetched. */
  readonly gets = new QueueTraffic()
  /** Messages given back; undefined while there were none. */
  backs: Traffic | undefined
  /** Messages that became dead letters; undefined while there were none. */
  deaths: Traffic | undefined
  /** Popped messages acknowledged, and check points of pops; undefined while there were none. */
  acks: Traffic | undefined
  checkPoints: Traffic | undefined
  /** Messages handed out by pulls that had been handed out before, as after a rebalance (R13, issue apache/rocketmq#2837). */
  againCount = 0
  /** Pulls of an offset that the queue does not have (R12, issue apache/rocketmq#351). */
  outOfRangeCount = 0
  /**
   * Offset of the last pull by queue id, as the client gave it: what lies between it and what is committed is
   * in the client's hands.
   */
  readonly #pulled: number[] = []
  /** Offset behind the last message that was handed out, by queue id. */
  readonly #handedOut: number[] = []
  readonly #committed: (offsets: QueueOffsets, queueId: number) => void

  constructor(group: string, topic: string, committed: (offsets: QueueOffsets, queueId: number) => void) {
    this.group = group
    this.topic = topic
    this.#committed = committed
  }

  /** @returns undefined when the group has never committed here */
  get(queueId: number): number | undefined {
    const offset = this.offsets[queueId] ?? UNKNOWN
    return offset === UNKNOWN ? undefined : offset
  }

  /** A client reads on from here. */
  notePull(queueId: number, offset: number): void {
    while (this.#pulled.length < queueId) this.#pulled.push(UNKNOWN)
    this.#pulled[queueId] = offset
  }

  /**
   * Where the group has read to in a queue, taken from its pulls; 0 when it has not pulled since the start.
   */
  pulled(queueId: number): number {
    return Math.max(this.#pulled[queueId] ?? 0, 0)
  }

  /**
   * Messages of these offsets are handed out.
   * @returns how many of the offsets had been before
   */
  handOut(queueId: number, from: number, end: number): number {
    while (this.#handedOut.length < queueId) this.#handedOut.push(0)
    const before = this.#handedOut[queueId] ?? 0
    this.#handedOut[queueId] = Math.max(before, end)
    return Math.max(Math.min(before, end) - from, 0)
  }

  /** Somebody has sent the group back, or ahead: what follows does not count as handed out before. */
  forgetHandedOut(queueId: number): void {
    if (queueId < this.#handedOut.length) this.#handedOut[queueId] = 0
  }

  /** Takes what a client says, lower too: that is how clients rewind. */
  commit(queueId: number, offset: number): void {
    if (this.offsets[queueId] === offset) return
    while (this.offsets.length < queueId) this.offsets.push(UNKNOWN)
    this.offsets[queueId] = offset
    this.#committed(this, queueId)
  }
}

/**
 * The consumer offsets of all groups: RocketMQ's ConsumerOffsetManager and consumerOffset.json. A commit is in the journal before
 * the turn's answers leave; of several commits of a queue in one turn the last is written.
 */
export class ConsumerOffsets implements MetadataTable {
  readonly fileName = 'consumerOffset.json'
  readonly journalKind = 'o'
  readonly isVital = false
  onChange: (text: string) => void = () => undefined
  readonly #clock: Clock
  readonly #atWork: (callback: () => void) => void
  /** By `topic@group`. */
  readonly #offsets = new Map<string, QueueOffsets>()
  /** Queues committed in this turn. */
  #committed = new Map<QueueOffsets, Set<number>>()
  /** Offsets set by an admin that the next pull of a queue is told (server-side reset), by `topic@group` and queue. */
  readonly #resets = new Map<string, Map<number, number>>()
  #dataVersion: DataVersion = DATA_VERSION_ZERO

  /** @param atWork see `Turn.atWork` */
  constructor(clock: Clock, atWork: (callback: () => void) => void) {
    this.#clock = clock
    this.#atWork = atWork
  }

  /** The offsets of a group in a topic, made empty when there are none. */
  of(group: string, topic: string): QueueOffsets {
    const key = keyOf(topic, group)
    const known = this.#offsets.get(key)
    if (known) return known
    const offsets = new QueueOffsets(group, topic, this.#onCommitted)
    this.#offsets.set(key, offsets)
    return offsets
  }

  /** As `of`, without making them. */
  find(group: string, topic: string): QueueOffsets | undefined {
    return this.#offsets.get(keyOf(topic, group))
  }

  /** The offsets of all groups in all topics. */
  all(): Iterable<QueueOffsets> {
    return this.#offsets.values()
  }

  /** Topics in which a group has offsets. */
  topicsOf(group: string): string[] {
    return [...this.#offsets.values()]
      .filter((each) => each.group === group && each.offsets.length > 0)
      .map(({ topic }) => topic)
  }

  /** Groups that have offsets in a topic. */
  groupsOf(topic: string): string[] {
    return [...this.#offsets.values()]
      .filter((each) => each.topic === topic && each.offsets.length > 0)
      .map(({ group }) => group)
  }

  deleteGroup(group: string): void {
    for (const offsets of [...this.#offsets.values()]) if (offsets.group === group) this.#delete(offsets)
  }

  deleteTopic(topic: string): void {
    for (const offsets of [...this.#offsets.values()]) if (offsets.topic === topic) this.#delete(offsets)
  }

  /** Sets an offset that the group's next pull of the queue is sent back to, whatever it asks for. */
  reset(group: string, topic: string, queueId: number, offset: number): void {
    this.of(group, topic).commit(queueId, offset)
    const key = keyOf(topic, group)
    const queues = this.#resets.get(key) ?? new Map<number, number>()
    this.#resets.set(key, queues.set(queueId, offset))
    this.onChange(`!${key} ${queueId} ${offset}`)
  }

  /** Makes it as if the group had never committed in the queue. */
  forget(group: string, topic: string, queueId: number): void {
    this.takeReset(group, topic, queueId)
    this.of(group, topic).commit(queueId, UNKNOWN)
  }

  /** Whether a reset waits for the queue's next pull: commits are passed over until then. */
  hasReset(group: string, topic: string, queueId: number): boolean {
    return this.#resets.size > 0 && this.#resets.get(keyOf(topic, group))?.has(queueId) === true
  }

  /** Takes the reset that waits for a queue, if one does. */
  takeReset(group: string, topic: string, queueId: number): number | undefined {
    if (this.#resets.size === 0) return undefined
    const queues = this.#resets.get(keyOf(topic, group))
    const offset = queues?.get(queueId)
    if (offset === undefined) return undefined
    this.#takenReset(keyOf(topic, group), queueId)
    this.onChange(`.${keyOf(topic, group)} ${queueId}`)
    return offset
  }

  /** The table as slaves get it. */
  get body(): ConsumerOffsetsBody {
    const offsetTable = new Map<string, Map<number, number>>()
    const groupTopicMap = new Map<string, string[]>()
    for (const [key, { group, topic, offsets }] of this.#offsets) {
      const queues = new Map<number, number>()
      for (const [queueId, offset] of offsets.entries())
        if ((offset ?? UNKNOWN) !== UNKNOWN) queues.set(queueId, offset)
      if (queues.size === 0) continue
      offsetTable.set(key, queues)
      const topics = groupTopicMap.get(group)
      if (topics) topics.push(topic)
      else groupTopicMap.set(group, [topic])
    }
    return { dataVersion: this.#dataVersion, offsetTable, groupTopicMap }
  }

  load(content: Buffer): void {
    const body = decodeConsumerOffsets(content)
    this.#offsets.clear()
    this.#dataVersion = body.dataVersion
    for (const [key, queues] of body.offsetTable) {
      const at = key.indexOf('@')
      if (at < 0) continue
      const offsets = this.of(key.slice(at + 1), key.slice(0, at))
      for (const [queueId, offset] of queues) setOffset(offsets, queueId, offset)
    }
    for (const [key, queues] of decodePendingResets(content)) this.#resets.set(key, queues)
  }

  replay(text: string): void {
    const [key = '', queueId, offset] = text.slice(1).split(' ')
    const at = key.indexOf('@')
    const [topic, group] = [key.slice(0, at), key.slice(at + 1)]
    if (text[0] === '-') {
      this.#offsets.delete(key)
      this.#resets.delete(key)
    } else if (text[0] === '.') this.#takenReset(key, Number(queueId))
    else if (text[0] === '!')
      this.#resets.set(key, (this.#resets.get(key) ?? new Map()).set(Number(queueId), Number(offset)))
    else setOffset(this.of(group, topic), Number(queueId), Number(offset))
  }

  encode(): Buffer {
    this.#dataVersion = nextDataVersion(this.#dataVersion, this.#clock.nowMs())
    return Buffer.from(prettyFastJson(consumerOffsetsJson(this.body, this.#resets)))
  }

  #takenReset(key: string, queueId: number): void {
    const queues = this.#resets.get(key)
    queues?.delete(queueId)
    if (queues?.size === 0) this.#resets.delete(key)
  }

  #delete(offsets: QueueOffsets): void {
    const key = keyOf(offsets.topic, offsets.group)
    offsets.isDeleted = true
    this.#offsets.delete(key)
    this.#committed.delete(offsets)
    this.#resets.delete(key)
    this.onChange(`-${key}`)
  }

  readonly #onCommitted = (offsets: QueueOffsets, queueId: number): void => {
    if (this.#committed.size === 0) this.#atWork(this.#noteCommits)
    const queues = this.#committed.get(offsets)
    if (queues) queues.add(queueId)
    else this.#committed.set(offsets, new Set([queueId]))
  }

  /** Puts this turn's commits into the journal, whose own write follows in the same turn. */
  readonly #noteCommits = (): void => {
    const committed = this.#committed
    this.#committed = new Map()
    for (const [offsets, queueIds] of committed) {
      const key = keyOf(offsets.topic, offsets.group)
      for (const queueId of queueIds) this.onChange(`+${key} ${queueId} ${offsets.offsets[queueId]}`)
    }
  }
}

function keyOf(topic: string, group: string): string {
  return `${topic}@${group}`
}

function setOffset(offsets: QueueOffsets, queueId: number, offset: number): void {
  while (offsets.offsets.length < queueId) offsets.offsets.push(UNKNOWN)
  offsets.offsets[queueId] = offset
}
