import assert from 'node:assert/strict'
import { describe, it, type TestContext } from 'node:test'
import { VirtualClock } from '#ternmq/base/host/virtual-clock.ts'
import { TestDoor } from '#ternmq/gateways/rocketmq/test-door.ts'
import { decodeMessages } from '#ternmq/protocol/message-codec.ts'
import { decodeMessageRequestModeTable } from '#ternmq/protocol/message-request-mode.ts'
import { decodeAssignments } from '#ternmq/protocol/query-assignment.ts'
import { decodeCommand, type RemotingCommand } from '#ternmq/protocol/remoting-command.ts'
import { RequestCode } from '#ternmq/protocol/request-code.ts'
import { testHost } from '#ternmq/store/test-store.ts'
import { type FrameVector, frameVectors } from './vectors.ts'

const GROUP = 'CG_POP_j5'

/** Fields whose values are those of this run. */
const OWN = new Set(['popTime', 'reviveQid'])

/** Frames of one scenario and client, in the order in which they were captured. */
function captured(client: string, scenario: string, code: number): FrameVector[] {
  return frameVectors().filter(
    ({ name, requestCode }) => name.startsWith(`${client}/${scenario}/`) && requestCode === code,
  )
}

function fieldsOf(fields: Readonly<Record<string, string>> | null | undefined): unknown[] {
  return Object.entries(fields ?? {})
    .map(([name, value]) => (OWN.has(name) ? [name] : [name, value]))
    .sort()
}

/** The broker that was captured, with the messages that lay in it: what its queues gave to the pop, and two before. */
async function captureAgain(t: TestContext, bornMs: number, bodies: RemotingCommand): Promise<TestDoor> {
  const door = await TestDoor.open({
    host: testHost(undefined, new VirtualClock(bornMs)),
    store: { commitLogFileBytes: 64 * 1024 },
    settings: { brokerClusterName: 'GoldenCluster' },
  })
  t.after(() => door.close())
  door.test.topic('T_POP')
  door.test.broker.groups.forUse(GROUP)
  const { offsets } = door.test.broker
  for (const { body, queueId, queueOffset } of decodeMessages(bodies.body)) {
    const { nextOffset } = door.test.broker.store.queues.queue(door.test.broker.store.topic('T_POP'), queueId)
    for (let i = nextOffset; i < queueOffset; i++)
      await door.test.send({ topic: 'T_POP', queueId, body: 'before' })
    if (nextOffset < queueOffset) offsets.of(GROUP, 'T_POP').commit(queueId, queueOffset)
    await door.test.send({ topic: 'T_POP', queueId, body })
  }
  return door
}

