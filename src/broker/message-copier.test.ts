import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { FaultyDisk } from '../base/host/faulty-disk.ts'
import { VirtualClock } from '../base/host/virtual-clock.ts'
import { PropertyName } from '../protocol/message-properties.ts'
import { TEST_START_MS, testHost } from '../store/test-store.ts'
import { TestBroker } from './test-broker.ts'

describe('MessageCopier', () => {
  it('does not copy the CRC of a record, which would be wrong for the copy: recovery would cut the log there', async () => {
    for (const appendsCrc of [false, true]) {
      const clock = new VirtualClock(TEST_START_MS)
      const disk = new FaultyDisk({ clock })
      const first = TestBroker.open({ host: testHost(disk, clock), store: { appendsCrc: true } })
      first.topic('orders')
      await first.send({ topic: 'orders', body: 'later', properties: { DELAY: '1' } })
      await first.close()
      const second = TestBroker.open({ host: testHost(disk, clock), store: { appendsCrc } })
      await clock.advance(2000)
      await second.send({ topic: 'orders', body: 'last' })
      const [copy] = await second.messages('orders', 0)
      assert.equal(copy?.properties.has(PropertyName.CRC32), appendsCrc)
      const third = TestBroker.open({
        host: testHost(disk.afterProcessKill(), new VirtualClock(clock.nowMs())),
      })
      assert.equal(third.broker.store.recovery?.cut, undefined)
      assert.deepEqual(await third.bodies('orders'), ['later', 'last'])
    }
  })
})
