import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { TEST_POP_SETTINGS, TestBroker } from '../test-broker.ts'
import { MessageRequestModes } from './message-request-modes.ts'

const setting = { topic: 'orders', consumerGroup: 'billing', mode: 'POP', popShareQueueNum: 2 } as const

describe('MessageRequestModes', () => {
  it('says how a group consumes a topic, by what was set or by default', async () => {
    const pop = { ...TEST_POP_SETTINGS, defaultMessageRequestMode: 'POP' } as const
    const test = TestBroker.open({ settings: { pop } })
    const { requestModes } = test.broker
    assert.deepEqual(requestModes.of('orders', 'billing'), { ...setting, popShareQueueNum: -1 })
    assert.equal(requestModes.of('%RETRY%billing', 'billing').mode, 'PULL', 'those are always pulled')
    assert.throws(() => requestModes.set(setting), { kind: 'topicNotExist' })
    test.topic('orders')
    assert.throws(() => requestModes.set(setting), { kind: 'groupNotExist' })
    test.broker.groups.forUse('billing')
    assert.throws(() => requestModes.set({ ...setting, topic: '%RETRY%billing' }), { kind: 'noPermission' })
    requestModes.set(setting)
    assert.deepEqual(requestModes.of('orders', 'billing'), setting)
    await test.close()
  })

  it('is the same after its journal was replayed, and after its file was read', async () => {
    const test = TestBroker.open()
    test.topic('orders')
    test.broker.groups.forUse('billing')
    const lines: string[] = []
    test.broker.requestModes.onChange = (line) => lines.push(line)
    test.broker.requestModes.set(setting)
    const { groups, settings, topics } = test.broker
    const replayed = new MessageRequestModes({ settings, topics, groups })
    for (const line of lines) replayed.replay(line)
    const read = new MessageRequestModes({ settings, topics, groups })
    read.load(test.broker.requestModes.encode())
    for (const each of [replayed, read]) assert.deepEqual(each.of('orders', 'billing'), setting)
    await test.close()
  })
})
