import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { FaultyDisk } from '../base/host/faulty-disk.ts'
import { SeededRandom } from '../base/host/seeded-random.ts'
import { VirtualClock } from '../base/host/virtual-clock.ts'
import type { Logger } from '../base/host.ts'
import { silentLog, TEST_START_MS, TestStore, testHost, testSettings } from './test-store.ts'

function opened(
  disk = new FaultyDisk({ clock: new VirtualClock(TEST_START_MS) }),
  log: Logger = silentLog,
): {
  test: TestStore
  disk: FaultyDisk
} {
  const test = new TestStore(testHost(disk, new VirtualClock(TEST_START_MS), log), testSettings())
  test.store.open()
  return { test, disk }
}

async function send(test: TestStore, count: number, topic = 'T'): Promise<number[]> {
  const offsets: number[] = []
  for (let i = 0; i < count; i++)
    offsets.push((await test.send({ topic, body: `${topic} ${i}` })).physicalOffset)
  return offsets
}

function remove(disk: FaultyDisk, path: string): void {
  if (!disk.statSync(path)?.isDirectory) {
    disk.unlinkSync(path)
    return
  }
  for (const name of disk.listSync(path)) remove(disk, `${path}/${name}`)
  disk.rmdirSync(path)
}

function powerLoss(disk: FaultyDisk): FaultyDisk {
  return disk.afterPowerLoss('lost', new SeededRandom(1))
}

/** Makes zeros of a queue's entries from this one on. */
function zero(disk: FaultyDisk, topic: string, from: number): void {
  const file = disk.openSync(`/store/consumequeue/${topic}/0/${'0'.repeat(20)}`, 'write')
  file.writeSync([Buffer.alloc(file.sizeSync() - from * 20)], from * 20)
  file.closeSync()
}

const FIRST_FILE = '/store/commitlog/00000000000000000000'

