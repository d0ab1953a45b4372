import { MqError, messageOf } from '../../base/errors.ts'
import type { Clock, Disk, Logger, Timer } from '../../base/host.ts'
import { SystemTopic } from '../../protocol/names.ts'
import type { MessageStore } from '../../store/message-store.ts'
import type { AppendOutcome, AppendWaiter } from '../../store/pending-appends.ts'
import type { Arrivals } from '../arrivals.ts'
import type { BrokerCounters } from '../broker-counters.ts'
import type { BrokerSettings } from '../broker-settings.ts'
import type { BrokerStats } from '../broker-stats.ts'
import { forEachCopied } from '../copied-records.ts'
import type { MessageCopier } from '../message-copier.ts'
import { TimerCounts, type TimerWeight } from './timer-counts.ts'
import { TimerDelivery } from './timer-delivery.ts'
import { TIMER_BEGIN, type TimerEntry } from './timer-entry.ts'
import { TimerFeed } from './timer-feed.ts'
import { TimerFlights } from './timer-flights.ts'
import { TimerIndex } from './timer-index.ts'
import { timerWeightOf } from './timer-message.ts'
import { readRocketmqProgress } from './timer-rocketmq.ts'
import { readTimerSnapshot, type TimerSnapshot, writeTimerSnapshot } from './timer-snapshot.ts'

/** Timers in memory above which they are written to a run. */
const HEAP_SIZE_MAX = 65_536

/** Timers taken in one turn, under way at once, and bytes of those; the first always fits. */
const TURN_COUNT_MAX = 256
const IN_FLIGHT_MAX = 8192
const IN_FLIGHT_BYTES_MAX = 16 * 1024 * 1024

const SNAPSHOT_INTERVAL_MS = 5000

/** Bytes of log after which a snapshot is due though nothing has changed: a start after a crash looks through them. */
const SNAPSHOT_BYTES = 16 * 1024 * 1024

/** After something has failed it is tried again this much later. */
const RETRY_INTERVAL_MS = 1000

/** A wall clock that jumps is noticed after this long at the latest. */
const SLEEP_MS_MAX = 1000

/**
 * Messages that ask to be delivered at a time of their own (RocketMQ's TimerMessageStore): each lies in the timer topic, is put into an
 * index by the time it falls due, and is copied to its own topic then.
 *
 * The index and how far it is follow from the log and a snapshot: what was copied after the snapshot is counted from the copies, which
 * name the records that they were made of; what came after it is read from the timer topic again. A snapshot that does not fit the log
 * is not believed: the index is made again from the whole topic.
 */
export class TimerSchedule implements AppendWaiter {
  readonly #store: MessageStore
  readonly #clock: Clock
  readonly #disk: Disk
  readonly #log: Logger
  readonly #arrivals: Arrivals
  readonly #settings: BrokerSettings
  readonly #counters: BrokerCounters
  readonly #dir: string
  readonly #index: TimerIndex
  readonly #flights = new TimerFlights()
  readonly #delivery: TimerDelivery
  readonly #counts = new TimerCounts()
  /** Records whose copies were made after the snapshot, by offset in the log, and what they are in the counts. */
  readonly #copied = new Map<number, TimerWeight | undefined>()
  #feed: TimerFeed | undefined
  /** Timers due before are none of ours: RocketMQ has delivered them. */
  #foreignEndMs = 0
  /** Whether there was a snapshot, of whatever worth: timers of this broker have been here. */
  #hasSnapshot = true
  #logOffset = 0
  #timer: Timer | undefined
  #snapshotTimer: Timer | undefined
  #isStopped = false
  #isFeeding = false
  #isLoading = false
  #isBlocked = false
  #isGoingOn = false
  #isChanged = false
  #saving: Promise<void> | undefined
  #merging: Promise<void> | undefined

  constructor(parts: {
    store: MessageStore
    clock: Clock
    disk: Disk
    log: Logger
    arrivals: Arrivals
    copier: MessageCopier
    settings: BrokerSettings
    counters: BrokerCounters
    stats: BrokerStats
  }) {
    this.#store = parts.store
    this.#clock = parts.clock
    this.#disk = parts.disk
    this.#log = parts.log
    this.#arrivals = parts.arrivals
    this.#settings = parts.settings
    this.#counters = parts.counters
    this.#dir = `${parts.store.settings.rootDir}/ternmq/timers`
    this.#index = new TimerIndex(parts.disk, this.#dir)
    this.#delivery = new TimerDelivery({ ...parts, waiter: this })
  }

