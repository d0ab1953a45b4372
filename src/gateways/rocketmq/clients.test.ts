import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { RequestCode } from '../../protocol/request-code.ts'
import { ResponseCode } from '../../protocol/response-code.ts'
import { TestDoor } from './test-door.ts'

function heartbeat(clientID: string): Buffer {
  const consumer = {
    ...{
      groupName: 'billing',
      consumeType: 'CONSUME_PASSIVELY',
      messageModel: 'CLUSTERING',
      unitMode: false,
    },
    consumeFromWhere: 'CONSUME_FROM_FIRST_OFFSET',
    subscriptionDataSet: [
      { topic: 'orders', subString: '*', tagsSet: [], codeSet: [], subVersion: 1, expressionType: 'TAG' },
    ],
  }
  return Buffer.from(JSON.stringify({ clientID, producerDataSet: [], consumerDataSet: [consumer] }))
}

describe('clients at the RocketMQ door', () => {
  it('are told when others of their group come and go', async (t) => {
    const door = await TestDoor.open()
    t.after(() => door.close())
    door.test.topic('orders')
    const [one, other] = [await door.connect(), await door.connect()]
    const told = (): (string | undefined)[] =>
      one.pushed
        .filter(({ code }) => code === RequestCode.NOTIFY_CONSUMER_IDS_CHANGED)
        .map(({ extFields }) => extFields.consumerGroup)
    const beat = async (client: typeof one, id: string): Promise<number | undefined> =>
      (await client.ask(RequestCode.HEART_BEAT, {}, { body: heartbeat(id) })).answer?.code
    assert.equal(await beat(one, 'c1'), ResponseCode.SUCCESS)
    assert.equal(await beat(other, 'c2'), ResponseCode.SUCCESS)
    await one.pass(300)
    const joined = told().length
    assert.ok(joined > 0)
    const list = await one.ask(RequestCode.GET_CONSUMER_LIST_BY_GROUP, { consumerGroup: 'billing' })
    assert.equal(list.answer?.body.toString(), '{"consumerIdList":["c1","c2"]}')
    const gone = { clientID: 'c2', consumerGroup: 'billing' }
    assert.equal((await other.ask(RequestCode.UNREGISTER_CLIENT, gone)).answer?.code, ResponseCode.SUCCESS)
    await one.pass(300)
    assert.deepEqual(
      told(),
      Array.from({ length: joined + 1 }, () => 'billing'),
    )
  })
})
