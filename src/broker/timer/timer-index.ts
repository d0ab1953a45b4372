import type { Disk } from '../../base/host.ts'
import {
  behindTimer,
  compareTimers,
  TIMER_BEGIN,
  type TimerEntry,
  type TimerPosition,
} from './timer-entry.ts'
import { TimerHeap } from './timer-heap.ts'
import { mergeRuns } from './timer-merge.ts'
import { TimerRun } from './timer-run.ts'

/** Runs of a like size that are made one. */
const MERGE_COUNT = 8

/** A file of the index, as a snapshot names it. */
export interface TimerRunName {
  readonly name: string
  readonly count: number
}

/**
 * Timers by the time they fall due: what came last in a heap in memory, the rest in sorted runs on disk, of which a block each is in
 * memory. So a million of them cost what the heap may hold and a few dozen blocks, and a start reads the blocks that are next and no more
 * (docs/decisions/0011-timers-in-sorted-runs.md).
 */
export class TimerIndex {
  readonly #disk: Disk
  readonly #dir: string
  readonly #heap = new TimerHeap()
  #runs: TimerRun[] = []
  /** Files that no snapshot names any longer. */
  #gone: TimerRun[] = []
  /** The first place behind what was taken last. */
  #position: TimerPosition = TIMER_BEGIN
  #nextNumber = 0
  #isMerging = false

  constructor(disk: Disk, dir: string) {
    this.#disk = disk
    this.#dir = dir
  }

  /** Entries in memory that are in no file. */
  get heapSize(): number {
    return this.#heap.size
  }

  get runCount(): number {
    return this.#runs.length
  }

  /** Everything before this place has been taken. */
  get position(): TimerPosition {
    return this.#position
  }

