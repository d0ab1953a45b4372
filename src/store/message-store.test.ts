import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { TestStore, testHost, testSettings } from './test-store.ts'

async function reopened(before: TestStore): Promise<TestStore> {
  await before.store.close()
  const after = new TestStore(testHost(before.host.disk, before.host.clock), before.store.settings)
  after.store.open()
  return after
}

describe('MessageStore', () => {
  it('stores messages in the turn they come in, and gives them back', async () => {
    const test = new TestStore()
    test.store.open()
    const answers: number[] = []
    for (let i = 0; i < 5; i++)
      test.append({ topic: 'T', body: `m${i}` }, ({ queueOffset }) => answers.push(queueOffset))
    assert.deepEqual(answers, [])
    assert.equal(test.store.queues.existing('T', 0)?.maxOffset, 0, 'not to be seen before it is written')
    await test.host.clock.settle()
    assert.deepEqual(answers, [0, 1, 2, 3, 4])
    assert.deepEqual(await test.bodies('T'), ['m0', 'm1', 'm2', 'm3', 'm4'])
    await test.store.close()
  })

  it('rolls its files and finds everything again after a clean stop', async () => {
    let test = new TestStore()
    test.store.open()
    const sent: string[] = []
    for (let i = 0; i < 300; i++) {
      const body = `message ${i} ${'x'.repeat(i % 90)}`
      sent.push(body)
      const { outcome, queueOffset } = await test.send({ topic: 'T', queueId: 1, body })
      assert.deepEqual([outcome, queueOffset], ['stored', i])
    }
    assert.ok(test.store.log.files.fileCount > 10)
    assert.deepEqual(await test.bodies('T', 1), sent)
    test = await reopened(test)
    assert.equal(test.store.recovery?.scannedRecords, 0)
    assert.equal(test.store.recovery?.wasCleanStop, true)
    assert.deepEqual(await test.bodies('T', 1), sent)
    const { queueOffset } = await test.send({ topic: 'T', queueId: 1 })
    assert.equal(queueOffset, 300)
    await test.store.close()
  })

  it('refuses a message that fits no file, and stays well', async () => {
    const test = new TestStore()
    test.store.open()
    assert.throws(() => test.append({ topic: 'T', body: Buffer.alloc(5000) }), { kind: 'messageIllegal' })
    assert.equal((await test.send({ topic: 'T' })).outcome, 'stored')
    await test.store.close()
  })

  it('answers under SYNC_FLUSH when the device has the message, or at once with WAIT=false', async () => {
    const test = new TestStore(testHost(), testSettings({ flushDiskType: 'SYNC_FLUSH' }))
    test.store.open()
    const order: string[] = []
    test.append({ topic: 'T', body: 'waits' }, () => order.push('waits'))
    test.append({ topic: 'T', body: 'does not', waitsForDisk: false }, () => order.push('does not'))
    await test.host.clock.settle()
    assert.deepEqual(order, ['does not', 'waits'])
    assert.deepEqual(await test.bodies('T'), ['waits', 'does not'])
    await test.store.close()
  })

  it('builds queues again that were taken away', async () => {
    let test = new TestStore()
    test.store.open()
    for (let i = 0; i < 50; i++)
      await test.send({ topic: 'T', queueId: i % 3, body: `m${i}`, properties: { TAGS: 'A', KEYS: `k${i}` } })
    await test.store.close()
    const { disk } = test.host
    for (const queueId of disk.listSync('/store/consumequeue/T')) {
      const dir = `/store/consumequeue/T/${queueId}`
      for (const name of disk.listSync(dir)) disk.unlinkSync(`${dir}/${name}`)
      disk.rmdirSync(dir)
    }
    disk.rmdirSync('/store/consumequeue/T')
    test = new TestStore(test.host, test.store.settings)
    test.store.open()
    assert.deepEqual(
      (await test.records('T', 1)).map(({ queueOffset }) => queueOffset),
      [...Array(17).keys()],
    )
    assert.equal((await test.send({ topic: 'T', queueId: 1 })).queueOffset, 17)
    await test.store.close()
  })

  it('writes the entries of a queue a slice a turn', async () => {
    const bytes = { commitLogFileBytes: 8 * 1024 * 1024, consumeQueueFileBytes: 20 * 300_000 }
    const test = new TestStore(testHost(), testSettings({ ...bytes, index: undefined }))
    test.store.open()
    for (let i = 0; i < 20_000; i++) test.append({ topic: 'T' })
    await test.host.clock.advance(600)
    let pauseCount = 0
    const pause = async (): Promise<void> => {
      pauseCount++
    }
    await test.store.queues.save({ beforeWrite: () => undefined, pause, onSyncFailed: () => undefined })
    assert.equal(pauseCount, 2)
    assert.equal(test.store.queues.existing('T', 0)?.hasUnflushed, false)
    await test.store.close()
  })

  it('refuses a directory that another store has open', async () => {
    const test = new TestStore()
    test.store.open()
    const second = new TestStore(test.host)
    assert.throws(() => second.store.open(), { kind: 'storeLocked' })
    await test.store.close()
  })
})
