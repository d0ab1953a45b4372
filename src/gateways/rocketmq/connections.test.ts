import assert from 'node:assert/strict'
import { describe, it, type TestContext } from 'node:test'
import { MqError } from '../../base/errors.ts'
import { TestPops } from '../../broker/pop/test-pops.ts'
import { TestBroker } from '../../broker/test-broker.ts'
import { decodeConsumerConnection } from '../../protocol/consumer-connection.ts'
import { decodeGroupSubscription } from '../../protocol/group-subscription.ts'
import { decodeMessage } from '../../protocol/message-codec.ts'
import { offsetMessageIdText } from '../../protocol/message-id.ts'
import { decodeConsumerStatusTable, encodeConsumerStatus } from '../../protocol/offset-table.ts'
import { decodeProducerConnection, decodeProducerTable } from '../../protocol/producer-connection.ts'
import type { RemotingCommand } from '../../protocol/remoting-command.ts'
import type { HandlerFamily, Reply } from '../../protocol/request.ts'
import { RequestCode } from '../../protocol/request-code.ts'
import { ResponseCode } from '../../protocol/response-code.ts'
import { decodeTopicList } from '../../protocol/topic-list.ts'
import { type ClientCalls, connectionHandlers } from './connections.ts'
import { ask, bodyOf } from './test-request.ts'

interface Call {
  readonly connectionId: number
  readonly command: Parameters<ClientCalls['invoke']>[1]
  readonly timeoutMs: number
}

/** Clients that answer every call alike, or fail. */
class FakeClients implements ClientCalls {
  readonly calls: Call[] = []
  answer: (connectionId: number) => Partial<RemotingCommand> = () => ({})

  sendOneway(): void {
    assert.fail('nothing here is sent oneway')
  }

  async invoke(
    ...[connectionId, command, timeoutMs]: Parameters<ClientCalls['invoke']>
  ): Promise<RemotingCommand> {
    this.calls.push({ connectionId, command, timeoutMs })
    const header = {
      code: 0,
      language: 0,
      version: 479,
      opaque: 1,
      flag: 1,
      remark: undefined,
      extFields: {},
    }
    return { ...header, body: Buffer.alloc(0), ...this.answer(connectionId) }
  }
}

function setUp(t: TestContext): { test: TestBroker; clients: FakeClients; family: HandlerFamily } {
  const test = TestBroker.open()
  t.after(() => test.close())
  const clients = new FakeClients()
  return { test, clients, family: connectionHandlers(test.broker, clients) }
}

function running(family: HandlerFamily, fields: Readonly<Record<string, string>>): Promise<Reply> {
  return ask(family, RequestCode.GET_CONSUMER_RUNNING_INFO, { fields: { jstackEnable: 'false', ...fields } })
}

