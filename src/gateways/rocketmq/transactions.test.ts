import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { TestBroker } from '../../broker/test-broker.ts'
import { decodeMessage } from '../../protocol/message-codec.ts'
import { offsetMessageIdText } from '../../protocol/message-id.ts'
import { SystemTopic } from '../../protocol/names.ts'
import type { Reply } from '../../protocol/request.ts'
import { RequestCode } from '../../protocol/request-code.ts'
import type { ClientCalls } from './connections.ts'
import { ask } from './test-request.ts'
import { askProducers, transactionHandlers } from './transactions.ts'

type Told = { connectionId: number; command: Parameters<ClientCalls['sendOneway']>[1] }

/** A broker with a message of a transaction, and what its producer is told. */
async function withHalf(): Promise<{ test: TestBroker; told: Told[]; offset: number }> {
  const test = TestBroker.open({ settings: { transactionCheckMax: 1 } })
  const told: Told[] = []
  askProducers(test.broker, { sendOneway: (connectionId, command) => told.push({ connectionId, command }) })
  test.topic('orders')
  test.produce('tx-group', 3)
  const offset = await test.send({
    ...{ topic: 'orders', queueId: 2, body: 'm', sysFlag: 4 },
    properties: { TRAN_MSG: 'true', PGROUP: 'tx-group', UNIQ_KEY: 'key' },
  })
  return { test, told, offset }
}

async function end(test: TestBroker, offset: number, more: Record<string, string> = {}): Promise<Reply> {
  const fields = { producerGroup: 'tx-group', tranStateTableOffset: '0', commitLogOffset: String(offset) }
  const reply = ask(transactionHandlers(test.broker), RequestCode.END_TRANSACTION, {
    fields: { ...fields, commitOrRollback: '8', fromTransactionCheck: 'false', ...more },
  })
  await Promise.allSettled([reply, test.clock.settle()])
  return reply
}

describe('transactionHandlers', () => {
  it('answer an end with nothing but success, when the log has it', async () => {
    const { test, offset } = await withHalf()
    assert.deepEqual(await end(test, offset), {})
    assert.deepEqual(await test.bodies('orders', 2), ['m'])
    await test.close()
  })

  it('leave a transaction open whose producer does not know', async () => {
    const { test, offset } = await withHalf()
    assert.deepEqual(await end(test, offset, { commitOrRollback: '0' }), {})
    assert.equal(test.broker.transactions.count, 1)
    await assert.rejects(end(test, offset, { commitOrRollback: '4' }), { kind: 'invalidParameter' })
    await assert.rejects(end(test, offset, { producerGroup: 'x' }), { kind: 'transactionRefused' })
    await test.close()
  })

  it('ask a producer with the new copy, by the names of fields that RocketMQ uses', async () => {
    const { test, told, offset } = await withHalf()
    await test.clock.advance(30_000)
    const [{ connectionId, command }] = told as [Told]
    assert.equal(connectionId, 3)
    assert.equal(command.code, RequestCode.CHECK_TRANSACTION_STATE)
    const message = decodeMessage(command.body ?? Buffer.alloc(0))
    assert.deepEqual([message.topic, message.queueId, message.queueOffset], ['orders', 2, 1])
    assert.ok(message.commitLogOffset > offset)
    const host = { ip: '127.0.0.1', port: 10_911 }
    assert.deepEqual(command.extFields, {
      ...{ bname: 'broker-a', topic: 'RMQ_SYS_TRANS_HALF_TOPIC', msgId: 'key', transactionId: 'key' },
      ...{ tranStateTableOffset: '1', commitLogOffset: String(message.commitLogOffset) },
      offsetMsgId: offsetMessageIdText({ host, offset: message.commitLogOffset }),
    })
    await test.close()
  })

  it('take up a parked message by its id', async () => {
    const { test, told } = await withHalf()
    await test.clock.advance(60_000)
    const [parked] = await test.messages(SystemTopic.TRANS_CHECK_MAX_TIME)
    const msgId = offsetMessageIdText({
      host: { ip: '127.0.0.1', port: 10_911 },
      offset: parked?.commitLogOffset ?? 0,
    })
    const resumed = ask(transactionHandlers(test.broker), RequestCode.RESUME_CHECK_HALF_MESSAGE, {
      fields: { msgId },
    })
    await test.clock.settle()
    assert.deepEqual(await resumed, {})
    await test.clock.advance(30_000)
    assert.equal(told.length, 2)
    await test.close()
  })
})
