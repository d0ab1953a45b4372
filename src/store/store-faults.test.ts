import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { FaultFilter } from '../base/host/disk-faults.ts'
import { FaultyDisk } from '../base/host/faulty-disk.ts'
import { SeededRandom } from '../base/host/seeded-random.ts'
import { VirtualClock } from '../base/host/virtual-clock.ts'
import type { StoreSettings } from './store-settings.ts'
import { keyOffsets } from './test-history.ts'
import { type Answer, TEST_START_MS, TestStore, testHost, testSettings } from './test-store.ts'

const CAPACITY_BYTES = 64 * 1024 * 1024

/** Calls of one kind below a folder of the store. */
function calls(kind: string, folder: string): FaultFilter {
  return (op) => op.kind === kind && op.path.includes(folder)
}

function opened(
  overrides: Partial<StoreSettings> = {},
  disk?: FaultyDisk,
): { test: TestStore; disk: FaultyDisk } {
  const clock = new VirtualClock(TEST_START_MS)
  const faulty = disk ?? new FaultyDisk({ clock, capacityBytes: CAPACITY_BYTES })
  const test = new TestStore(testHost(faulty, clock), testSettings(overrides))
  test.store.open()
  return { test, disk: faulty }
}

/** Sends so many messages to T/0, all of which must be stored. @returns their bodies */
async function send(test: TestStore, count: number, prefix: string): Promise<string[]> {
  const bodies: string[] = []
  for (let i = 0; i < count; i++) {
    const body = `${prefix} ${i}`
    const { outcome } = await test.send({ topic: 'T', body, properties: { KEYS: body.replace(' ', '-') } })
    assert.equal(outcome, 'stored')
    bodies.push(body)
  }
  return bodies
}

/** Leaves so much room on the disk. */
function fillUpTo(disk: FaultyDisk, freeBytes: number): void {
  const space = disk.space('/store')
  disk.capacityBytes = space.totalBytes - space.freeBytes + freeBytes
}

/** What a store holds that comes after this one on its disk. */
async function bodiesAfter(disk: FaultyDisk, settings: StoreSettings): Promise<string[]> {
  const { test } = opened(settings, disk)
  const queue = test.store.queues.existing('T', 0)
  const bodies = await test.bodies('T')
  assert.equal(bodies.length, (queue?.maxOffset ?? 0) - (queue?.minOffset ?? 0))
  return bodies
}

function afterKill(disk: FaultyDisk): FaultyDisk {
  return disk.afterProcessKill()
}

function afterPowerLoss(disk: FaultyDisk): FaultyDisk {
  return disk.afterPowerLoss('lost', new SeededRandom(1))
}

