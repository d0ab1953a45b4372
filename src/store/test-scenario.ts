import assert from 'node:assert/strict'
import type { DiskOp, FaultFilter } from '../base/host/disk-faults.ts'
import type { FaultyDisk } from '../base/host/faulty-disk.ts'
import type { VirtualClock } from '../base/host/virtual-clock.ts'
import type { FlushDiskType, StoreSettings } from './store-settings.ts'
import { History } from './test-history.ts'
import { type TestMessage, TestStore, testHost, testSettings } from './test-store.ts'

/** What happens to a store: its ordinary life, or one in which its disk fails now and then. */
export type Script = 'plain' | 'troubled'

/** Settings of a store whose files roll within a few messages, but for one turn that is written off the event loop. */
export function scenarioSettings(flushDiskType: FlushDiskType): StoreSettings {
  return testSettings({
    flushDiskType,
    commitLogFileBytes: 32 * 1024,
    consumeQueueFileBytes: 20 * 8,
    index: { slotCount: 10, entryCount: 16 },
    handlesMax: 6,
    retention: { ...testSettings().retention, fileReservedHours: 1, isCleanForciblyEnabled: false },
  })
}

type Step = () => Promise<void> | void

/** A store under a script that touches all that the store does to its disk. */
export class ScenarioRun {
  readonly disk: FaultyDisk
  readonly clock: VirtualClock
  readonly history = new History()
  readonly settings: StoreSettings
  test: TestStore
  /** Monotonic time of the last op of the disk: when the process died, if it did. */
  lastOpMs = 0
  /** Indexes of the ops in which the log or a queue could not be made durable. */
  readonly failedSyncs = new Set<number>()
  #count = 0

  constructor(disk: FaultyDisk, clock: VirtualClock, settings: StoreSettings) {
    this.disk = disk
    this.clock = clock
    this.settings = settings
    this.test = this.#newStore()
    const noFault = ({ index }: DiskOp): boolean => {
      if (index >= 0) this.lastOpMs = clock.monoMs()
      return false
    }
    disk.fail(noFault, 'EIO')
  }

  /** Goes through all steps, or up to the one in which the process dies. @throws what a step throws in a living process */
  async run(script: Script): Promise<void> {
    for (const step of script === 'plain' ? this.#plain() : this.#troubled()) {
      try {
        await step()
      } catch (error) {
        if (!this.disk.hasCrashed) throw error
      }
      if (this.disk.hasCrashed) return
    }
  }