  /**
   * Takes up the runs of a snapshot, from a place on.
   * @returns false when a file is not as it says: the index is empty then
   */
  open(runs: readonly TimerRunName[], position: TimerPosition): boolean {
    const opened = runs.map(({ name, count }) => TimerRun.open(this.#disk, this.#dir, name, count))
    const whole = opened.filter((run) => run !== undefined)
    const isWhole = whole.length === runs.length
    this.#runs = isWhole ? whole : []
    this.#position = isWhole ? position : TIMER_BEGIN
    for (const run of this.#runs) run.seek(position)
    // names are never used twice, also those of files that no snapshot came to name
    const names = new Set(this.#runs.map(({ name }) => name))
    for (const name of this.#disk.listSync(this.#dir)) {
      const number = numberOf(name)
      if (number === undefined) continue
      this.#nextNumber = Math.max(this.#nextNumber, number + 1)
      if (!names.has(name)) this.#disk.unlinkSync(`${this.#dir}/${name}`)
    }
    return isWhole
  }

  /** Begins at a place, with nothing. */
  begin(position: TimerPosition): void {
    this.#position = position
  }

  /** Adds a timer; one that is due before what was taken last is next now. */
  add(entry: TimerEntry): void {
    const isLate = compareTimers(entry, this.#position) < 0
    // behind all of that time: among equals the order is that of the queue, and this one came last
    this.#heap.add(isLate ? { ...entry, dueMs: this.#position.dueMs } : entry)
  }

  /** The timer that falls due first; undefined when there is none, or `isLoaded` is false. */
  get first(): TimerEntry | undefined {
    return this.isLoaded ? this.#source()?.first : undefined
  }

  /** Whether it can be said which is first; `load` else. */
  get isLoaded(): boolean {
    return this.#runs.every((run) => run.isLoaded)
  }

  /** Brings into memory what is missing. @throws the disk's error */
  async load(): Promise<void> {
    for (const run of this.#runs) if (!run.isLoaded) await run.load()
  }

  /** Takes the first one. */
  take(): void {
    const source = this.#source()
    const entry = source?.first
    if (!entry) return
    source.shift()
    this.#position = behindTimer(entry)
    // one that was under way at a snapshot may be in two runs
    for (const run of this.#runs) while (isBefore(run.first, this.#position)) run.shift()
  }

  /** Moves what is in memory only to a run of its own, with `others` that were taken and are not done. */
  freeze(others: readonly TimerEntry[]): void {
    const entries = [...others, ...this.#heap.takeAll()].sort(compareTimers)
    if (entries.length === 0) return
    const run = TimerRun.of(this.#disk, this.#dir, nameOf(this.#nextNumber++), entries)
    run.seek(this.#position)
    this.#runs.push(run)
  }

  /**
   * Makes all runs durable that have been frozen.
   * @param done everything before this place is done with
   * @returns the runs that a snapshot has to name
   * @throws the disk's error
   */
  async save(done: TimerPosition): Promise<TimerRunName[]> {
    const runs = [...this.#runs]
    const isNew = runs.some((run) => !run.isDurable)
    for (const run of runs) await run.save()
    if (isNew) this.#disk.syncDirSync(this.#dir)
    // one that was read to its end may still hold what is under way
    const needed = runs.filter((run) => !run.isDone || compareTimers(done, this.#position) < 0)
    return needed.map(({ name, count }) => ({ name, count }))
  }

  /** A snapshot that names these runs is durable: all other files can go. */
  release(named: readonly TimerRunName[]): void {
    const names = new Set(named.map(({ name }) => name))
    const done = this.#runs.filter((run) => run.isDone && !names.has(run.name))
    this.#runs = this.#runs.filter((run) => !done.includes(run))
    for (const run of [...this.#gone, ...done]) {
      run.close()
      if (run.isDurable) this.#disk.unlinkSync(`${this.#dir}/${run.name}`)
    }
    this.#gone = []
  }

  /** Makes one run of many small ones, where there are. @returns whether it has @throws the disk's error */
  async merge(pause: () => Promise<void>): Promise<boolean> {
    const runs = this.#mergeable()
    if (!runs || this.#isMerging) return false
    this.#isMerging = true
    try {
      const to = nameOf(this.#nextNumber++)
      const merged = await mergeRuns({
        disk: this.#disk,
        dir: this.#dir,
        runs,
        from: this.#position,
        to,
        pause,
      })
      merged.seek(this.#position)
      // one that was read to its end in the meantime may be gone already
      this.#gone.push(...this.#runs.filter((run) => runs.includes(run)))
      this.#runs = [...this.#runs.filter((run) => !runs.includes(run)), merged]
      return true
    } finally {
      this.#isMerging = false
    }
  }

  close(): void {
    for (const run of [...this.#runs, ...this.#gone]) run.close()
  }

  #source(): TimerHeap | TimerRun | undefined {
    let source: TimerHeap | TimerRun | undefined = this.#heap
    let first = this.#heap.first
    for (const run of this.#runs) {
      const entry = run.first
      if (!entry || (first && compareTimers(first, entry) <= 0)) continue
      source = run
      first = entry
    }
    return source
  }

  /** The runs of the smallest size of which there are many. */
  #mergeable(): TimerRun[] | undefined {
    const bySize = new Map<number, TimerRun[]>()
    for (const run of this.#runs) {
      if (!run.isDurable || run.isDone) continue
      const size = Math.floor(Math.log2(Math.max(run.count, 1024)) / Math.log2(MERGE_COUNT))
      bySize.set(size, [...(bySize.get(size) ?? []), run])
    }
    const sizes = [...bySize.keys()].sort((one, other) => one - other)
    return sizes.map((size) => bySize.get(size)).find((runs) => runs && runs.length >= MERGE_COUNT)
  }
}

function isBefore(entry: TimerEntry | undefined, position: TimerPosition): boolean {
  return entry !== undefined && compareTimers(entry, position) < 0
}

const NAME = /^run-(\d{10})$/

function nameOf(number: number): string {
  return `run-${String(number).padStart(10, '0')}`
}

function numberOf(name: string): number | undefined {
  const [, digits] = NAME.exec(name) ?? []
  return digits === undefined ? undefined : Number(digits)
}
