import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { RequestCode } from '../../protocol/request-code.ts'
import { ResponseCode } from '../../protocol/response-code.ts'
import { TestDoor } from './test-door.ts'

const PULL = {
  ...{ consumerGroup: 'billing', topic: 'orders', queueId: '0', queueOffset: '0', maxMsgNums: '32' },
  ...{ sysFlag: '4', commitOffset: '0', suspendTimeoutMillis: '0', subscription: '*', subVersion: '0' },
}

describe('QuotaThrottle', () => {
  it('holds a pull until its quota lets it pass', async () => {
    const door = await TestDoor.open()
    const { broker, clock } = door.test
    door.test.topic('orders', 1)
    await door.test.send({ topic: 'orders' })
    broker.setQuotas('pull topic:orders 10/s')
    door.gateway.quotasChanged()
    broker.quotas.charge('pull', { topic: 'orders' }, { messages: 50, bytes: 0, nowMs: clock.monoMs() })
    const client = await door.connect()
    const pull = await client.ask(RequestCode.PULL_MESSAGE, PULL)
    await client.pass(3000)
    assert.equal(pull.isAnswered, false)
    await client.pass(1500)
    assert.equal(pull.answer?.code, ResponseCode.SUCCESS)
    await door.close()
  })

  it('tells a pull to come again after ten seconds, however much its group owes', async () => {
    const door = await TestDoor.open()
    const { broker, clock } = door.test
    door.test.topic('orders', 1)
    broker.setQuotas('pull topic:orders 10/s')
    door.gateway.quotasChanged()
    broker.quotas.charge('pull', { topic: 'orders' }, { messages: 100_000, bytes: 0, nowMs: clock.monoMs() })
    const client = await door.connect()
    const pull = await client.ask(RequestCode.PULL_MESSAGE, PULL)
    await client.pass(9000)
    assert.equal(pull.isAnswered, false)
    await client.pass(1500)
    assert.equal(pull.answer?.code, ResponseCode.SYSTEM_BUSY)
    assert.match(pull.answer?.remark ?? '', /FLOW_CONTROL.*topic orders/)
    await door.close()
  })
})