describe('connectionHandlers', () => {
  it('shows the consumers of a group', async (t) => {
    const { family, test } = setUp(t)
    test.consume('billing', ['orders'], 7)
    const shown = ask(family, RequestCode.GET_CONSUMER_CONNECTION_LIST, {
      fields: { consumerGroup: 'billing' },
    })
    const { connections, consumeType, messageModel, subscriptionTable } = decodeConsumerConnection(
      bodyOf(await shown),
    )
    assert.deepEqual(connections, [
      { clientId: 'client-7', clientAddr: '127.0.0.1:40007', language: 'JAVA', version: 479 },
    ])
    assert.deepEqual([...subscriptionTable.keys()], ['orders'])
    assert.deepEqual([consumeType, messageModel], ['CONSUME_PASSIVELY', 'CLUSTERING'])
    const offline = ask(family, RequestCode.GET_CONSUMER_CONNECTION_LIST, {
      fields: { consumerGroup: 'nobody' },
    })
    await assert.rejects(offline, { kind: 'consumerNotOnline' })
  })

  it('shows the producers of a group, and all producers', async (t) => {
    const { family, test } = setUp(t)
    test.produce('shop', 3)
    const code = RequestCode.GET_PRODUCER_CONNECTION_LIST
    const shown = await ask(family, code, { fields: { producerGroup: 'shop' } })
    assert.deepEqual(
      decodeProducerConnection(bodyOf(shown)).map(({ clientId }) => clientId),
      ['client-3'],
    )
    const all = decodeProducerTable(bodyOf(await ask(family, RequestCode.GET_ALL_PRODUCER_INFO)))
    assert.deepEqual(all.get('shop'), [
      {
        ...{ clientId: 'client-3', remoteIP: '/127.0.0.1:40003', language: 'JAVA', version: 479 },
        lastUpdateTimestamp: test.clock.nowMs(),
      },
    ])
    const unknown = await ask(family, code, { fields: { producerGroup: 'nobody' } })
    assert.equal(unknown.code, ResponseCode.SYSTEM_ERROR)
    assert.equal(unknown.remark, 'the producer group[nobody] not exist')
  })

  it('tells what a group consumes', async (t) => {
    const { family, test } = setUp(t)
    test.consume('billing', ['orders'])
    test.broker.offsets.of('billing', 'payments').commit(0, 1)
    const topics = await ask(family, RequestCode.QUERY_TOPICS_BY_CONSUMER, { fields: { group: 'billing' } })
    assert.deepEqual(decodeTopicList(bodyOf(topics)), { topics: ['payments'], brokerAddr: '127.0.0.1:10911' })
    const code = RequestCode.QUERY_SUBSCRIPTION_BY_CONSUMER
    const known = await ask(family, code, { fields: { group: 'billing', topic: 'orders' } })
    assert.equal(decodeGroupSubscription(bodyOf(known)).subscriptionData?.subString, '*')
    const unknown = await ask(family, code, { fields: { group: 'billing', topic: 'payments' } })
    assert.deepEqual(decodeGroupSubscription(bodyOf(unknown)), { group: 'billing', topic: 'payments' })
    // groups that say nothing in heartbeats are known by their pulls and pops
    const subscribed = async (group: string, topic: string) =>
      decodeGroupSubscription(bodyOf(await ask(family, code, { fields: { group, topic } }))).subscriptionData
    test.topic('payments')
    test.pull('audit', 'payments', 0, 0)
    const pulled = await subscribed('audit', 'payments')
    assert.deepEqual([pulled?.subString, pulled?.topic, pulled?.expressionType], ['*', 'payments', 'TAG'])
    assert.equal(pulled?.subVersion, BigInt(test.clock.nowMs()))
    await new TestPops(test, { group: 'tills', topic: 'payments', expression: 'cash||card' }).pop()
    assert.deepEqual((await subscribed('tills', 'payments'))?.tagsSet, ['cash', 'card'])
    assert.equal(await subscribed('tills', 'orders'), undefined)
  })

  it('passes a question on to a client, and its answer back', async (t) => {
    const { clients, family, test } = setUp(t)
    test.consume('billing', ['orders'], 7)
    clients.answer = () => ({ code: 5, remark: 'as it is', body: Buffer.from('{}') })
    const fields = { consumerGroup: 'billing', clientId: 'client-7' }
    assert.deepEqual(await running(family, fields), {
      code: 5,
      remark: 'as it is',
      body: Buffer.from('{}'),
      extFields: {},
    })
    const { command, connectionId, timeoutMs } = clients.calls[0] ?? assert.fail()
    assert.deepEqual(
      [connectionId, timeoutMs, command.code],
      [7, 10_000, RequestCode.GET_CONSUMER_RUNNING_INFO],
    )
    assert.deepEqual({ ...command.extFields }, { jstackEnable: 'false', ...fields })
  })

  it('says so when the client is not there, or does not answer', async (t) => {
    const { clients, family, test } = setUp(t)
    test.consume('billing', ['orders'], 7)
    for (const [consumerGroup, clientId] of [
      ['billing', 'client-8'],
      ['nobody', 'x'],
    ] as const) {
      const { code, remark } = await running(family, { consumerGroup, clientId })
      assert.deepEqual(
        [code, remark],
        [ResponseCode.SYSTEM_ERROR, `The Consumer <${consumerGroup}> <${clientId}> not online`],
      )
    }
    const fields = { consumerGroup: 'billing', clientId: 'client-7' }
    for (const [kind, code] of [
      ['timeout', ResponseCode.CONSUME_MSG_TIMEOUT],
      ['connectionLost', ResponseCode.SYSTEM_ERROR],
    ] as const) {
      clients.answer = () => {
        throw new MqError(kind, 'gone')
      }
      const reply = await running(family, fields)
      assert.deepEqual([reply.code, reply.remark], [code, 'client client-7 did not answer: gone'])
    }
  })

  it('lets a client consume one message, whose bytes go along', async (t) => {
    const { clients, family, test } = setUp(t)
    test.topic('orders')
    test.broker.groups.forUse('billing')
    test.consume('billing', ['orders'], 7)
    const offset = await test.send({ topic: 'orders', body: 'once more' })
    const msgId = offsetMessageIdText({ host: { ip: '127.0.0.1', port: 10_911 }, offset })
    const fields = { consumerGroup: 'billing', msgId, topic: 'orders' }
    await ask(family, RequestCode.CONSUME_MESSAGE_DIRECTLY, { fields })
    const { command, connectionId } = clients.calls[0] ?? assert.fail()
    assert.equal(connectionId, 7)
    const added = { brokerName: 'broker-a', topicSysFlag: '0', groupSysFlag: '0' }
    assert.deepEqual({ ...command.extFields }, { ...fields, ...added })
    assert.equal(decodeMessage(command.body ?? assert.fail()).body.toString(), 'once more')
    const beyond = offsetMessageIdText({ host: { ip: '127.0.0.1', port: 10_911 }, offset: offset + 1 })
    const reply = await ask(family, RequestCode.CONSUME_MESSAGE_DIRECTLY, {
      fields: { ...fields, msgId: beyond },
    })
    assert.equal(reply.code, ResponseCode.SYSTEM_ERROR)
  })

  it('asks all clients of a group, or one, where they are', async (t) => {
    const { clients, family, test } = setUp(t)
    for (const id of [1, 2, 3]) test.consume('billing', ['orders'], id)
    const queue = { topic: 'orders', brokerName: 'broker-a', queueId: 0 }
    clients.answer = (id) => {
      if (id === 2) throw new MqError('timeout', 'silent')
      return { body: encodeConsumerStatus(new Map([[queue, id * 10]])) }
    }
    const code = RequestCode.INVOKE_BROKER_TO_GET_CONSUMER_STATUS
    const fields = { topic: 'orders', group: 'billing' }
    const all = decodeConsumerStatusTable(bodyOf(await ask(family, code, { fields })))
    assert.deepEqual(
      [...all].map(([id, offsets]) => [id, ...offsets.values()]),
      [
        ['client-1', 10],
        ['client-3', 30],
      ],
    )
    const one = await ask(family, code, { fields: { ...fields, clientAddr: 'client-3' } })
    assert.deepEqual([...decodeConsumerStatusTable(bodyOf(one)).keys()], ['client-3'])
    assert.equal(clients.calls[0]?.command.code, RequestCode.GET_CONSUMER_STATUS_FROM_CLIENT)
    assert.deepEqual(
      clients.calls.map(({ timeoutMs }) => timeoutMs),
      [5000, 5000, 5000, 5000],
    )
    await assert.rejects(ask(family, code, { fields: { ...fields, group: 'nobody' } }), {
      kind: 'consumerNotOnline',
    })
  })
})
