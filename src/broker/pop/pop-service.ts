import { MqError, messageOf } from '../../base/errors.ts'
import type { Clock, Logger, Random, Timer } from '../../base/host.ts'
import { SystemGroup } from '../../protocol/names.ts'
import type { MessageStore } from '../../store/message-store.ts'
import type { Arrivals } from '../arrivals.ts'
import type { BrokerCounters } from '../broker-counters.ts'
import type { BrokerSettings } from '../broker-settings.ts'
import type { BrokerStats } from '../broker-stats.ts'
import type { ConsumerOffsets } from '../consumer-offsets.ts'
import type { FilterSelection } from '../filter/filter-selection.ts'
import type { MessageCopier } from '../message-copier.ts'
import type { OffsetQueries } from '../offset-queries.ts'
import type { SubscriptionGroupTable } from '../subscription-group-table.ts'
import type { TopicTable } from '../topic-table.ts'
import type { CheckPoint } from './check-point.ts'
import { DueTicks } from './due-ticks.ts'
import { ForeignCheckPoints } from './foreign-check-points.ts'
import { DUE_TICK_MS, InFlight } from './in-flight.ts'
import { MessagePopper } from './message-popper.ts'
import { PopAcks } from './pop-acks.ts'
import { type OrderedQueue, PopOrder } from './pop-order.ts'
import { PopRecovery } from './pop-recovery.ts'
import type { Pop, PopResult } from './pop-request.ts'
import { Redelivery } from './redelivery.ts'
import { ReviveLog } from './revive-log.ts'

/** Ticks between two looks at what is no longer needed: a second, a minute. */
const [TRIM_TICKS, CLEAN_TICKS] = [10, 600]

/** Records of the revive log that a start reads at most, or nearly: older check points are put at its end again. */
const REVIVE_RECORDS_MAX = 65_536

/** Check points that are put at the end at once. */
const MOVED_AT_ONCE = 64

interface Parts {
  readonly settings: BrokerSettings
  readonly clock: Clock
  readonly random: Random
  readonly log: Logger
  readonly arrivals: Arrivals
  readonly store: MessageStore
  readonly storeHost: Buffer
  readonly stats: BrokerStats
  readonly topics: TopicTable
  readonly groups: SubscriptionGroupTable
  readonly offsets: ConsumerOffsets
  readonly filters: FilterSelection
  readonly queries: OffsetQueries
  readonly copier: MessageCopier
  readonly counters: BrokerCounters
  /** See `Turn.atWork`. */
  readonly atWork: (callback: () => void) => void
}

/**
 * Consumption by pop: the broker hands messages out by itself and remembers who holds what until when; consumers acknowledge one by one,
 * and what they do not acknowledge in time is delivered again (docs/pop.md). The machines beside this file decide; here are the timer and
 * the log.
 */
export class PopService {
  /** Ordered queues that groups hold: a table of the broker's metadata. */
  readonly order = new PopOrder()
  readonly popper: MessagePopper
  readonly acks: PopAcks
  /** Hears that a group may pop from an ordered queue again. Set by the door. */
  onFree: (queue: OrderedQueue) => void = () => undefined
  readonly #parts: Parts
  readonly #inFlight = new InFlight()
  readonly #reviveLog: ReviveLog
  readonly #redelivery: Redelivery
  readonly #foreign: ForeignCheckPoints
  /** When ordered queues become free, by their names. */
  readonly #frees = new DueTicks<string>(DUE_TICK_MS)
  readonly #orderedQueues = new Map<string, OrderedQueue>()
  readonly #moving = new Set<CheckPoint>()
  #tick = 0
  #timer: Timer | undefined
  #isStopped = false