describe('MessageStore on a full disk', () => {
  it('refuses with notWritable, keeps serving, and takes messages again within 5 s of room, without a restart (issues apache/rocketmq#2398, alibaba/RocketMQ#331)', async () => {
    const { test, disk } = opened()
    const bodies = await send(test, 30, 'before')
    for (let round = 0; round < 3; round++) {
      fillUpTo(disk, 4096)
      const answers: Answer[] = []
      for (let i = 0; i < 20; i++)
        test.append({ topic: 'T', body: Buffer.alloc(900) }, (answer) => answers.push(answer))
      await test.host.clock.settle()
      assert.deepEqual(new Set(answers.map(({ outcome }) => outcome)), new Set(['notWritable']))
      assert.equal(answers.length, 20)
      assert.throws(() => test.append({ topic: 'T' }), { kind: 'notWritable', message: /the disk is full/ })
      assert.deepEqual(await test.bodies('T'), bodies)
      await test.host.clock.advance(30_000)
      assert.throws(() => test.append({ topic: 'T' }), { kind: 'notWritable' })
      assert.deepEqual(await test.bodies('T'), bodies)
      disk.capacityBytes = CAPACITY_BYTES
      await test.host.clock.advance(5000)
      assert.equal(test.store.refusal, undefined)
      bodies.push(...(await send(test, 5, `after ${round}`)))
      assert.deepEqual(await test.bodies('T'), bodies)
    }
    assert.deepEqual(await bodiesAfter(afterKill(disk), test.store.settings), bodies)
  })

  it('makes room by deleting its oldest messages, though they filled it before the first checkpoint (issue apache/rocketmq#2260)', async () => {
    const { test, disk } = opened({
      commitLogFileBytes: 1024 * 1024,
      consumeQueueFileBytes: 20 * 1000,
      index: { slotCount: 100_000, entryCount: 1_000_000 },
    })
    disk.capacityBytes = 16 * 1024 * 1024
    await test.host.clock.advance(1100)
    let sentCount = 0
    while (test.store.refusal === undefined) {
      for (let i = 0; i < 200; i++)
        test.append({
          topic: 'T',
          body: Buffer.alloc(800, 'x'),
          properties: { KEYS: `k${sentCount++}` },
        })
      await test.host.clock.advance(20)
    }
    assert.deepEqual([test.store.log.minOffset, test.host.clock.monoMs() < 10_000], [0, true])
    await test.host.clock.advance(60_000)
    assert.equal(test.store.refusal, undefined)
    const { minOffset, end } = test.store.log
    assert(minOffset > 0 && end - minOffset > 8 * 1024 * 1024, `from ${minOffset} to ${end} are left`)
    assert.deepEqual(await keyOffsets(test, 'T', 'k0'), [])
    await send(test, 1, 'after')
    assert.equal((await keyOffsets(test, 'T', 'after-0')).length, 1)
    const closing = test.store.close()
    await test.host.clock.settle()
    await closing
  })

  it('still has room for metadata', async () => {
    const { test, disk } = opened()
    await test.host.clock.advance(1000)
    const reservedBytes = disk.statSync('/store/ternmq/reserve')?.sizeBytes ?? 0
    assert.equal(reservedBytes, CAPACITY_BYTES / 256)
    fillUpTo(disk, 0)
    test.append({ topic: 'T', body: 'x' })
    await test.host.clock.settle()
    assert.equal(disk.statSync('/store/ternmq/reserve'), undefined)
    const file = disk.openSync('/store/topics.json', 'create')
    assert.equal(file.writeSync([Buffer.alloc(reservedBytes - 4096, 1)], 0), reservedBytes - 4096)
    file.closeSync()
    await test.host.clock.advance(5000)
    assert.throws(
      () => test.append({ topic: 'T' }),
      { kind: 'notWritable' },
      'the room of the reserve is not for messages',
    )
    disk.capacityBytes = CAPACITY_BYTES
    await test.host.clock.advance(5000)
    assert.equal(disk.statSync('/store/ternmq/reserve')?.sizeBytes, reservedBytes)
    await send(test, 1, 'after')
    await test.store.close()
  })

  it('starts on it, serves, and takes messages when there is room', async () => {
    const { test, disk } = opened()
    const bodies = await send(test, 30, 'before')
    await test.host.clock.advance(1500)
    fillUpTo(disk, 0)
    const next = opened({}, afterKill(disk))
    assert.deepEqual(await next.test.bodies('T'), bodies)
    assert.throws(() => next.test.append({ topic: 'T' }), { kind: 'notWritable' })
    next.disk.capacityBytes = CAPACITY_BYTES
    await next.test.host.clock.advance(5000)
    bodies.push(...(await send(next.test, 3, 'after')))
    assert.deepEqual(await next.test.bodies('T'), bodies)
    await next.test.store.close()
  })

  it('takes back a turn of several files of which only the first found room', async () => {
    const { test, disk } = opened({ commitLogFileBytes: 16 * 1024 })
    const bodies = await send(test, 10, 'before')
    fillUpTo(disk, 16 * 1024)
    let refused = 0
    for (let i = 0; i < 40; i++) test.append({ topic: 'T', body: Buffer.alloc(1000) }, () => refused++)
    await test.host.clock.settle()
    assert.equal(refused, 40)
    disk.capacityBytes = CAPACITY_BYTES
    await test.host.clock.advance(5000)
    bodies.push(...(await send(test, 10, 'after')))
    assert.deepEqual(await bodiesAfter(afterKill(disk), test.store.settings), bodies)
  })

  it('refuses while the next file of the log cannot be made', async () => {
    const { test, disk } = opened()
    const bodies = await send(test, 5, 'before')
    const end = disk.fail(calls('create', '/commitlog/'), 'ENOSPC')
    let refused = 0
    for (let i = 0; i < 60; i++) {
      try {
        test.append({ topic: 'T', body: `m${i}` })
        if (refused === 0) bodies.push(`m${i}`)
      } catch (error) {
        assert.equal((error as { kind?: string }).kind, 'notWritable')
        refused++
      }
    }
    await test.host.clock.settle()
    assert(refused > 0)
    assert.deepEqual(await test.bodies('T'), bodies)
    end()
    bodies.push(...(await send(test, 20, 'after')))
    assert.deepEqual(await test.bodies('T'), bodies)
    assert.deepEqual(await bodiesAfter(afterKill(disk), test.store.settings), bodies)
  })

  for (const folder of ['/consumequeue/', '/index/', '/ternmq/positions', '/ternmq/queues', '/checkpoint']) {
    it(`loses nothing when ${folder} finds no room for a minute`, async () => {
      const { test, disk } = opened()
      const bodies = await send(test, 10, 'before')
      const end = disk.fail(calls('write', folder), 'ENOSPC')
      for (let second = 0; second < 60; second++) {
        await test.host.clock.advance(1000)
        if (test.store.refusal === undefined) bodies.push(...(await send(test, 1, `during ${second}`)))
      }
      assert.deepEqual(await test.bodies('T'), bodies)
      assert.deepEqual(await bodiesAfter(afterKill(disk), test.store.settings), bodies)
      void end
    })

    it(`gets over it when ${folder} finds room again`, async () => {
      const { test, disk } = opened()
      const bodies = await send(test, 10, 'before')
      const end = disk.fail(calls('write', folder), 'ENOSPC')
      await test.host.clock.advance(15_000)
      end()
      await test.host.clock.advance(5000)
      bodies.push(...(await send(test, 30, 'after')))
      await test.host.clock.advance(15_000)
      assert.deepEqual(await test.bodies('T'), bodies)
      for (const body of bodies)
        assert.equal((await keyOffsets(test, 'T', body.replace(' ', '-'))).length, 1, body)
      await test.store.close()
      const next = opened({}, afterPowerLoss(disk))
      assert.deepEqual(
        [next.test.store.recovery?.wasCleanStop, next.test.store.recovery?.scannedRecords],
        [true, 0],
      )
      assert.deepEqual(await next.test.bodies('T'), bodies)
    })
  }
})

