import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { FaultyDisk } from '../base/host/faulty-disk.ts'
import { SeededRandom } from '../base/host/seeded-random.ts'
import { VirtualClock } from '../base/host/virtual-clock.ts'
import type { Logger } from '../base/host.ts'
import { writeCheckpoint } from './store-checkpoint.ts'
import { filesBelow } from './test-archive.ts'
import { silentLog, TEST_START_MS, TestStore, testHost, testSettings } from './test-store.ts'

function opened(disk = new FaultyDisk({ clock: new VirtualClock(TEST_START_MS) }), log: Logger = silentLog) {
  const test = new TestStore(testHost(disk, new VirtualClock(TEST_START_MS), log), testSettings())
  test.store.open()
  return { test, disk }
}

/** Sends to queues 0 to 2 of T, so many that log and queues have several files. @returns bodies by queue */
async function filled(test: TestStore): Promise<string[][]> {
  const bodies: string[][] = [[], [], []]
  for (let i = 0; i < 120; i++) {
    const body = `message ${i}`.padEnd(60)
    bodies[i % 3]?.push(body)
    await test.send({ topic: 'T', queueId: i % 3, body, properties: { TAGS: `t${i % 5}`, KEYS: `k${i}` } })
  }
  return bodies
}

async function bodiesOf(test: TestStore): Promise<string[][]> {
  return Promise.all([0, 1, 2].map((queueId) => test.bodies('T', queueId)))
}

function remove(disk: FaultyDisk, path: string): void {
  if (!disk.statSync(path)?.isDirectory) {
    disk.unlinkSync(path)
    return
  }
  for (const name of disk.listSync(path)) remove(disk, `${path}/${name}`)
  disk.rmdirSync(path)
}

function queueFiles(disk: FaultyDisk): Map<string, Buffer> {
  return filesBelow(disk, '/store/consumequeue')
}

const LOG_DIR = '/store/commitlog'