  constructor(parts: Parts) {
    this.#parts = parts
    const { atWork, settings, store, storeHost } = parts
    const { brokerClusterName, brokerName } = settings
    this.#reviveLog = new ReviveLog({ store, storeHost, brokerName, brokerClusterName, atWork })
    const machines = { inFlight: this.#inFlight, order: this.order, reviveLog: this.#reviveLog }
    this.popper = new MessagePopper({ ...parts, ...machines })
    this.acks = new PopAcks({
      ...{ ...parts, ...machines },
      onFree: (queue) => this.onFree(queue),
      onChanged: (queue) => this.#changed(queue),
    })
    this.#foreign = new ForeignCheckPoints({ ...parts, ...machines, onTaken: () => this.#arm() })
    this.#redelivery = new Redelivery({ ...parts, ...machines, onPostponed: () => this.#arm() })
  }

  /** Reads who holds what, and begins to deliver what is due. Store and metadata are open. */
  start(): void {
    const { log, offsets, store } = this.#parts
    const from = offsets.find(SystemGroup.REVIVE, this.#reviveLog.topic)?.get(0)
    new PopRecovery({ store, offsets, inFlight: this.#inFlight, reviveLog: this.#reviveLog, log }).run(
      from === undefined ? 0 : from + 1,
    )
    this.#foreign.start()
    for (const [key, queues] of this.order.table) {
      const at = key.indexOf('@')
      for (const queueId of queues.keys())
        this.#watch({ topic: key.slice(0, at), group: key.slice(at + 1), queueId })
    }
    this.#arm()
  }

  stop(): void {
    this.#isStopped = true
    this.#timer?.cancel()
    this.#redelivery.stop()
    this.#trim()
  }

  /**
   * Takes messages for a pop.
   * @param done hears, in this turn at the earliest, that what was found may be handed out; false: the log has not taken it
   * @param begun what this returned in an earlier turn, unfinished
   * @returns what was found; where that is nothing, or it is unfinished and to be gone on with, `done` is not called
   * @throws MqError badRecord, where nothing was found before; the disk's error: nobody holds anything of it then
   */
  pop(pop: Pop, done: (result: PopResult, isStored: boolean) => void, begun?: PopResult): PopResult {
    const result = begun ?? this.popper.resultFor(pop)
    try {
      this.popper.take(pop, result)
    } catch (error) {
      for (const point of result.checkPoints) this.#inFlight.refused(point)
      throw error
    }
    if (result.count === 0 || result.isUnfinished) return result
    if (pop.request.isOrdered) {
      for (const { queueId, topic } of result.queues)
        this.#changed({ group: pop.request.group, topic, queueId })
      this.#parts.atWork(() => done(result, true))
    } else this.#record(result.checkPoints, (isStored) => done(result, isStored))
    this.#arm()
    return result
  }

  #record(points: readonly CheckPoint[], done: (isStored: boolean) => void): void {
    let waiting = points.length
    let isStored = true
    const one = (point: CheckPoint, reviveOffset: number | undefined): void => {
      if (reviveOffset === undefined) this.#inFlight.refused(point)
      else this.#inFlight.recorded(point, reviveOffset)
      isStored &&= reviveOffset !== undefined
      waiting--
      if (waiting > 0) return
      // nobody gets what the others hold
      if (!isStored) for (const each of points) this.#inFlight.postpone(each, this.#parts.clock.nowMs())
      done(isStored)
    }
    for (const point of points) {
      this.#parts.stats.checkPointed(point.queue.offsets)
      try {
        this.#reviveLog.putPoint(point, (isTaken, offset) => one(point, isTaken ? offset : undefined))
      } catch (error) {
        if (!(error instanceof MqError)) throw error
        one(point, undefined)
      }
    }
  }

  #changed(queue?: OrderedQueue): void {
    if (queue) this.#watch(queue)
    this.#arm()
  }

  #watch(queue: OrderedQueue): void {
    const name = `${queue.topic}@${queue.group}@${queue.queueId}`
    const freeMs = this.order.freeMs(queue)
    if (freeMs === undefined) {
      this.#frees.delete(name)
      this.#orderedQueues.delete(name)
      return
    }
    const { group, queueId, topic } = queue
    this.#orderedQueues.set(name, { group, topic, queueId })
    this.#frees.add(name, freeMs)
  }

  #arm(): void {
    if (this.#isStopped || this.#timer || (this.#inFlight.isEmpty && this.#frees.count === 0)) return
    this.#timer = this.#parts.clock.after(DUE_TICK_MS, this.#run)
  }

  readonly #run = (): void => {
    this.#timer = undefined
    this.#tick++
    const nowMs = this.#parts.clock.nowMs()
    this.#redelivery.deliver(this.#inFlight.due(nowMs))
    for (const name of this.#frees.due(nowMs)) {
      const queue = this.#orderedQueues.get(name)
      this.#orderedQueues.delete(name)
      if (queue) this.onFree(queue)
    }
    if (this.#tick % TRIM_TICKS === 0 || this.#inFlight.isEmpty) this.#trim()
    if (this.#tick % CLEAN_TICKS === 0) this.#clean(nowMs)
    this.#arm()
  }

  /** Notes from where on the revive log is needed, and puts what keeps it long at its end again. */
  #trim(): void {
    const { offsets } = this.#parts
    const queue = this.#reviveLog.existing
    if (!queue) return
    this.#inFlight.forgetDeleted()
    const needed = this.#inFlight.oldest?.reviveOffset ?? queue.maxOffset
    // RocketMQ's reviver goes on behind the offset of its group
    if (needed > 0) offsets.of(SystemGroup.REVIVE, this.#reviveLog.topic).commit(0, needed - 1)
    if (this.#isStopped) return
    for (const point of this.#inFlight.olderThan(queue.maxOffset - REVIVE_RECORDS_MAX, MOVED_AT_ONCE)) {
      if (!this.#moving.has(point)) this.#move(point)
    }
  }

  #move(point: CheckPoint): void {
    try {
      this.#reviveLog.putPoint(point, (isStored, reviveOffset) => {
        this.#moving.delete(point)
        if (isStored) this.#inFlight.moved(point, reviveOffset)
      })
      this.#moving.add(point)
    } catch (error) {
      this.#parts.log.warn({ error: messageOf(error) }, 'a check point could not be moved; it is tried again')
    }
  }

  #clean(nowMs: number): void {
    const { groups, topics } = this.#parts
    this.order.clean(({ group, queueId, topic }) => {
      return groups.get(group) !== undefined && queueId < (topics.get(topic)?.config.readQueueNums ?? 0)
    }, nowMs)
  }
}
