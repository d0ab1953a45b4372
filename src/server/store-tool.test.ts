import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { Disk } from '../base/host.ts'
import { writeAll } from '../store/file-sequence.ts'
import { TestStore, testHost, testSettings } from '../store/test-store.ts'
import { storeTool } from './store-tool.ts'

const SETTINGS = testSettings({ commitLogFileBytes: 65_536, consumeQueueFileBytes: 20 * 100 })

/** A store that was stopped cleanly, with messages of two topics. */
async function stoppedStore(): Promise<ReturnType<typeof testHost>> {
  const host = testHost()
  const test = new TestStore(host, SETTINGS)
  test.store.open()
  for (let i = 0; i < 50; i++) {
    const topic = i % 2 === 0 ? 'orders' : 'bills'
    await test.send({ topic, queueId: i % 4, body: `m${i}`, properties: { KEYS: `k${i}` } })
  }
  await test.store.close()
  return host
}

function queueFile(disk: Disk, topic: string, queueId: number): string {
  const dir = `/store/consumequeue/${topic}/${queueId}`
  return `${dir}/${disk.listSync(dir)[0]}`
}

describe('storeTool', () => {
  it('finds a sound store sound, queue by queue', async () => {
    const { disk, ...host } = await stoppedStore()
    const report = storeTool({ disk, ...host }).check('/store')
    assert.deepEqual([report.records, report.isDamaged, report.wasKilled], [50, false, false])
    const queues = report.queues.map(({ topic, queueId, messages, maxOffset, holes, wrongEntries }) => {
      return [topic, queueId, messages, maxOffset, holes, wrongEntries]
    })
    assert.deepEqual(queues, [
      ['bills', 1, 13, 12, 0, 0],
      ['bills', 3, 12, 11, 0, 0],
      ['orders', 0, 13, 12, 0, 0],
      ['orders', 2, 12, 11, 0, 0],
    ])
  })

  it('sees an entry that points elsewhere, and mends it', async () => {
    const host = await stoppedStore()
    const tool = storeTool(host)
    const file = host.disk.openSync(queueFile(host.disk, 'orders', 0), 'write')
    writeAll(file, Buffer.from([0, 0, 0, 0, 0, 0, 0, 1]), 20 * 3)
    file.closeSync()
    const wrong = (): number =>
      tool.check('/store').queues.reduce((sum, { wrongEntries }) => sum + wrongEntries, 0)
    assert.equal(wrong(), 1)
    assert.equal(await tool.rebuild('/store'), 50)
    assert.equal(wrong(), 0)
    const test = new TestStore(host, SETTINGS)
    test.store.open()
    assert.equal(test.store.queues.existing('orders', 0)?.maxOffset, 13)
    await test.store.close()
  })

  it('says where a damaged log ends, and why', async () => {
    const host = await stoppedStore()
    const [name = ''] = host.disk.listSync('/store/commitlog')
    const file = host.disk.openSync(`/store/commitlog/${name}`, 'write')
    const before = storeTool(host).check('/store')
    writeAll(file, Buffer.from('rubbish'), before.end - 20)
    file.closeSync()
    const { records, isDamaged, reason } = storeTool(host).check('/store')
    assert.deepEqual([records, isDamaged], [49, true])
    assert.notEqual(reason, '')
  })

  it('hands over messages from an offset of the log on, until it is enough', async () => {
    const host = await stoppedStore()
    const bodies: string[] = []
    storeTool(host).dump('/store', 0, ({ body }) => bodies.push(body.toString()) < 3)
    assert.deepEqual(bodies, ['m0', 'm1', 'm2'])
  })

  it('leaves a store alone that a process has', async () => {
    const host = await stoppedStore()
    const test = new TestStore(host, SETTINGS)
    test.store.open()
    assert.throws(() => storeTool(host).check('/store'), { kind: 'storeLocked' })
    await test.store.close()
  })
})