describe('Recovery', () => {
  it('cuts for good: what stood behind a bad record does not come back behind a new one', async () => {
    const { test, disk } = opened()
    const at = await send(test, 8)
    await test.host.clock.advance(600)
    const killed = powerLoss(disk)
    killed.corrupt(FIRST_FILE, (at[5] ?? 0) + 90, 1)
    const cut = opened(killed)
    assert.deepEqual([cut.test.store.log.end, cut.test.store.recovery?.cut?.recordCount], [at[5], 2])
    assert.equal(cut.test.store.queues.existing('T', 0)?.maxOffset, 5)
    await cut.test.store.close()
    const after = opened(powerLoss(cut.disk))
    assert.equal(after.test.store.recovery?.wasCleanStop, true)
    // as long as the bad one, so that the valid ones behind it would follow at their own offsets
    await after.test.send({ topic: 'T', body: 'T X' })
    const last = opened(after.disk.afterProcessKill())
    assert.deepEqual(await last.test.bodies('T'), ['T 0', 'T 1', 'T 2', 'T 3', 'T 4', 'T X'])
    assert.equal(last.test.store.recovery?.cut, undefined)
  })

  it('scans little of a log that has grown fast: much to do brings the next checkpoint early', async () => {
    const disk = new FaultyDisk({ clock: new VirtualClock(TEST_START_MS) })
    const settings = testSettings({ commitLogFileBytes: 64 * 1024 * 1024, index: undefined })
    const test = new TestStore(testHost(disk, new VirtualClock(TEST_START_MS)), settings)
    test.store.open()
    const body = Buffer.alloc(4 * 1024 * 1024, 'x')
    for (let i = 0; i < 45; i++) {
      await test.send({ topic: 'T', body })
      await test.host.clock.advance(100)
    }
    assert(test.host.clock.monoMs() < 10_000)
    const next = new TestStore(testHost(disk.afterProcessKill()), settings)
    const { scannedRecords = 0 } = next.store.open()
    assert(scannedRecords > 0 && scannedRecords < 20, `${scannedRecords} of 45 messages were scanned`)
    assert.equal(next.store.queues.existing('T', 0)?.maxOffset, 45)
  })

  it('sees a changed time, which nothing else covers, where records have a CRC over all of them', async () => {
    for (const appendsCrc of [false, true]) {
      const disk = new FaultyDisk({ clock: new VirtualClock(TEST_START_MS) })
      const settings = testSettings({ appendsCrc })
      const test = new TestStore(testHost(disk), settings)
      test.store.open()
      const at = await send(test, 3)
      const killed = disk.afterProcessKill()
      killed.corrupt(FIRST_FILE, (at[1] ?? 0) + 45, 1)
      const next = new TestStore(testHost(killed), settings)
      const { cut } = next.store.open()
      assert.equal(cut?.reason, appendsCrc ? 'CRC property' : undefined)
      assert.deepEqual(await next.bodies('T'), appendsCrc ? ['T 0'] : ['T 0', 'T 1', 'T 2'])
    }
  })

  it('keeps a message of a topic that was made anew, though the log has an older one at its offset', async () => {
    for (const isKilled of [false, true]) {
      const { test, disk } = opened()
      await send(test, 30)
      test.store.deleteTopic('T')
      assert.equal(test.store.queues.existing('T', 0), undefined)
      assert.equal((await test.send({ topic: 'T', body: 'new' })).queueOffset, 0)
      if (!isKilled) await test.store.close()
      const image = disk.afterProcessKill()
      assert.deepEqual(await opened(image.afterProcessKill()).test.bodies('T'), ['new'])
      // and when everything is built again from the log
      const damaged = image.afterProcessKill()
      remove(damaged, '/store/consumequeue')
      const rebuilt = opened(damaged)
      // killed before the first checkpoint, the whole log is dispatched anyway
      assert.equal(rebuilt.test.store.recovery?.wereQueuesRebuilt, !isKilled)
      assert.deepEqual(await rebuilt.test.bodies('T'), ['new'])
    }
  })

  it('forgets a deletion with the last record of the topic, and when the log was cut before it', async () => {
    const { test, disk } = opened()
    await send(test, 3)
    await test.host.clock.advance(600)
    await send(test, 3)
    test.store.deleteTopic('T')
    // the second three were not durable: what comes in their place belongs to the new topic
    const next = opened(powerLoss(disk))
    for (let i = 0; i < 3; i++)
      assert.equal((await next.test.send({ topic: 'T', body: `new ${i}` })).queueOffset, i)
    const last = opened(next.disk.afterProcessKill())
    assert.deepEqual(await last.test.bodies('T'), ['new 0', 'new 1', 'new 2'])
  })

  it('refuses what was sent to a topic while that was deleted, and reads nothing of it', async () => {
    const { test } = opened()
    await send(test, 3)
    const queue = test.store.queues.existing('T', 0)
    assert(queue)
    test.append({ topic: 'T', body: 'on the way' })
    test.store.deleteTopic('T')
    await test.host.clock.settle()
    assert.equal(queue.isDeleted, true)
    const request = { queueOffset: 0, countMax: 32, bytesMax: 1024, filter: undefined }
    assert.equal(test.store.reader.read(queue, request), 'NO_MESSAGE_IN_QUEUE')
    await test.host.clock.advance(12_000)
    assert.equal(test.store.queues.existing('T', 0), undefined, 'no flush makes its folder again')
    await test.store.close()
  })

  it('scans the log when the positions belong to another', async () => {
    const one = opened()
    await send(one.test, 10)
    await one.test.store.close()
    const other = opened()
    for (let i = 0; i < 10; i++) await other.test.send({ topic: 'T', body: `other ${'x'.repeat(i)}` })
    await other.test.store.close()
    const file = one.disk.openSync('/store/ternmq/positions', 'read')
    const positions = Buffer.alloc(file.sizeSync())
    file.readSync(positions, 0)
    const target = other.disk.openSync('/store/ternmq/positions', 'create')
    target.truncateSync(0)
    target.writeSync([positions], 0)
    const warnings: string[] = []
    const next = opened(other.disk, { ...silentLog, warn: (_, text) => warnings.push(text) })
    assert.deepEqual(warnings, ['positions of another log: the store is scanned instead'])
    assert.equal(next.test.store.recovery?.scannedRecords, 10)
    assert.equal((await next.test.bodies('T')).length, 10)
  })

  it('builds the end of a queue again whose last entries were damaged after a clean stop', async () => {
    const { test, disk } = opened()
    await send(test, 5)
    await send(test, 5, 'Other')
    await test.store.close()
    const queueFile = `/store/consumequeue/T/0/${'0'.repeat(20)}`
    // lowest byte of the lengths of the last two
    for (const index of [3, 4]) disk.corrupt(queueFile, index * 20 + 11, 1)
    const warnings: object[] = []
    const next = opened(disk, { ...silentLog, warn: (fields) => void warnings.push(fields) })
    assert.deepEqual(await next.test.bodies('T'), ['T 0', 'T 1', 'T 2', 'T 3', 'T 4'])
    assert.deepEqual(warnings, [{ topic: 'T', queueId: 0, maxOffset: 3, records: 2 }])
    assert.equal((await next.test.send({ topic: 'T', body: 'T 5' })).queueOffset, 5)
    await next.test.store.close()
    const last = opened(next.disk)
    assert.equal((await last.test.bodies('T')).length, 6)
    await last.test.store.close()
  })

  it('completes queues whose last entries became zeros after a clean stop', async () => {
    const { test, disk } = opened()
    await send(test, 5)
    await send(test, 1, 'Single')
    await send(test, 15, 'Long')
    await send(test, 5, 'Sound')
    await test.store.close()
    zero(disk, 'T', 4)
    zero(disk, 'Single', 0)
    zero(disk, 'Long', 5)
    const warnings: object[] = []
    const next = opened(disk, { ...silentLog, warn: (fields) => void warnings.push(fields) })
    assert.deepEqual(await next.test.bodies('T'), ['T 0', 'T 1', 'T 2', 'T 3', 'T 4'])
    assert.deepEqual(await next.test.bodies('Single'), ['Single 0'])
    assert.deepEqual((await next.test.bodies('Long')).slice(-1), ['Long 14'])
    assert.equal((await next.test.bodies('Sound')).length, 5)
    assert.deepEqual(warnings, [
      { topic: 'T', queueId: 0, maxOffset: 4, records: 1 },
      { topic: 'Single', queueId: 0, maxOffset: 0, records: 1 },
      { topic: 'Long', queueId: 0, maxOffset: 5, records: 10 },
    ])
    assert.equal((await next.test.send({ topic: 'T', body: 'T 5' })).queueOffset, 5)
    await next.test.store.close()
    // of queues that nobody has used in between it is known as well
    zero(disk, 'Sound', 4)
    const idle = opened(disk)
    await idle.test.store.close()
    const last = opened(disk.afterProcessKill())
    assert.equal((await last.test.bodies('Sound')).length, 5)
    assert.equal((await last.test.bodies('T')).length, 6)
    await last.test.store.close()
  })

  it('completes a queue of a topic that was deleted and came again with what came since', async () => {
    const { test, disk } = opened()
    await send(test, 9)
    test.store.deleteTopic('T')
    for (let i = 0; i < 3; i++) await test.send({ topic: 'T', body: `new ${i}` })
    await test.store.close()
    zero(disk, 'T', 0)
    const next = opened(disk)
    assert.deepEqual(await next.test.bodies('T'), ['new 0', 'new 1', 'new 2'])
    // nothing of what was noted comes back with a deleted topic, neither after a kill nor after a clean stop
    next.test.store.deleteTopic('T')
    const killed = opened(disk.afterProcessKill())
    assert.equal((await killed.test.send({ topic: 'T', body: 'newer' })).queueOffset, 0)
    await killed.test.store.close()
    const again = opened(killed.disk)
    again.test.store.deleteTopic('T')
    await again.test.store.close()
    const last = opened(again.disk)
    assert.equal((await last.test.send({ topic: 'T', body: 'newest' })).queueOffset, 0)
    await last.test.store.close()
  })

  it('says what it deletes and why', async () => {
    const { test, disk } = opened()
    const at = await send(test, 100)
    await test.host.clock.advance(600)
    const killed = powerLoss(disk)
    killed.corrupt(FIRST_FILE, (at[5] ?? 0) + 90, 1)
    const said: [string, object][] = []
    const note = (fields: object, text: string): void => void said.push([text, fields])
    opened(killed, { debug: note, info: note, warn: note, error: note })
    const texts = said.map(([text]) => text)
    assert.equal(texts.filter((text) => text === 'log file deleted: it stood behind the cut').length, 2)
    assert(texts.includes('the log was cut at its first bad record; what stood behind is kept aside'))
  })
})

