import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { SerializeType } from '../../protocol/frame.ts'
import { RequestCode } from '../../protocol/request-code.ts'
import { ResponseCode } from '../../protocol/response-code.ts'
import { TestDoor } from './test-door.ts'

const LONG = {
  ...{
    producerGroup: 'g',
    topic: 'orders',
    defaultTopic: 'TBW102',
    defaultTopicQueueNums: '4',
    queueId: '1',
  },
  ...{ sysFlag: '0', bornTimestamp: '1', flag: '7', properties: 'TAGS\u0001A\u0002', reconsumeTimes: '0' },
}
const SHORT = {
  ...{ a: 'g', b: 'orders', c: 'TBW102', d: '4', e: '1', f: '0', g: '1', h: '7', i: 'TAGS\u0001A\u0002' },
}

/** An entry of a batch: sizes, magic, CRC, flag, body, properties. */
function entry(body: string): Buffer {
  const bytes = Buffer.alloc(22 + body.length)
  bytes.writeInt32BE(bytes.length)
  bytes.writeInt32BE(body.length, 16)
  bytes.write(body, 20)
  return bytes
}

describe('sends through the RocketMQ door', () => {
  it('take long names and letters with any code, in both forms of a header', async (t) => {
    const door = await TestDoor.open()
    t.after(() => door.close())
    door.test.topic('orders')
    const client = await door.connect()
    let count = 0
    for (const code of [RequestCode.SEND_MESSAGE, RequestCode.SEND_MESSAGE_V2]) {
      for (const fields of [LONG, SHORT]) {
        for (const serializeType of [SerializeType.JSON, SerializeType.ROCKETMQ]) {
          const { answer } = await client.ask(code, fields, { body: Buffer.from('m'), serializeType })
          assert.equal(answer?.code, ResponseCode.SUCCESS)
          assert.deepEqual([answer.extFields.queueId, answer.extFields.queueOffset], ['1', String(count++)])
        }
      }
    }
    for (const message of await door.test.messages('orders', 1)) {
      assert.deepEqual([message.flag, message.properties.get('TAGS')], [7, 'A'])
    }
  })

  it('answer a batch with the ids of all its messages, and the offset of the first', async (t) => {
    const door = await TestDoor.open()
    t.after(() => door.close())
    door.test.topic('orders')
    const client = await door.connect()
    const body = Buffer.concat(['m0', 'm1', 'm2'].map(entry))
    const { answer } = await client.ask(RequestCode.SEND_BATCH_MESSAGE, { ...SHORT, m: 'true' }, { body })
    assert.equal(answer?.code, ResponseCode.SUCCESS)
    assert.equal(answer.extFields.msgId?.split(',').length, 3)
    assert.deepEqual([answer.extFields.queueId, answer.extFields.queueOffset], ['1', '0'])
    assert.deepEqual(await door.test.bodies('orders', 1), ['m0', 'm1', 'm2'])
  })

  it('mark a topic that they make as one of a unit, where their client is in one', async (t) => {
    const door = await TestDoor.open()
    t.after(() => door.close())
    const client = await door.connect()
    for (const [name, unitMode, topicSysFlag] of [
      ['of-a-unit', 'true', 1],
      ['of-none', 'false', 0],
    ] as const) {
      const queues = { e: '0', k: unitMode }
      await client.ask(
        RequestCode.SEND_MESSAGE_V2,
        { ...SHORT, ...queues, b: name },
        { body: Buffer.from('m') },
      )
      assert.equal(door.test.broker.topics.get(name)?.config.topicSysFlag, topicSysFlag)
    }
  })
})