describe('pops as RocketMQ was seen to answer them', () => {
  it('POP_MESSAGE, ACK_MESSAGE and CHANGE_MESSAGE_INVISIBLETIME have the same fields', async (t) => {
    const [request, response] = captured('java-5.3.3-json', 'pop-consume', RequestCode.POP_MESSAGE)
    assert.ok(request && response)
    const asked = decodeCommand(request.frame)
    const wanted = decodeCommand(response.frame)
    const door = await captureAgain(t, Number(asked.extFields.bornTime), wanted)
    const client = await door.connect()
    const { answer } = await client.ask(asked.code, asked.extFields)
    assert.equal(answer?.code, wanted.code)
    assert.equal(answer.remark, wanted.remark)
    const sorted = (command: RemotingCommand): unknown[] =>
      fieldsOf({
        ...command.extFields,
        // the queue that a pop begins with is a matter of chance
        startOffsetInfo: (command.extFields.startOffsetInfo ?? '').split(';').sort().join(';'),
        msgOffsetInfo: (command.extFields.msgOffsetInfo ?? '').split(';').sort().join(';'),
      })
    assert.deepEqual(sorted(answer), sorted(wanted))
    const bodies = (command: RemotingCommand): string[] =>
      decodeMessages(command.body).map(
        ({ body, queueId, queueOffset }) => `${queueId} ${queueOffset} ${body}`,
      )
    assert.deepEqual(bodies(answer).sort(), bodies(wanted).sort())

    for (const code of [RequestCode.ACK_MESSAGE, RequestCode.CHANGE_MESSAGE_INVISIBLETIME]) {
      const [word, told] = captured('java-5.3.3-json', 'pop-consume', code)
      assert.ok(word && told)
      const { extFields } = decodeCommand(word.frame)
      // the handle is the captured one but for the time of our pop
      const extraInfo = (extFields.extraInfo ?? '').replace(/ \d{13} /, ` ${answer.extFields.popTime} `)
      const reply = await client.ask(code, { ...extFields, extraInfo })
      assert.equal(reply.answer?.code, told.decoded.code)
      assert.deepEqual(fieldsOf(reply.answer.extFields), fieldsOf(told.decoded.extFields))
    }
    await client.pass(10_200)
    const rest = await client.ask(asked.code, { ...asked.extFields, bornTime: '0' })
    assert.equal(
      decodeMessages(rest.answer?.body ?? Buffer.alloc(0)).length,
      1,
      'the one that was given less time',
    )
  })

  it('POP_MESSAGE of a binary header is answered, where RocketMQ does not know what is left of its code', async (t) => {
    const [request] = captured('java-5.3.3-rocketmq-serialization', 'pop-consume', 3442)
    const [, response] = captured('java-5.3.3-json', 'pop-consume', RequestCode.POP_MESSAGE)
    assert.ok(request && response)
    const asked = decodeCommand(request.frame)
    const door = await captureAgain(t, Number(asked.extFields.bornTime), decodeCommand(response.frame))
    const client = await door.connect()
    const { answer } = await client.ask(
      3442,
      { ...asked.extFields, consumerGroup: GROUP },
      { serializeType: 1 },
    )
    assert.equal(answer?.code, 0)
  })

  it('request modes are set, listed and followed', async (t) => {
    const door = await TestDoor.open()
    t.after(() => door.close())
    const client = await door.connect()
    const [set] = captured('rocketmq-tools-5.3.3', 'setConsumeMode-pop', RequestCode.SET_MESSAGE_REQUEST_MODE)
    assert.ok(set)
    const ask = async (vector: FrameVector): Promise<RemotingCommand | undefined> => {
      const { body, code, extFields } = decodeCommand(vector.frame)
      return (await client.ask(code, extFields, { body })).answer
    }
    const refused = await ask(set)
    assert.deepEqual([refused?.code, refused?.remark], [17, 'topic[T_POP] not exist'])
    door.test.topic('T_POP')
    const [query, dealt] = captured('java-5.3.3-json', 'pop-consume', RequestCode.QUERY_ASSIGNMENT)
    assert.ok(query && dealt)
    door.test.consume(GROUP, ['T_POP'], 1, 0)
    const clientId = 'client-1'
    const assigned = async (): Promise<string[]> => {
      const { body, code } = decodeCommand(query.frame)
      const own = Buffer.from(body.toString().replace(/"clientId":"[^"]*"/, `"clientId":"${clientId}"`))
      const { answer } = await client.ask(code, {}, { body: own })
      return decodeAssignments(answer?.body ?? Buffer.alloc(0))
        .map(({ messageQueue, mode }) => `${mode} ${messageQueue.brokerName} ${messageQueue.queueId}`)
        .sort()
    }
    const wanted = decodeAssignments(dealt.body).map(
      ({ messageQueue, mode }) => `${mode} ${messageQueue.brokerName} ${messageQueue.queueId}`,
    )
    assert.deepEqual(await assigned(), wanted.sort())
    assert.equal((await ask(set))?.code, 0)
    assert.deepEqual(await assigned(), ['POP broker-a -1'])
    const [all, table] = captured(
      'slave-broker-5.3.3',
      'slave-sync',
      RequestCode.GET_ALL_MESSAGE_REQUEST_MODE,
    )
    assert.ok(all && table)
    const modes = decodeMessageRequestModeTable((await ask(all))?.body ?? Buffer.alloc(0))
    const setting = decodeMessageRequestModeTable(table.body).get('T_POP')?.get(GROUP)
    assert.deepEqual(modes.get('T_POP')?.get(GROUP), setting)
  })
})
