import assert from 'node:assert/strict'
import { describe, it, type TestContext } from 'node:test'
import { FaultyDisk } from '../../base/host/faulty-disk.ts'
import { VirtualClock } from '../../base/host/virtual-clock.ts'
import { TestBroker } from '../../broker/test-broker.ts'
import { encodeBatchAcks } from '../../protocol/batch-ack.ts'
import { SerializeType } from '../../protocol/frame.ts'
import { decodeMessages } from '../../protocol/message-codec.ts'
import type { RemotingCommand } from '../../protocol/remoting-command.ts'
import { RequestCode } from '../../protocol/request-code.ts'
import { ResponseCode } from '../../protocol/response-code.ts'
import { CONNECTION_LIMITS } from '../../remoting/remoting-connection.ts'
import { TEST_START_MS, testHost } from '../../store/test-store.ts'
import { type TestConnection, TestDoor } from './test-door.ts'

const GROUP = 'billing'

async function setUp(t: TestContext, queueNums = 1): Promise<{ door: TestDoor; client: TestConnection }> {
  const door = await TestDoor.open({ store: { commitLogFileBytes: 64 * 1024 } })
  t.after(() => door.close())
  door.test.topic('orders', queueNums)
  return { door, client: await door.connect() }
}

function popFields(door: TestDoor, more: Record<string, string> = {}): Record<string, string> {
  const bornTime = String(door.test.clock.nowMs())
  return {
    ...{ consumerGroup: GROUP, topic: 'orders', queueId: '-1', maxMsgNums: '32', invisibleTime: '10000' },
    ...{ pollTime: '15000', bornTime, initMode: '0', expType: 'TAG', exp: '*', order: 'false' },
    ...more,
  }
}

async function askThrice(client: TestConnection, fields: Record<string, string>) {
  const ask = () => client.ask(RequestCode.POP_MESSAGE, fields)
  return [await ask(), await ask(), await ask()]
}

function bodiesOf(answer: RemotingCommand | undefined): string[] {
  return answer ? decodeMessages(answer.body).map(({ body }) => body.toString()) : []
}

function ackFields(answer: RemotingCommand | undefined, offset: number): Record<string, string> {
  const { invisibleTime, popTime, reviveQid } = answer?.extFields ?? {}
  const extraInfo = `0 ${popTime} ${invisibleTime} ${reviveQid} 0 broker-a 0 ${offset}`
  return { consumerGroup: GROUP, topic: 'orders', queueId: '0', offset: String(offset), extraInfo }
}

