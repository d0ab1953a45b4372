import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { MemoryDisk } from '../../base/host/memory-disk.ts'
import { VirtualClock } from '../../base/host/virtual-clock.ts'
import { behindTimer, TIMER_BEGIN, type TimerEntry, TimerKind } from './timer-entry.ts'
import { TimerIndex } from './timer-index.ts'

const DIR = '/timers'

function entryOf(queueOffset: number, dueMs: number): TimerEntry {
  return { dueMs, queueOffset, physicalOffset: queueOffset * 100, bytes: 100, kind: TimerKind.DELIVER }
}

function opened(): { disk: MemoryDisk; index: TimerIndex } {
  const disk = new MemoryDisk({ clock: new VirtualClock(0) })
  disk.mkdirSync(DIR)
  return { disk, index: new TimerIndex(disk, DIR) }
}

const pause = async (): Promise<void> => undefined

/** Takes timers until there are none, or so many. */
async function taken(index: TimerIndex, countMax = Number.POSITIVE_INFINITY): Promise<number[]> {
  const offsets: number[] = []
  while (offsets.length < countMax) {
    if (!index.isLoaded) await index.load()
    const { first } = index
    if (!first) break
    offsets.push(first.queueOffset)
    index.take()
  }
  return offsets
}

/** An index that is filled, read and saved, and goes back to what was saved last. */
class IndexRun {
  /** When each timer is due, by its offset. */
  readonly dues: number[] = []
  /** Offsets of the timers that were taken. */
  seen: number[] = []
  readonly #disk: MemoryDisk
  #index: TimerIndex
  /** What a crash goes back to: the snapshot, and the timers that came after it. */
  #saved = {
    runs: [] as Awaited<ReturnType<TimerIndex['save']>>,
    position: TIMER_BEGIN,
    added: 0,
    seen: [] as number[],
  }
  #isUnderWay = false

  constructor() {
    const { disk, index } = opened()
    this.#disk = disk
    this.#index = index
  }

  add(due: number): void {
    this.#index.add(entryOf(this.dues.push(due) - 1, due))
  }

  async take(count: number): Promise<void> {
    const offsets = await taken(this.#index, count)
    this.seen.push(...offsets)
    this.#isUnderWay ||= offsets.length > 0
  }

  async merge(): Promise<void> {
    await this.#index.merge(pause)
  }

  async save(): Promise<void> {
    const index = this.#index
    // the last one taken is still under way
    const underWay = this.#isUnderWay ? this.seen.slice(-1) : []
    const others = underWay.map((last) => ({
      ...entryOf(last, this.dues[last] ?? 0),
      dueMs: index.position.dueMs,
    }))
    index.freeze(others)
    const position = others[0] ?? index.position
    const seen = this.seen.slice(0, this.seen.length - underWay.length)
    this.#saved = { runs: await index.save(position), position, added: this.dues.length, seen }
    index.release(this.#saved.runs)
  }

  async crash(): Promise<void> {
    const { added, position, runs, seen } = this.#saved
    this.#isUnderWay = false
    this.#index = new TimerIndex(this.#disk, DIR)
    assert.ok(this.#index.open(runs, position))
    this.seen = [...seen]
    for (const [offset, due] of this.dues.entries())
      if (offset >= added) this.#index.add(entryOf(offset, due))
  }
}

describe('TimerIndex', () => {
  it('gives timers in the order in which they fall due, wherever they lie', async () => {
    const { index } = opened()
    for (let i = 0; i < 300; i++) {
      index.add(entryOf(i, (i * 7919) % 1000))
      if (i % 37 === 0) index.freeze([])
    }
    const offsets = await taken(index)
    const dueTimes = offsets.map((i) => (i * 7919) % 1000)
    assert.deepEqual(
      dueTimes,
      [...dueTimes].sort((a, b) => a - b),
    )
    assert.equal(new Set(offsets).size, 300)
  })

  it('takes one that comes too late for the next', async () => {
    const { index } = opened()
    for (const [offset, due] of [
      [0, 100],
      [1, 200],
      [2, 200],
    ] as const)
      index.add(entryOf(offset, due))
    assert.deepEqual(await taken(index, 2), [0, 1])
    index.add(entryOf(3, 50))
    assert.deepEqual(await taken(index), [2, 3])
  })

  it('goes on from a snapshot without reading more than blocks', async () => {
    const { disk, index } = opened()
    for (let i = 0; i < 10_000; i++) index.add(entryOf(i, 1000 + i))
    index.freeze([])
    const runs = await index.save(index.position)
    index.release(runs)
    await taken(index, 2500)
    const again = new TimerIndex(disk, DIR)
    assert.ok(again.open(runs, index.position))
    assert.deepEqual((await taken(again)).slice(0, 3), [2500, 2501, 2502])
  })

  it('does not believe files of another size', () => {
    const { disk, index } = opened()
    assert.equal(index.open([{ name: 'run-0000000003', count: 5 }], TIMER_BEGIN), false)
    disk.openSync(`${DIR}/run-0000000004`, 'create').closeSync()
    assert.equal(index.open([], TIMER_BEGIN), true)
    assert.deepEqual(disk.listSync(DIR), [], 'files that nobody names are removed')
  })

  it('merges small runs, and drops the files they were in', async () => {
    const { disk, index } = opened()
    for (let i = 0; i < 80; i++) {
      index.add(entryOf(i, (i * 31) % 80))
      if (i % 10 === 9) index.freeze([])
    }
    await index.save(index.position)
    await taken(index, 5)
    assert.equal(await index.merge(pause), true)
    assert.equal(index.runCount, 1)
    const runs = await index.save(index.position)
    index.release(runs)
    assert.deepEqual(
      disk.listSync(DIR),
      runs.map(({ name }) => name),
    )
    assert.equal((await taken(index)).length, 75)
  })

  it('loses and doubles no timer, whatever is frozen, saved, merged and opened again', async () => {
    const step = fc.oneof(
      fc.record({ kind: fc.constant('add' as const), due: fc.integer({ min: 0, max: 50 }) }),
      fc.record({ kind: fc.constant('take' as const), count: fc.integer({ min: 1, max: 10 }) }),
      fc.constantFrom({ kind: 'save' as const }, { kind: 'merge' as const }, { kind: 'crash' as const }),
    )
    const property = fc.asyncProperty(fc.array(step, { maxLength: 120 }), async (steps) => {
      const run = new IndexRun()
      for (const each of steps) {
        if (each.kind === 'add') run.add(each.due)
        else if (each.kind === 'take') await run.take(each.count)
        else await run[each.kind]()
      }
      await run.take(Number.POSITIVE_INFINITY)
      assert.deepEqual(
        run.seen.sort((a, b) => a - b),
        run.dues.map((_, i) => i),
      )
    })
    await fc.assert(property, { numRuns: 5000 })
  })

  it('keeps what is taken first in order through many', async () => {
    const { index } = opened()
    assert.equal(index.first, undefined)
    index.add(entryOf(0, 5))
    index.take()
    assert.deepEqual(index.position, behindTimer(entryOf(0, 5)))
  })
})