  *#plain(): Generator<Step> {
    yield () => this.#open()
    for (let turn = 0; turn < 6; turn++) yield () => this.#turn(3, 100)
    yield () => this.clock.advance(11_000)
    yield () => this.#turn(4, 700)
    yield () => this.#batch()
    yield () => this.#deleteTopic('Gone')
    yield () => this.#turn(6, 300)
    yield () => this.#largeTurn()
    yield () => this.clock.advance(1500)
    for (let turn = 0; turn < 4; turn++) yield () => this.#turn(5, 2800)
    yield () => this.#expire()
    yield () => this.#turn(4, 300)
    yield () => this.test.store.close()
    yield () => this.#open()
    yield () => this.#turn(4, 1200)
    yield () => this.#deleteTopic('Gone')
    yield () => this.#turn(4, 10_000)
    yield () => this.#turn(2, 1)
  }

  *#troubled(): Generator<Step> {
    yield () => this.#open()
    yield () => this.#turn(6, 1100)
    yield* this.#withFault('EIO', ({ kind, path }) => kind === 'datasync' && path.includes('/commitlog/'))
    yield* this.#withFault('EIO', ({ kind, path }) => kind === 'datasync' && path.includes('/consumequeue/'))
    yield* this.#withFault('EIO', ({ kind, path }) => kind === 'datasync' && path.endsWith('/queues'))
    yield* this.#withFault('EIO', ({ kind, path }) => kind === 'write' && path.includes('/index/'))
    yield* this.#withFault('EIO', ({ kind, path }) => kind === 'write' && path.includes('/commitlog/'))
    yield () => this.#fillDisk()
    yield () => this.#largeTurn()
    yield () => this.#turn(4, 1500)
    yield () => this.#freeDisk()
    yield* this.#withFault('ENOSPC', ({ kind, path }) => kind === 'write' && path.endsWith('/reserve'))
    yield () => this.#turn(6, 12_000)
    yield () => this.test.store.close()
    yield () => this.#open()
    yield () => this.#turn(6, 300)
  }

  /** A time with a fault that strikes once, and a time without, in which the store has to get over it. */
  *#withFault(errno: string, when: FaultFilter): Generator<Step> {
    let count = 0
    yield () => {
      const end = this.disk.fail((op) => when(op) && count++ === 0 && this.#noteFault(op), errno)
      // a new queue, which is to be noted in the inventory
      this.#append({ ...this.#next(0), topic: `Fresh${this.#count}` })
      return this.#turn(4, 11_000).finally(end)
    }
    yield () => assert.ok(count > 0, `nothing met the fault: ${when}`)
    yield () => this.#turn(4, 11_000)
  }

  #noteFault({ kind, path, index }: DiskOp): true {
    if (kind === 'datasync' && /\/(commitlog|consumequeue)\//.test(path)) this.failedSyncs.add(index)
    return true
  }

  #newStore(): TestStore {
    return new TestStore(testHost(this.disk, this.clock), this.settings)
  }

  #open(): void {
    this.test = this.#newStore()
    this.test.store.open()
  }

  /** Some messages in one turn, spread over queues, and the time after it. */
  async #turn(count: number, thenMs: number): Promise<void> {
    for (let i = 0; i < count; i++) this.#append(this.#next(150 * (i % 3)))
    await this.clock.settle()
    await this.clock.advance(thenMs)
  }

  /** Messages that go into one file. */
  async #batch(): Promise<void> {
    const messages = Array.from({ length: 4 }, () => ({ ...this.#next(30), topic: 'Batch', queueId: 0 }))
    this.test.store.reserve(4 * 250)
    for (const message of messages) this.#append(message)
    await this.clock.settle()
  }

  /** More than is written on the event loop, over several files. */
  async #largeTurn(): Promise<void> {
    for (let i = 0; i < 6; i++) this.#append(this.#next(15_000))
    await this.clock.settle()
  }

  async #expire(): Promise<void> {
    this.clock.setWallMs(this.clock.nowMs() + 2 * 3_600_000)
    this.history.hasRetentionBegun = true
    await this.test.store.deleteExpired()
  }

  #deleteTopic(topic: string): void {
    this.history.deleteTopic(this.test, topic)
  }

  /** Leaves room for the first file of a large turn, and not for the next. */
  #fillDisk(): void {
    const { totalBytes, freeBytes } = this.disk.space('/store')
    this.disk.capacityBytes = totalBytes - freeBytes + 40 * 1024
  }

  #freeDisk(): void {
    this.disk.capacityBytes = 64 * 1024 * 1024
  }

  /** A refusal is an answer, too. */
  #append(message: TestMessage): void {
    try {
      this.history.append(this.test, this.disk, message)
    } catch (error) {
      if (this.test.store.refusal === undefined && !this.disk.hasCrashed) throw error
      this.history.sent.delete(String(message.body))
    }
  }

  #next(bodyBytes: number): TestMessage {
    const number = this.#count++
    const topic = ['Orders', 'Orders', 'Gone', 'Orders', 'Other'][number % 5] as string
    return {
      ...{ topic, queueId: number % 2, waitsForDisk: number % 7 !== 3 },
      body: `${topic} ${number} ${'x'.repeat(bodyBytes)}`,
      properties: { KEYS: `key${number % 11}`, UNIQ_KEY: `id${number}`, TAGS: `tag${number % 3}` },
    }
  }
}