describe('MessageStore whose disk fails to write', () => {
  it('goes on after a short write', async () => {
    const { test, disk } = opened()
    const end = disk.shorten(calls('write', '/commitlog/'), 17)
    const bodies = await send(test, 3, 'short')
    end()
    assert.deepEqual(await bodiesAfter(afterKill(disk), test.store.settings), bodies)
  })

  it('goes on after writes that end within a queue entry, and gives up when the disk takes no more than such a part', async () => {
    const { test, disk } = opened()
    const end = disk.shorten(calls('write', '/consumequeue/'), 7)
    const bodies = await send(test, 3, 'short')
    await test.host.clock.advance(1500)
    const full = disk.fail((op) => calls('write', '/consumequeue/')(op) && op.sizeBytes < 20, 'ENOSPC')
    bodies.push(...(await send(test, 1, 'cut off')))
    await test.host.clock.advance(1500)
    full()
    end()
    await test.host.clock.advance(5000)
    bodies.push(...(await send(test, 1, 'after')))
    await test.host.clock.advance(11_000)
    const next = opened({}, afterPowerLoss(disk))
    assert.equal(next.test.store.recovery?.scannedRecords, 0)
    assert.deepEqual(await next.test.bodies('T'), bodies)
  })

  it('refuses the messages of that turn, and only those', async () => {
    const { test, disk } = opened()
    const bodies = await send(test, 5, 'before')
    const end = disk.fail(calls('write', '/commitlog/'), 'EIO')
    const answers: Answer[] = []
    for (let i = 0; i < 5; i++)
      test.append({ topic: 'T', body: `lost ${i}` }, (answer) => answers.push(answer))
    await test.host.clock.settle()
    assert.deepEqual(
      answers.map(({ outcome, queueOffset }) => [outcome, queueOffset]),
      [5, 6, 7, 8, 9].map((at) => ['notWritable', at]),
    )
    end()
    bodies.push(...(await send(test, 2, 'after')))
    assert.deepEqual(await test.bodies('T'), bodies)
    assert.deepEqual(await bodiesAfter(afterKill(disk), test.store.settings), bodies)
  })

  it('takes back a turn over several files, of which nothing may come to life', async () => {
    const { test, disk } = opened()
    const bodies = await send(test, 5, 'before')
    // the turn fills two files, and the write to the third fails: what follows is of the same sizes
    const third = disk.fail((op) => calls('write', '/commitlog/')(op) && op.path.endsWith('8192'), 'EIO')
    const answers: Answer[] = []
    for (let i = 0; i < 12; i++)
      test.append({ topic: 'T', body: `gone ${i}`.padEnd(800) }, (answer) => answers.push(answer))
    await test.host.clock.settle()
    assert.equal(answers.filter(({ outcome }) => outcome === 'notWritable').length, 12)
    third()
    for (let i = 0; i < 6; i++) {
      const body = `kept ${i}`.padEnd(800)
      bodies.push(body)
      await test.send({ topic: 'T', body })
    }
    assert.deepEqual(await bodiesAfter(afterKill(disk), test.store.settings), bodies)
  })

  it('takes back a large turn, and what was appended while it was written', async () => {
    const { test, disk } = opened({ commitLogFileBytes: 1024 * 1024 })
    const bodies = await send(test, 3, 'before')
    let fail: () => void = () => undefined
    const stuck = new Promise<void>((_, reject) => {
      fail = () => reject(Object.assign(new Error('EIO: i/o error'), { code: 'EIO' }))
    })
    const end = disk.delay(calls('write', '/commitlog/'), () => stuck)
    const outcomes: string[] = []
    const note = ({ outcome }: Answer): number => outcomes.push(outcome)
    for (let i = 0; i < 10; i++) test.append({ topic: 'T', body: Buffer.alloc(10_000) }, note)
    await test.host.clock.settle()
    test.append({ topic: 'T', body: 'behind' }, note)
    await test.host.clock.settle()
    assert.deepEqual(outcomes, [])
    end()
    fail()
    await test.host.clock.settle()
    assert.deepEqual(outcomes, Array(11).fill('notWritable'))
    bodies.push(...(await send(test, 2, 'after')))
    assert.deepEqual(await bodiesAfter(afterKill(disk), test.store.settings), bodies)
  })

  it('takes no message in answer to a refusal while it takes back', async () => {
    const { test, disk } = opened()
    const bodies = await send(test, 2, 'before')
    const end = disk.fail(calls('write', '/commitlog/'), 'EIO')
    const errors: unknown[] = []
    const again = (): void => {
      try {
        test.append({ topic: 'T', body: 'again' })
      } catch (error) {
        errors.push(error)
      }
    }
    for (let i = 0; i < 3; i++) test.append({ topic: 'T', body: `lost ${i}` }, again)
    await test.host.clock.settle()
    end()
    assert.deepEqual(
      errors.map((error) => (error as { kind?: string }).kind),
      ['notWritable', 'notWritable', 'notWritable'],
    )
    bodies.push(...(await send(test, 2, 'after')))
    assert.deepEqual(await test.bodies('T'), bodies)
  })
})