describe('pops through the RocketMQ door', () => {
  it('are answered with messages and what their handles are made of', async (t) => {
    const { door, client } = await setUp(t)
    for (const body of ['m0', 'm1']) await door.test.send({ topic: 'orders', body })
    const { answer } = await client.ask(RequestCode.POP_MESSAGE, popFields(door))
    assert.equal(answer?.code, ResponseCode.SUCCESS)
    assert.equal(answer.remark, 'FOUND')
    const { popTime, ...fields } = answer.extFields
    assert.deepEqual(fields, {
      ...{ invisibleTime: '10000', msgOffsetInfo: '0 0 0,1', startOffsetInfo: '0 0 0' },
      ...{ restNum: '0', reviveQid: '0' },
    })
    assert.ok(Math.abs(Number(popTime) - door.test.clock.nowMs()) < 300)
    assert.deepEqual(bodiesOf(answer), ['m0', 'm1'])
  })

  it('wait for messages, one after the other, and no longer than their client', async (t) => {
    const { door, client } = await setUp(t, 4)
    const waiting = await askThrice(client, popFields(door, { invisibleTime: '60000' }))
    assert.ok(!waiting.some(({ isAnswered }) => isAnswered))
    const info = { consumerGroup: GROUP, topic: 'orders', queueId: '-1' }
    const polling = await client.ask(RequestCode.POLLING_INFO, info)
    assert.equal(polling.answer?.extFields.pollingNum, '3')
    await door.test.send({ topic: 'orders', queueId: 3, body: 'm0' })
    await client.pass(250)
    assert.deepEqual(
      waiting.map(({ answer }) => bodiesOf(answer)),
      [['m0'], [], []],
    )
    await client.pass(15_100)
    for (const { answer } of waiting.slice(1)) assert.equal(answer?.code, ResponseCode.POLLING_TIMEOUT)
    assert.equal((await client.ask(RequestCode.POLLING_INFO, info)).answer?.extFields.pollingNum, '0')
  })

  it('look into very many queues a part a turn, and miss nothing that comes where they have been', async (t) => {
    const { door, client } = await setUp(t, 4096)
    const { popper } = door.test.broker.pops
    const take = popper.take.bind(popper)
    const others: number[] = []
    let parts = 0
    popper.take = (pop, result) => {
      parts++
      door.test.clock.endOfTurn(() => others.push(parts))
      // all pops begin within the first hundred
      if (parts === 2) door.test.put({ topic: 'orders', queueId: 500, body: 'behind' })
      take(pop, result)
    }
    const { answer } = await client.ask(RequestCode.POP_MESSAGE, popFields(door))
    assert.deepEqual(bodiesOf(answer), ['behind'])
    // four parts, and four more as it was woken
    assert.equal(parts, 8)
    assert.ok(new Set(others).size >= 7, `others had a turn after each: ${others}`)
    const far = await client.ask(RequestCode.POP_MESSAGE, popFields(door, { pollTime: '0' }))
    assert.equal(far.answer?.code, ResponseCode.POLLING_TIMEOUT)
    for (const queueId of [90, 4000])
      await door.test.send({ topic: 'orders', queueId, body: `in ${queueId}` })
    const both = await client.ask(RequestCode.POP_MESSAGE, popFields(door))
    assert.deepEqual(bodiesOf(both.answer).sort(), ['in 4000', 'in 90'])
  })

  it('are asked for in very many queues a part a turn, too', async (t) => {
    const { door, client } = await setUp(t, 4096)
    const { popper } = door.test.broker.pops
    const hasMessages = popper.hasMessages.bind(popper)
    let parts = 0
    popper.hasMessages = (question, look) => {
      if (++parts === 3) door.test.put({ topic: 'orders', queueId: 500, body: 'behind' })
      return hasMessages(question, look)
    }
    const fields = { consumerGroup: GROUP, topic: 'orders', queueId: '-1', pollTime: '15000' }
    const bornTime = String(door.test.clock.nowMs())
    const told = await client.ask(RequestCode.NOTIFICATION, { ...fields, bornTime })
    assert.equal(told.answer?.extFields.hasMsg, 'true')
    assert.ok(parts >= 5, `${parts} parts: all of them, and again as it was woken`)
    const peek = popper.peek.bind(popper)
    let peeks = 0
    popper.peek = (request, look) => {
      peeks++
      peek(request, look)
    }
    const peeked = await client.ask(RequestCode.PEEK_MESSAGE, { ...fields, maxMsgNums: '1' })
    assert.deepEqual([bodiesOf(peeked.answer), peeks], [['behind'], 4])
  })

  it('are refused when the broker stops, also while they look into very many queues', async (t) => {
    const { door, client } = await setUp(t, 4096)
    const { popper } = door.test.broker.pops
    const take = popper.take.bind(popper)
    let parts = 0
    popper.take = (pop, result) => {
      if (++parts === 2) void door.gateway.close()
      take(pop, result)
    }
    const { answer } = await client.ask(RequestCode.POP_MESSAGE, popFields(door, { pollTime: '0' }))
    assert.equal(answer?.code, ResponseCode.SYSTEM_BUSY)
    assert.ok(parts < 4, `${parts} parts`)
  })

  it('leave what is too much for one to the next that waits', async (t) => {
    const { door, client } = await setUp(t)
    const waiting = await askThrice(client, popFields(door, { maxMsgNums: '2' }))
    for (let i = 0; i < 5; i++) door.test.put({ topic: 'orders', body: `m${i}` })
    await client.pass(250)
    assert.deepEqual(
      waiting.map(({ answer }) => bodiesOf(answer)),
      [['m0', 'm1'], ['m2', 'm3'], ['m4']],
    )
  })

  it('get what is delivered again as soon as it is', async (t) => {
    const { door, client } = await setUp(t)
    await door.test.send({ topic: 'orders', body: 'm0' })
    await client.ask(RequestCode.POP_MESSAGE, popFields(door))
    const waiting = await client.ask(RequestCode.POP_MESSAGE, popFields(door))
    await client.pass(10_200)
    assert.deepEqual(bodiesOf(waiting.answer), ['m0'])
    assert.equal(waiting.answer?.extFields.msgOffsetInfo, '1 0 0')
  })

  it('are answered where a record is damaged, each time', async (t) => {
    const clock = new VirtualClock(TEST_START_MS)
    const disk = new FaultyDisk({ clock })
    const before = TestBroker.open({ host: testHost(disk, clock) })
    before.topic('orders', 1)
    before.topic('others', 1)
    await before.send({ topic: 'orders', body: 'm0' })
    const [place] = await before.messages('orders')
    // a start looks at the last record of the log, and of each queue
    for (const topic of ['orders', 'others']) await before.send({ topic })
    await before.close()
    disk.corrupt('/store/commitlog/00000000000000000000', place?.commitLogOffset ?? 0, 0x10)
    const door = await TestDoor.open({ host: testHost(disk, new VirtualClock(TEST_START_MS)) })
    t.after(() => door.close())
    const client = await door.connect()
    // more of them than a connection may have under way
    for (let i = 0; i <= CONNECTION_LIMITS.inFlightMax; i++) {
      const { answer } = await client.ask(RequestCode.POP_MESSAGE, popFields(door, { maxMsgNums: '1' }))
      assert.equal(answer?.code, ResponseCode.SYSTEM_ERROR, `pop ${i}`)
    }
  })

  it('are not looked at when their client has given up, and do not wait where it does not', async (t) => {
    const { door, client } = await setUp(t)
    await door.test.send({ topic: 'orders', body: 'm0' })
    const bornTime = String(door.test.clock.nowMs() - 16_000)
    const late = await client.ask(RequestCode.POP_MESSAGE, popFields(door, { bornTime }))
    assert.equal(late.answer?.code, ResponseCode.POLLING_TIMEOUT)
    assert.deepEqual(bodiesOf((await client.ask(RequestCode.POP_MESSAGE, popFields(door))).answer), ['m0'])
    const { answer } = await client.ask(
      RequestCode.POP_MESSAGE,
      popFields(door, { pollTime: '0', bornTime: '0' }),
    )
    assert.equal(answer?.code, ResponseCode.POLLING_TIMEOUT)
    assert.equal(answer.remark, 'NO_MESSAGE_IN_QUEUE')
  })

  it('are acknowledged, one by one and in batches, and given more time', async (t) => {
    const { door, client } = await setUp(t)
    for (let i = 0; i < 4; i++) await door.test.send({ topic: 'orders', body: `m${i}` })
    const { answer } = await client.ask(RequestCode.POP_MESSAGE, popFields(door))
    const ack = await client.ask(RequestCode.ACK_MESSAGE, ackFields(answer, 0))
    assert.deepEqual([ack.answer?.code, Object.keys(ack.answer?.extFields ?? {})], [ResponseCode.SUCCESS, []])
    const change = await client.ask(RequestCode.CHANGE_MESSAGE_INVISIBLETIME, {
      ...ackFields(answer, 1),
      invisibleTime: '20000',
    })
    assert.equal(change.answer?.extFields.invisibleTime, '20000')
    assert.equal(change.answer?.extFields.reviveQid, '0')
    assert.notEqual(change.answer?.extFields.popTime, answer?.extFields.popTime)
    const batch = encodeBatchAcks('broker-a', [
      {
        ...{
          consumerGroup: GROUP,
          topic: 'orders',
          origin: '0',
          startOffset: 0,
          queueId: 0,
          reviveQueueId: 0,
        },
        ...{ popTimeMs: Number(answer?.extFields.popTime), invisibleMs: 10_000, offsetDiffs: [2, 500] },
      },
    ])
    const acked = await client.ask(RequestCode.BATCH_ACK_MESSAGE, {}, { body: batch })
    assert.equal(acked.answer?.code, ResponseCode.SUCCESS)
    const empty = await client.ask(RequestCode.BATCH_ACK_MESSAGE, {}, { body: Buffer.from('{"acks":[]}') })
    assert.equal(empty.answer?.code, ResponseCode.NO_MESSAGE)
    await client.pass(10_200)
    assert.deepEqual(bodiesOf((await client.ask(RequestCode.POP_MESSAGE, popFields(door))).answer), ['m3'])
    const wrong = await client.ask(RequestCode.ACK_MESSAGE, ackFields(answer, 9))
    assert.equal(wrong.answer?.code, ResponseCode.NO_MESSAGE)
    const odd = await client.ask(RequestCode.ACK_MESSAGE, { ...ackFields(answer, 0), extraInfo: 'odd' })
    assert.equal(odd.answer?.code, ResponseCode.INVALID_PARAMETER)
  })

  it('go in order where they ask for it, from one hand to the next', async (t) => {
    const { door, client } = await setUp(t)
    for (let i = 0; i < 3; i++) await door.test.send({ topic: 'orders', body: `m${i}` })
    const ordered = { order: 'true', maxMsgNums: '2' }
    const first = await client.ask(RequestCode.POP_MESSAGE, popFields(door, ordered))
    assert.deepEqual(bodiesOf(first.answer), ['m0', 'm1'])
    assert.equal(first.answer?.extFields.reviveQid, '999')
    assert.equal(first.answer?.extFields.orderCountInfo, '0 0 0')
    const second = await client.ask(RequestCode.POP_MESSAGE, popFields(door, ordered))
    const notice = await client.ask(RequestCode.NOTIFICATION, popFields(door, ordered))
    assert.ok(!second.isAnswered && !notice.isAnswered, 'the queue is blocked')
    for (const offset of [1, 0]) await client.ask(RequestCode.ACK_MESSAGE, ackFields(first.answer, offset))
    assert.deepEqual(bodiesOf(second.answer), ['m2'], 'it was woken by the last acknowledgement')
    await client.pass(10_200)
    const third = await client.ask(RequestCode.POP_MESSAGE, popFields(door, ordered))
    assert.deepEqual(bodiesOf(third.answer), ['m2'], 'what was not acknowledged comes again, in its place')
    assert.equal(third.answer?.extFields.orderCountInfo, '0 qo0%2 1;0 0 1')
    assert.equal(third.answer.extFields.msgOffsetInfo, '0 0 2')
    const stale = await client.ask(RequestCode.ACK_MESSAGE, ackFields(second.answer, 2))
    assert.equal(stale.answer?.code, ResponseCode.SUCCESS)
    const unknown = await client.ask(RequestCode.ACK_MESSAGE, ackFields(third.answer, 3))
    assert.equal(unknown.answer?.code, ResponseCode.MESSAGE_ILLEGAL)
  })

  it('are told whether there is anything, now or when there is', async (t) => {
    const { door, client } = await setUp(t)
    const waiting = await client.ask(RequestCode.NOTIFICATION, popFields(door))
    assert.equal(waiting.isAnswered, false)
    await door.test.send({ topic: 'orders', body: 'm0' })
    await client.pass(250)
    assert.deepEqual({ ...waiting.answer?.extFields }, { hasMsg: 'true', pollingFull: 'false' })
    const there = await client.ask(RequestCode.NOTIFICATION, popFields(door))
    assert.equal(there.answer?.extFields.hasMsg, 'true')
    const peek = await client.ask(RequestCode.PEEK_MESSAGE, popFields(door))
    assert.deepEqual(bodiesOf(peek.answer), ['m0'])
    assert.equal(peek.answer?.extFields.restNum, '1')
    await client.ask(RequestCode.POP_MESSAGE, popFields(door))
    assert.equal(
      (await client.ask(RequestCode.PEEK_MESSAGE, popFields(door))).answer?.code,
      ResponseCode.PULL_NOT_FOUND,
    )
    const none = await client.ask(RequestCode.NOTIFICATION, popFields(door, { pollTime: '1000' }))
    await client.pass(1100)
    assert.deepEqual({ ...none.answer?.extFields }, { hasMsg: 'false', pollingFull: 'false' })
    assert.equal((await client.ask(RequestCode.POP_ROLLBACK, {})).answer?.code, ResponseCode.SUCCESS)
  })

  it('are known by the 16 bits that binary headers have for their codes', async (t) => {
    const { door, client } = await setUp(t)
    await door.test.send({ topic: 'orders', body: 'm0' })
    const binary = { serializeType: SerializeType.ROCKETMQ }
    const { answer } = await client.ask(RequestCode.POP_MESSAGE & 0xffff, popFields(door), binary)
    assert.deepEqual(bodiesOf(answer), ['m0'])
    const ack = await client.ask(RequestCode.ACK_MESSAGE & 0xffff, ackFields(answer, 0), binary)
    assert.equal(ack.answer?.code, ResponseCode.SUCCESS)
    await client.pass(10_200)
    const none = await client.ask(
      RequestCode.POP_MESSAGE & 0xffff,
      popFields(door, { pollTime: '0' }),
      binary,
    )
    assert.equal(none.answer?.code, ResponseCode.POLLING_TIMEOUT)
  })

  it('are refused when the log cannot take who holds what', async (t) => {
    const { door, client } = await setUp(t)
    await door.test.send({ topic: 'orders', body: 'm0' })
    const { store } = door.test.broker
    const { append } = store
    store.append = (draft, waiter, token) => {
      queueMicrotask(() => waiter?.appended('notWritable', token, 0, 0, 0))
      return draft.queueId
    }
    const refused = await client.ask(RequestCode.POP_MESSAGE, popFields(door))
    assert.equal(refused.answer?.code, ResponseCode.SERVICE_NOT_AVAILABLE)
    store.append = append
    const { answer } = await client.ask(RequestCode.POP_MESSAGE, popFields(door))
    assert.deepEqual(bodiesOf(answer), ['m0'], 'nobody holds it')
  })
})