// what users of RocketMQ have met (the rules R1 to R23 that follow from it stand beside the code)
describe('A store in a situation of an issue of RocketMQ', () => {
  it('apache/rocketmq#405, #1434: dispatches all that the queues lack, not only from the last file of the log', async () => {
    const { test, disk } = opened()
    const bodies = await filled(test)
    const { fileCount } = test.store.log.files
    assert(fileCount > 3)
    // the log is durable, of the queues nothing is
    await test.store.log.datasync()
    const next = opened(disk.afterPowerLoss('lost', new SeededRandom(1)))
    assert.equal(next.test.store.recovery?.scannedRecords, 120)
    assert.deepEqual(await bodiesOf(next.test), bodies)
  })

  it('apache/rocketmq#405: builds queues from the log alone that are the same to the byte', async () => {
    const { test, disk } = opened()
    await filled(test)
    await test.store.close()
    const before = queueFiles(disk)
    remove(disk, '/store/consumequeue')
    remove(disk, '/store/index')
    const next = opened(disk)
    await next.test.store.close()
    assert.deepEqual(queueFiles(disk), before)
  })

  it('apache/rocketmq#467: goes on where the queues end, also when it dies while it dispatches', async () => {
    const { test, disk } = opened()
    const bodies = await filled(test)
    await test.host.clock.advance(1200)
    let image = disk.afterProcessKill()
    for (let crash = 0; crash < 5; crash++) {
      // a start that dies a little later each time, with some of its work done
      image.crashAt(3 + 4 * crash, 0.5)
      assert.throws(() => opened(image))
      image = image.afterProcessKill()
    }
    const last = opened(image)
    assert.deepEqual(await bodiesOf(last.test), bodies)
    for (const queueId of [0, 1, 2]) {
      const records = await last.test.records('T', queueId)
      assert.deepEqual(
        records.map(({ queueOffset }) => queueOffset),
        [...Array(40).keys()],
      )
    }
  })

  it('apache/rocketmq#467: never appends an entry over a gap', () => {
    const { test } = opened()
    const queue = test.store.queues.queue(test.store.topic('T'), 0)
    queue.append(0, 0, 100, 0)
    assert.throws(() => queue.append(2, 200, 100, 0), { kind: 'internal', message: /entry 2 .* ends at 1/ })
    assert.equal(queue.maxOffset, 1)
  })

  it('apache/rocketmq#678: believes no time of a checkpoint that says more than is true', async () => {
    const { test, disk } = opened()
    const bodies = await filled(test)
    await test.store.log.datasync()
    const image = disk.afterPowerLoss('lost', new SeededRandom(1))
    const future = TEST_START_MS + 1_000_000
    const times = { physicMsgTimestamp: future, logicsMsgTimestamp: future, indexMsgTimestamp: future }
    writeCheckpoint(image, '/store/checkpoint', times)
    assert.deepEqual(await bodiesOf(opened(image).test), bodies)
  })

  it('apache/rocketmq#678: notes no position before what it vouches for is durable', async () => {
    const { test, disk } = opened()
    await filled(test)
    const order: string[] = []
    disk.fail(({ kind, path, to }) => {
      if (kind === 'datasync' && path.includes('/consumequeue/')) order.push('queue')
      if (kind === 'rename' && to.endsWith('/positions')) order.push('positions')
      return false
    }, 'EIO')
    await test.host.clock.advance(11_000)
    assert(order.length > 6 && order.indexOf('positions') === order.length - 1, order.join())
  })

  it('apache/rocketmq#2140, #2141: does not open a log of which a file is missing, and says which', async () => {
    const { test, disk } = opened()
    const bodies = await filled(test)
    await test.store.close()
    const [, second = ''] = disk.listSync(LOG_DIR)
    const aside = `/store/${second}`
    disk.renameSync(`${LOG_DIR}/${second}`, aside)
    assert.throws(() => opened(disk), {
      kind: 'storeUnreadable',
      message: new RegExp(`${second} is missing`),
    })
    disk.renameSync(aside, `${LOG_DIR}/${second}`)
    assert.deepEqual(await bodiesOf(opened(disk).test), bodies)
  })

  it('apache/rocketmq#2140: serves what stands around a missing file where it is told to, also when queues are built again', async () => {
    const { test, disk } = opened()
    const bodies = await filled(test)
    await test.store.close()
    const names = disk.listSync(LOG_DIR)
    const [from, end] = [Number(names[1]), Number(names[3])]
    for (const name of names.slice(1, 3)) disk.unlinkSync(`${LOG_DIR}/${name}`)
    const accepting = (): TestStore => {
      const next = new TestStore(testHost(disk), testSettings({ acceptsHole: true }))
      next.store.open()
      return next
    }
    let next = accepting()
    const rest = await Promise.all([0, 1, 2].map((queueId) => next.records('T', queueId)))
    const kept = rest.map((records) => records.map(({ body }) => body))
    const lost = bodies.map((all, queueId) => all.filter((body) => !kept[queueId]?.includes(body)))
    assert(lost.every(({ length }) => length > 0))
    assert.deepEqual(
      kept,
      bodies.map((all, queueId) => all.filter((body) => !lost[queueId]?.includes(body))),
      'in order, the first and the last among them',
    )
    for (const { physicalOffset } of rest.flat()) assert(physicalOffset < from || physicalOffset >= end)
    const { queueOffset } = await next.send({ topic: 'T', body: 'new' })
    assert.equal(queueOffset, bodies[0]?.length, 'offsets go on where they were')
    await next.store.close()
    // no more need to be accepted: the same hole is known
    next = opened(disk).test
    assert.deepEqual((await next.bodies('T')).at(-1), 'new')
    await next.store.close()
    remove(disk, '/store/consumequeue')
    next = opened(disk).test
    assert.deepEqual(await next.bodies('T', 1), kept[1])
    const queue = next.store.queues.existing('T', 1)
    assert.equal(queue?.maxOffset, bodies[1]?.length)
    const last = rest[1]?.at(-1)
    assert.equal(queue && next.store.offsetByTime(queue, last?.storedMs ?? 0, 'UPPER'), last?.queueOffset)
    await next.store.close()
  })

  it('apache/rocketmq#2140: says of each file that it deletes which, and why', async () => {
    const said: { text: string; fields: object }[] = []
    const note = (fields: object, text: string): void => void said.push({ text, fields })
    const { test, disk } = opened(undefined, { debug: note, info: note, warn: note, error: note })
    await filled(test)
    await test.host.clock.advance(11_000)
    test.host.clock.setWallMs(test.host.clock.nowMs() + 80 * 3_600_000)
    const before = disk.listSync(LOG_DIR)
    const count = await test.store.deleteExpired()
    const deleted = said.filter(({ text }) => text === 'log file deleted').map(({ fields }) => fields)
    assert(count > 0)
    assert.deepEqual(
      deleted,
      before.slice(0, count).map((name) => ({ path: `${LOG_DIR}/${name}`, reason: 'expired' })),
    )
  })

  it('apache/rocketmq#1055, #1568, #1569: keeps a damaged record aside, counts it, and goes on', async () => {
    const { test, disk } = opened()
    await filled(test)
    const [record] = (await test.records('T', 2)).slice(-3)
    const image = disk.afterProcessKill()
    const { physicalOffset = 0 } = record ?? {}
    const start = physicalOffset - (physicalOffset % 4096)
    image.corrupt(`${LOG_DIR}/${String(start).padStart(20, '0')}`, physicalOffset - start + 4, 0xff)
    const next = opened(image)
    const { cut } = next.test.store.recovery ?? {}
    assert.deepEqual([cut?.offset, cut?.recordCount], [physicalOffset, 6])
    assert.match(cut?.reason ?? '', /magic/)
    assert.equal(image.statSync(cut?.copiedTo ?? '')?.sizeBytes, cut?.bytes)
    assert.equal(next.test.store.recordAt(physicalOffset), undefined)
    assert.equal((await next.test.send({ topic: 'T', queueId: 2, body: 'after' })).outcome, 'stored')
    assert.equal((await next.test.bodies('T', 2)).at(-1), 'after')
  })
})