describe('MessageStore whose disk fails to sync', () => {
  it('answers flushTimeout under SYNC_FLUSH, refuses, writes again, and then takes messages', async () => {
    const { test, disk } = opened({ flushDiskType: 'SYNC_FLUSH' })
    const bodies = await send(test, 3, 'before')
    const end = disk.fail(calls('datasync', '/commitlog/'), 'EIO')
    const outcomes: string[] = []
    for (let i = 0; i < 3; i++) {
      test.append({ topic: 'T', body: `late ${i}` }, ({ outcome }) => outcomes.push(outcome))
      bodies.push(`late ${i}`)
    }
    await test.host.clock.settle()
    assert.deepEqual(outcomes, ['flushTimeout', 'flushTimeout', 'flushTimeout'])
    assert.throws(() => test.append({ topic: 'T' }), {
      kind: 'notWritable',
      message: /failed to confirm the log/,
    })
    assert.deepEqual(await test.bodies('T'), bodies.slice(0, 3), 'nobody reads what may be lost')
    await test.host.clock.advance(5000)
    assert.throws(() => test.append({ topic: 'T' }), { kind: 'notWritable' })
    end()
    await test.host.clock.advance(2000)
    assert.deepEqual(await test.bodies('T'), bodies)
    bodies.push(...(await send(test, 2, 'after')))
    assert.deepEqual(await bodiesAfter(afterPowerLoss(disk), test.store.settings), bodies)
  })

  it('refuses under ASYNC_FLUSH until what may be lost is written again', async () => {
    const { test, disk } = opened()
    const bodies = await send(test, 3, 'before')
    const end = disk.fail(calls('datasync', '/commitlog/'), 'EIO')
    await test.host.clock.advance(600)
    assert.throws(() => test.append({ topic: 'T' }), { kind: 'notWritable' })
    assert.deepEqual(await test.bodies('T'), bodies)
    end()
    await test.host.clock.advance(2000)
    bodies.push(...(await send(test, 2, 'after')))
    await test.host.clock.advance(600)
    assert.deepEqual(await bodiesAfter(afterPowerLoss(disk), test.store.settings), bodies)
  })

  it('does not believe a second datasync when the first has failed', async () => {
    for (const flushDiskType of ['ASYNC_FLUSH', 'SYNC_FLUSH'] as const) {
      const { test, disk } = opened({ flushDiskType })
      await send(test, 3, 'before')
      await test.host.clock.advance(9000)
      let fail: () => void = () => undefined
      const held = new Promise<void>((_, reject) => {
        fail = () => reject(Object.assign(new Error('EIO: i/o error'), { code: 'EIO' }))
      })
      const end = disk.delay(calls('datasync', '/commitlog/'), () => held)
      test.append({ topic: 'T', body: 'held' })
      await test.host.clock.advance(3000)
      // the flush waits for the device; meanwhile the checkpoint has come, and wants the log durable too
      const { durableEnd } = test.store.log
      end()
      fail()
      await test.host.clock.settle()
      assert.equal(test.store.log.durableEnd, durableEnd, flushDiskType)
      assert.notEqual(test.store.refusal, undefined)
      await test.host.clock.advance(20_000)
      assert.equal(test.store.log.durableEnd, test.store.log.end)
      assert.equal((await bodiesAfter(afterPowerLoss(disk), test.store.settings)).at(-1), 'held')
    }
  })

  it('has the next process write again what this one could not, should it be killed before', async () => {
    for (const flushDiskType of ['ASYNC_FLUSH', 'SYNC_FLUSH'] as const) {
      const { test, disk } = opened({ flushDiskType })
      const bodies = await send(test, 3, 'before')
      await test.host.clock.advance(11_000)
      const end = disk.fail(calls('datasync', '/commitlog/'), 'EIO')
      test.append({ topic: 'T', body: 'unsaved' })
      bodies.push('unsaved')
      await test.host.clock.advance(600)
      end()
      const second = opened(test.store.settings, afterKill(disk))
      assert.deepEqual(await second.test.bodies('T'), bodies)
      assert.deepEqual(await bodiesAfter(afterPowerLoss(second.disk), test.store.settings), bodies)
    }
  })

  it('writes the files of queues again, too, before it says that they are durable', async () => {
    const { test, disk } = opened()
    const bodies = await send(test, 5, 'before')
    const end = disk.fail(calls('datasync', '/consumequeue/'), 'EIO')
    await test.host.clock.advance(11_000)
    end()
    await test.host.clock.advance(11_000)
    const next = opened({}, afterPowerLoss(disk))
    assert.equal(next.test.store.recovery?.scannedRecords, 0)
    assert.deepEqual(await next.test.bodies('T'), bodies)
  })

  it('writes no queue entry of a record that the device does not have (issue apache/rocketmq#6609)', async () => {
    const { test, disk } = opened()
    await send(test, 3, 'before')
    await test.host.clock.advance(10_500)
    const [name = ''] = disk.listSync('/store/consumequeue/T/0')
    const entryCount = (): number => {
      const entries = Buffer.alloc(400)
      disk.openSync(`/store/consumequeue/T/0/${name}`, 'read').readSync(entries, 0)
      return [...Array(20).keys()].filter((index) => entries.readInt32BE(index * 20 + 8) > 0).length
    }
    assert.equal(entryCount(), 3)
    const end = disk.delay(calls('datasync', '/commitlog/'), () => new Promise(() => undefined))
    await send(test, 5, 'after')
    await test.host.clock.advance(15_000)
    assert.equal(entryCount(), 3)
    // many entries more than a queue keeps in memory otherwise
    for (let i = 0; i < 3000; i++) test.append({ topic: 'T' })
    await test.host.clock.settle()
    assert.equal(entryCount(), 3)
    assert.equal((await test.bodies('T', 0, 7)).length, 3001)
    end()
  })

  it('answers flushTimeout after syncFlushTimeoutMs when the device hangs, and closes all the same', async () => {
    const { test, disk } = opened({ flushDiskType: 'SYNC_FLUSH' })
    const bodies = await send(test, 3, 'before')
    disk.delay(calls('datasync', '/commitlog/'), () => new Promise(() => undefined))
    const outcomes: [string, number][] = []
    const note = ({ outcome }: Answer): number => outcomes.push([outcome, test.host.clock.monoMs()])
    test.append({ topic: 'T', body: 'hangs' }, note)
    await test.host.clock.advance(100)
    test.append({ topic: 'T', body: 'hangs, too' }, note)
    await test.host.clock.advance(10_500)
    assert.deepEqual(outcomes, [
      ['flushTimeout', 5000],
      ['flushTimeout', 10_000],
    ])
    let isClosed = false
    void test.store.close().then(() => {
      isClosed = true
    })
    await test.host.clock.advance(10_000)
    assert(isClosed)
    assert.equal(test.host.clock.timerCount, 0)
    const next = opened({}, afterKill(disk))
    assert.equal(next.test.store.recovery?.wasCleanStop, false)
    assert.deepEqual((await next.test.bodies('T')).slice(0, 3), bodies)
  })

  it('answers those who wait when it is closed, and leaves the directory alone should the device come back', async () => {
    for (const flushDiskType of ['ASYNC_FLUSH', 'SYNC_FLUSH'] as const) {
      const { test, disk } = opened({ flushDiskType, syncFlushTimeoutMs: 1000 })
      let comeBack: () => void = () => undefined
      const held = new Promise<void>((resolve) => {
        comeBack = resolve
      })
      const end = disk.delay(calls('datasync', '/commitlog/'), () => held)
      const outcomes: string[] = []
      test.append({ topic: 'T', body: 'waits' }, ({ outcome }) => outcomes.push(outcome))
      await test.host.clock.settle()
      let isClosed = false
      void test.store.close().then(() => {
        isClosed = true
      })
      await test.host.clock.advance(2000)
      assert.deepEqual(
        [outcomes, isClosed],
        [[flushDiskType === 'SYNC_FLUSH' ? 'flushTimeout' : 'stored'], true],
      )
      end()
      // the lock is free for the next one
      const next = opened({}, disk)
      const { opCount } = disk
      comeBack()
      await test.host.clock.settle()
      assert.equal(disk.opCount, opCount)
      assert.deepEqual(await next.test.bodies('T'), ['waits'])
      await next.test.store.close()
    }
  })

  it('leaves no clean stop behind when the last sync fails', async () => {
    const { test, disk } = opened()
    const bodies = await send(test, 3, 'before')
    disk.fail(calls('datasync', '/commitlog/'), 'EIO')
    await test.store.close()
    assert.deepEqual(await bodiesAfter(afterKill(disk), test.store.settings), bodies)
  })

  it('stops cleanly where the ends of queues cannot be noted', async () => {
    const { test, disk } = opened()
    const bodies = await send(test, 3, 'before')
    const end = disk.fail(calls('write', '/queue-ends'), 'ENOSPC')
    await test.store.close()
    end()
    const next = opened({}, disk)
    assert.equal(next.test.store.recovery?.wasCleanStop, true)
    assert.deepEqual(await next.test.bodies('T'), bodies)
    await next.test.store.close()
  })
})

describe('MessageStore whose disk fails to read', () => {
  it('tells the reader, and goes on', async () => {
    for (const folder of ['/commitlog/', '/consumequeue/']) {
      const { test, disk } = opened()
      const bodies = await send(test, 100, 'cold')
      await test.store.close()
      const next = new TestStore(test.host, test.store.settings)
      next.store.open()
      assert.equal(next.store.queues.existing('T', 0)?.maxOffset, 100)
      const end = disk.fail(calls('read', folder), 'EIO')
      await assert.rejects(next.bodies('T', 0, 0), { code: 'EIO' })
      await send(next, 1, 'new')
      end()
      assert.deepEqual(await next.bodies('T'), [...bodies, 'new 0'])
      await next.store.close()
    }
  })

  it('does not open, and gives the directory back', async () => {
    const { test, disk } = opened()
    const bodies = await send(test, 10, 'before')
    const killed = afterKill(disk)
    const end = killed.fail(calls('read', '/commitlog/'), 'EIO')
    assert.throws(() => opened({}, killed), { code: 'EIO' })
    end()
    assert.deepEqual(await bodiesAfter(killed, test.store.settings), bodies)
  })
})
