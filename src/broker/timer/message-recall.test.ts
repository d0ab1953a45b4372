import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { hostBytes } from '../../protocol/message-codec.ts'
import { recallHandleText } from '../../protocol/recall-handle.ts'
import { TEST_START_MS } from '../../store/test-store.ts'
import { TestBroker } from '../test-broker.ts'
import { MessageRecall } from './message-recall.ts'

const BORN_HOST = hostBytes({ ip: '127.0.0.1', port: 40_000 })
const HANDLE = {
  topic: 'orders',
  brokerName: 'broker-a',
  deliverMs: TEST_START_MS + 30_001,
  messageId: 'id-1',
}

function opened(settings: NonNullable<Parameters<typeof TestBroker.open>[0]>['settings'] = {}): TestBroker {
  const test = TestBroker.open({ settings })
  test.topic('orders', 1)
  return test
}

async function recall(test: TestBroker, handle: string, topic = 'orders'): Promise<string> {
  const recalled = new MessageRecall(test.broker).recall({
    topic,
    handle,
    producerGroup: 'g',
    bornHost: BORN_HOST,
  })
  await Promise.allSettled([recalled, test.clock.settle()])
  return recalled
}

describe('MessageRecall', () => {
  it('takes a message back before it is due', async () => {
    const test = opened()
    for (const id of ['id-1', 'id-2'])
      test.put({ topic: 'orders', body: id, properties: { TIMER_DELAY_SEC: '30', UNIQ_KEY: id } })
    await test.clock.advance(10_000)
    // of a message that is due on the second RocketMQ's handle names the second before
    const handle = recallHandleText({ ...HANDLE, deliverMs: TEST_START_MS + 29_001 })
    assert.equal(await recall(test, handle), 'id-1')
    await test.clock.advance(60_000)
    assert.deepEqual(await test.bodies('orders'), ['id-2'])
    await test.close()
  })

  it('refuses as RocketMQ does', async () => {
    const closed = opened({ recallMessageEnable: false })
    await assert.rejects(recall(closed, ''), { kind: 'noPermission' })
    await closed.close()
    const test = opened()
    await assert.rejects(recall(test, '', 'nothing'), { kind: 'topicNotExist' })
    for (const [handle, kind] of [
      ['', 'badHandle'],
      [recallHandleText({ ...HANDLE, topic: 'others' }), 'badHandle'],
      [recallHandleText({ ...HANDLE, brokerName: 'broker-b' }), 'badHandle'],
      [recallHandleText({ ...HANDLE, deliverMs: TEST_START_MS }), 'tooLate'],
      [recallHandleText({ ...HANDLE, deliverMs: TEST_START_MS + 4 * 24 * 3_600_000 }), 'tooLate'],
    ] as const) {
      await assert.rejects(recall(test, handle), { kind })
    }
    await test.close()
  })
})