describe('A start of the store', () => {
  it('writes and syncs next to nothing after a clean stop', async () => {
    const { test } = opened(new FaultyDisk({ clock: new VirtualClock(TEST_START_MS), record: true }))
    await send(test, 100)
    await test.store.close()
    const disk = test.host.disk as FaultyDisk
    const before = disk.opCount
    opened(disk)
    const ops = disk.ops.slice(before).map(({ kind, path }) => `${kind} ${path}`)
    assert.deepEqual(ops, [
      'create /store/abort',
      'truncate /store/abort',
      'write /store/abort',
      'syncDir /store',
    ])
  })

  it('looks for the files of very many queues of a topic at once', async () => {
    const { test, disk } = opened()
    for (const queueId of [3, 999]) await test.send({ topic: 'T', queueId, body: `in ${queueId}` })
    await test.store.close()
    const next = opened(disk)
    const looks: string[] = []
    disk.fail((op) => {
      if (op.path.includes('/consumequeue/')) looks.push(op.path)
      return false
    }, 'EIO')
    const topic = next.test.store.topic('T')
    const ends = Array.from({ length: 1000 }, (_, id) => next.test.store.queues.queue(topic, id).maxOffset)
    assert.deepEqual([ends[3], ends[999], ends.reduce((sum, end) => sum + end)], [1, 1, 2])
    assert(looks.length < 40, `${looks.length} looks`)
    assert.deepEqual(await next.test.bodies('T', 999), ['in 999'])
    await next.test.send({ topic: 'T', queueId: 500, body: 'new' })
    await next.test.store.close()
    const last = opened(disk)
    for (let id = 0; id < 1000; id++) last.test.store.queues.queue(last.test.store.topic('T'), id)
    assert.deepEqual(await last.test.bodies('T', 500), ['new'])
    await last.test.store.close()
  })

  it('opens no queue that is not used, however many there are', async () => {
    const { test, disk } = opened(new FaultyDisk({ clock: new VirtualClock(TEST_START_MS), record: true }))
    for (let i = 0; i < 200; i++) await test.send({ topic: `Topic${i}`, queueId: i % 3 })
    await test.store.close()
    const reads: string[] = []
    disk.fail((op) => {
      if (op.path.includes('/consumequeue/')) reads.push(`${op.kind} ${op.path}`)
      return false
    }, 'EIO')
    const next = opened(disk)
    assert.equal(reads.length, 0, reads.join())
    assert.deepEqual(await next.test.bodies('Topic7', 1), ['body'])
    assert(
      reads.every((read) => read.includes('/Topic7/')),
      reads.join(),
    )
    await next.test.store.close()
  })
})