  /** How many messages of the timer topic are in the index, how many there are, and by how much the next one is late, in ms. */
  get progress(): { readonly indexed: number; readonly end: number; readonly lateMs: number } {
    const end = this.#store.queues.existing(SystemTopic.TIMER, 0)?.maxOffset ?? 0
    const next = this.#flights.entries()[0] ?? this.#index.first
    const lateMs = next ? Math.max(this.#clock.nowMs() - next.dueMs, 0) : 0
    return { indexed: this.#feed?.next ?? 0, end, lateMs }
  }

  /** How many messages wait, by topic. */
  counts(): TimerCounts {
    this.#settle()
    return this.#counts
  }

  /** How much of the index is in memory. */
  get memory(): { readonly heapSize: number; readonly runCount: number } {
    return { heapSize: this.#index.heapSize, runCount: this.#index.runCount }
  }

  /** Takes up where the last run ended, and begins to deliver. The store is open. */
  start(): void {
    const { queues } = this.#store
    const queue = queues.queue(queues.topic(SystemTopic.TIMER), 0)
    this.#disk.mkdirSync(this.#dir)
    const snapshot = this.#usableSnapshot(queue.maxOffset)
    const next = snapshot?.indexed ?? queue.minOffset
    if (!snapshot) this.#beginAnew()
    const firstCopyAt = queue.entrySync(queue.minOffset)?.physicalOffset ?? this.#store.confirmedEnd
    this.#logOffset = Math.max(snapshot?.logOffset ?? 0, firstCopyAt)
    // RocketMQ's copies do not say what they are made of: there is nothing to look for in a log that only RocketMQ has written
    const isTakenOver = !this.#hasSnapshot && this.#foreignEndMs > 0
    if (queue.maxOffset > 0 && !isTakenOver) this.#countCopies(this.#logOffset)
    const rollWindowMs = (): number => this.#settings.timerRollWindowSec * 1000
    const parts = { store: this.#store, log: this.#log, counters: this.#counters }
    this.#feed = new TimerFeed({ ...parts, queue, next, rollWindowMs })
    this.#arrivals.follow(queue, () => this.#feedOn())
    this.#feedOn()
    this.#run()
    this.#armSnapshot()
  }

  /** Delivers no more, and writes how far it is. */
  async close(): Promise<void> {
    this.#isStopped = true
    this.#timer?.cancel()
    this.#snapshotTimer?.cancel()
    await this.#saving
    await this.#merging
    if (this.#feed && this.#isChanged) await this.#save()
    this.#index.close()
  }

  /** A copy is stored, or was refused. */
  appended(outcome: AppendOutcome, token: number): void {
    if (outcome !== 'notWritable') {
      this.#flights.done(token)
      this.#counters.timersOut++
      return
    }
    this.#flights.failed(token)
    this.#pause(new MqError('notWritable', this.#store.refusal ?? 'the log cannot be written'))
  }

  /** The snapshot, with its index opened; undefined when there is none that fits the log. */
  #usableSnapshot(queueEnd: number): TimerSnapshot | undefined {
    let snapshot: TimerSnapshot | undefined
    try {
      snapshot = readTimerSnapshot(this.#disk, `${this.#dir}/snapshot`)
      this.#hasSnapshot = snapshot !== undefined
    } catch (error) {
      this.#log.error({ error: messageOf(error) }, 'the snapshot of the timers cannot be read')
    }
    if (!snapshot) return undefined
    const { counts, done, deleted, indexed, logOffset, runs } = snapshot
    const isAhead = indexed > queueEnd || logOffset > this.#store.confirmedEnd
    if (!isAhead && this.#index.open(runs, done)) {
      this.#delivery.deletedBefore(deleted)
      this.#counts.restore(counts)
      return snapshot
    }
    this.#log.warn(
      { indexed, queueEnd, logOffset, runs: runs.length },
      'the snapshot of the timers does not fit the log',
    )
    return undefined
  }

  #beginAnew(): void {
    this.#index.open([], TIMER_BEGIN)
    this.#foreignEndMs = readRocketmqProgress(this.#disk, this.#store.settings.rootDir) ?? 0
    this.#index.begin({ dueMs: this.#foreignEndMs, queueOffset: 0 })
  }

  #countCopies(from: number): void {
    forEachCopied(this.#store, SystemTopic.TIMER, from, ({ physicalOffset }, copied) =>
      this.#copied.set(physicalOffset, timerWeightOf(copied)),
    )
    const count = this.#copied.size
    if (count > 0)
      this.#log.info({ count, from }, 'timer messages delivered since the last snapshot are counted')
  }

  /** Puts what has come into the index, a part in each turn. */
  #feedOn(): void {
    const feed = this.#feed
    if (!feed || this.#isStopped || this.#isFeeding || this.#isHeapFull) return
    if (!feed.hasMore) return
    this.#isFeeding = true
    const goOn = (): void => {
      this.#isFeeding = false
      this.#feedOn()
    }
    try {
      const isRead = feed.read(this.#take)
      this.#isChanged = true
      if (isRead) this.#clock.endOfTurn(goOn)
      else feed.load().then(goOn, (error) => this.#feedLater(error))
    } catch (error) {
      this.#feedLater(error)
      return
    }
    if (this.#isHeapFull) this.#saveNow()
    this.#run()
  }

  #feedLater(error: unknown): void {
    this.#log.warn({ error: messageOf(error) }, 'the timer topic cannot be read: it is tried again')
    this.#clock.after(RETRY_INTERVAL_MS, () => {
      this.#isFeeding = false
      this.#feedOn()
    })
  }

  readonly #take = (entry: TimerEntry, weight: TimerWeight | undefined): void => {
    if (entry.dueMs < this.#foreignEndMs || this.#copied.delete(entry.physicalOffset)) return
    this.#index.add(entry)
    this.#counters.timersIn++
    if (weight) this.#counts.add(weight, this.#clock.nowMs())
  }

  get #isHeapFull(): boolean {
    return this.#index.heapSize >= HEAP_SIZE_MAX
  }

  /** Delivers what is due, and sleeps until the next is. */
  readonly #run = (): void => {
    if (this.#isStopped || this.#isLoading || this.#isBlocked) return
    this.#timer?.cancel()
    this.#timer = undefined
    const tokens = this.#flights.takeFailed()
    if (tokens.length === 0) this.#takeDue(tokens)
    if (tokens.length === 0) return
    this.#isChanged = true
    const absent = tokens
      .map((token) => this.#flights.entry(token))
      .filter((entry) => !this.#delivery.has(entry))
    if (absent.length === 0) this.#deliver(tokens)
    else this.#whileLoading(this.#delivery.load(absent), () => this.#deliver(tokens), tokens)
  }

  /** Takes what is due from the index; where nothing is, it sleeps or loads. */
  #takeDue(tokens: number[]): void {
    const flights = this.#flights
    if (flights.openCount >= IN_FLIGHT_MAX || flights.bytes >= IN_FLIGHT_BYTES_MAX) {
      this.#sleep(1)
      return
    }
    // a copy is stamped with the time at which the turn began: it must not read as if it had come early
    const turnMs = Math.min(this.#clock.nowMs(), this.#store.nextStoreTimestampMs)
    // what has come and is not in the index yet may be the deletion of what is due
    const nowMs = Math.min(turnMs, this.#feed?.readUntilMs ?? 0)
    const next = this.#takeUntil(nowMs, tokens)
    if (tokens.length > 0) return
    if (next === 'absent') this.#whileLoading(this.#index.load(), () => undefined, tokens)
    else if (next) this.#sleep(Math.max(next.dueMs + 1 - turnMs, 1))
  }

  /** @returns the timer that is next and not due; `absent` when it has to be loaded */
  #takeUntil(nowMs: number, tokens: number[]): TimerEntry | 'absent' | undefined {
    const [index, flights] = [this.#index, this.#flights]
    while (tokens.length < TURN_COUNT_MAX && flights.bytes < IN_FLIGHT_BYTES_MAX) {
      if (!index.isLoaded) return 'absent'
      const { first } = index
      // the message came within the millisecond from which its delay counts: it has waited as long when that of `dueMs` is over
      if (!first || first.dueMs >= nowMs) return first
      index.take()
      if (!this.#wasCopied(first)) tokens.push(flights.begin(first))
    }
    return undefined
  }

  #wasCopied({ physicalOffset }: TimerEntry): boolean {
    const weight = this.#copied.get(physicalOffset)
    if (weight) this.#counts.remove(weight, this.#clock.nowMs())
    return this.#copied.delete(physicalOffset)
  }

  #deliver(tokens: readonly number[]): void {
    for (const [index, token] of tokens.entries()) {
      try {
        const copyAt = this.#delivery.deliver(this.#flights.entry(token), token)
        this.#flights.weighs(token, this.#delivery.weight)
        if (copyAt === undefined) this.#flights.done(token)
        else this.#flights.copied(token, copyAt)
      } catch (error) {
        for (const rest of tokens.slice(index)) this.#flights.failed(rest)
        this.#pause(error)
        return
      }
    }
    if (this.#flights.openCount > IN_FLIGHT_MAX / 2) this.#settle()
    this.#goOn()
  }

  /** Lets go of what is done for certain. */
  #settle(): void {
    const nowMs = this.#clock.nowMs()
    for (const weight of this.#flights.settle(this.#store.confirmedEnd)) this.#counts.remove(weight, nowMs)
    // what had expired before it was due could not be taken out of the counts
    if (this.#flights.isEmpty && this.#index.isLoaded && !this.#index.first) this.#counts.clear(nowMs)
  }

  #whileLoading(load: Promise<void>, then: () => void, tokens: readonly number[]): void {
    this.#isLoading = true
    load.then(
      () => {
        this.#isLoading = false
        if (this.#isStopped) return
        then()
        this.#goOn()
      },
      (error) => {
        this.#isLoading = false
        for (const token of tokens) this.#flights.failed(token)
        this.#pause(error)
      },
    )
  }

  #goOn(): void {
    if (this.#isGoingOn) return
    this.#isGoingOn = true
    this.#clock.endOfTurn(() => {
      this.#isGoingOn = false
      this.#run()
    })
  }

  #pause(error: unknown): void {
    if (this.#isBlocked || this.#isStopped) return
    this.#log.warn({ error: messageOf(error) }, 'timer messages wait: they are tried again')
    this.#isBlocked = true
    this.#timer?.cancel()
    this.#timer = this.#clock.after(RETRY_INTERVAL_MS, () => {
      this.#isBlocked = false
      this.#run()
    })
  }

  #sleep(ms: number): void {
    if (!this.#isStopped) this.#timer = this.#clock.after(Math.min(ms, SLEEP_MS_MAX), this.#run)
  }

  #armSnapshot(): void {
    if (this.#isStopped) return
    this.#snapshotTimer = this.#clock.after(SNAPSHOT_INTERVAL_MS, () => {
      const isUsed = (this.#feed?.next ?? 0) > 0
      const isOld = this.#store.confirmedEnd - this.#logOffset > SNAPSHOT_BYTES
      if (this.#isChanged || (isUsed && isOld)) this.#saveNow()
      this.#armSnapshot()
    })
  }

  #saveNow(): void {
    if (this.#saving) return
    this.#saving = this.#save().finally(() => {
      this.#saving = undefined
      this.#feedOn()
    })
  }

  /** Writes a snapshot; a failure leaves the last one, which still holds. */
  async #save(): Promise<void> {
    this.#isChanged = false
    const { confirmedEnd } = this.#store
    this.#settle()
    const others = this.#flights.entries()
    // while copies made before the start are not all accounted for, they have to be found again
    if (this.#copied.size === 0) this.#logOffset = confirmedEnd
    const state = {
      indexed: this.#feed?.next ?? 0,
      done: others[0] ?? this.#index.position,
      logOffset: this.#logOffset,
      deleted: this.#delivery.deleted,
      counts: this.#counts.all,
    }
    this.#index.freeze(others)
    try {
      const runs = await this.#index.save(state.done)
      await writeTimerSnapshot(this.#disk, `${this.#dir}/snapshot`, { ...state, runs })
      this.#index.release(runs)
      if (!this.#isStopped) this.#merge()
    } catch (error) {
      this.#isChanged = true
      this.#log.warn({ error: messageOf(error) }, 'the timers’ snapshot is not written; it is tried again')
    }
  }

  #merge(): void {
    this.#merging ??= this.#mergeRuns().finally(() => {
      this.#merging = undefined
    })
  }

  async #mergeRuns(): Promise<void> {
    try {
      if (await this.#index.merge(() => this.#endOfTurn())) this.#isChanged = true
    } catch (error) {
      // what was begun is deleted by the next start
      if (this.#isStopped) return
      this.#log.warn({ error: messageOf(error) }, 'runs of timers are not merged; it is tried again')
    }
  }

  /** @throws MqError shuttingDown when it is not to go on */
  async #endOfTurn(): Promise<void> {
    await new Promise<void>((resolve) => this.#clock.endOfTurn(resolve))
    if (this.#isStopped) throw new MqError('shuttingDown', 'the broker is shutting down')
  }
}
