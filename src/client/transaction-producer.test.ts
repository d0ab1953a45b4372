import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { encodeMessage } from '../protocol/message-codec.ts'
import { parseOffsetMessageId } from '../protocol/message-id.ts'
import { parseProperties } from '../protocol/message-properties.ts'
import type { Request } from '../protocol/request.ts'
import { RequestCode } from '../protocol/request-code.ts'
import { ResponseCode } from '../protocol/response-code.ts'
import { TestCluster } from './test-cluster.ts'
import type { TransactionCheck, TransactionOutcome, TransactionProducer } from './transaction-producer.ts'

const message = { topic: 'orders', body: 'x', keys: 'order-1' }

async function transactions(
  check: TransactionCheck = () => 'unknown',
): Promise<{ cluster: TestCluster; producer: TransactionProducer; ends: () => Request[] }> {
  const cluster = await TestCluster.of('a')
  cluster.topic('orders', 1)
  const broker = cluster.broker('a')
  broker.intercept.set(RequestCode.END_TRANSACTION, () => ({}))
  const producer = (await cluster.client()).transactionProducer({ group: 'shop', check })
  return { cluster, producer, ends: () => broker.requestsOf(RequestCode.END_TRANSACTION) }
}

/** Asks what became of a transaction, as a broker does. */
async function ask(cluster: TestCluster, group: string): Promise<void> {
  const host = { ip: '10.0.0.1', port: 10_911 }
  const properties = `PGROUP\u0001${group}\u0002TRAN_MSG\u0001true\u0002UNIQ_KEY\u0001TX\u0002KEYS\u0001order-1\u0002`
  const body = encodeMessage({
    ...{ topic: 'orders', queueId: 0, queueOffset: 3, commitLogOffset: 9317, sysFlag: 0, flag: 0 },
    ...{ bornTimestamp: 1, bornHost: host, storeTimestamp: 2, storeHost: host, reconsumeTimes: 0 },
    ...{ preparedTransactionOffset: 0, body: Buffer.from('x'), propertiesBytes: Buffer.from(properties) },
  })
  const extFields = {
    ...{ bname: 'a', commitLogOffset: '9317', tranStateTableOffset: '3', msgId: 'TX', transactionId: 'TX' },
    topic: 'RMQ_SYS_TRANS_HALF_TOPIC',
  }
  const command = { code: RequestCode.CHECK_TRANSACTION_STATE, extFields, body }
  for (const connection of cluster.broker('a').connections) connection.sendOneway(command)
  await cluster.clock.advance(1000)
}

describe('TransactionProducer', () => {
  it('sends a half message, and the outcome of what the program did meanwhile', async () => {
    const { cluster, producer, ends } = await transactions()
    const flags = { commit: '8', rollback: '12', unknown: '0' }
    for (const outcome of ['commit', 'rollback', 'unknown'] as const) {
      const sent = producer.send(message, async ({ transactionId, stored }) => {
        assert.equal(transactionId, stored.messageId)
        assert.equal(ends().length, Object.keys(flags).indexOf(outcome))
        return outcome
      })
      const result = await cluster.result(sent)
      await cluster.clock.advance(100)
      assert.equal(result.outcome, outcome)
      const half = cluster.broker('a').requestsOf(RequestCode.SEND_MESSAGE_V2).at(-1)
      const properties = parseProperties(half?.text('i') ?? '')
      assert.deepEqual([properties.get('TRAN_MSG'), properties.get('PGROUP')], ['true', 'shop'])
      assert.equal(half?.text('f'), '4')
      assert.deepEqual(
        { ...ends().at(-1)?.fields },
        {
          ...{ producerGroup: 'shop', topic: 'orders', commitOrRollback: flags[outcome] },
          ...{ msgId: result.messageId, transactionId: result.messageId, fromTransactionCheck: 'false' },
          tranStateTableOffset: String(result.queueOffset),
          commitLogOffset: String(parseOffsetMessageId(result.offsetMessageId).offset),
        },
      )
    }
    await cluster.close()
  })

  it('leaves it open when the program throws, and takes back what is stored unsurely', async () => {
    const { cluster, producer, ends } = await transactions()
    const error = new Error('the database is gone')
    const result = await cluster.result(
      producer.send(message, () => {
        throw error
      }),
    )
    assert.deepEqual([result.outcome, result.error], ['unknown', error])
    const extFields = { msgId: '0A0000010000277F0000000000000001', queueId: '0', queueOffset: '7' }
    const unsure = { code: ResponseCode.SLAVE_NOT_AVAILABLE, extFields }
    cluster.broker('a').intercept.set(RequestCode.SEND_MESSAGE_V2, () => unsure)
    const taken = await cluster.result(producer.send(message, () => assert.fail('executed')))
    assert.equal(taken.outcome, 'rollback')
    assert.equal(ends().at(-1)?.text('commitOrRollback'), '12')
    await cluster.close()
  })

  it('executes nothing when the message is not taken', async () => {
    const { cluster, producer, ends } = await transactions()
    cluster
      .broker('a')
      .intercept.set(RequestCode.SEND_MESSAGE_V2, () => ({ code: ResponseCode.NO_PERMISSION }))
    const sent = producer.send(message, () => assert.fail('executed'))
    await assert.rejects(cluster.result(sent), { code: 'noPermission' })
    assert.equal(ends().length, 0)
    await cluster.close()
  })

  it('is known to the broker as a producer before it sends', async () => {
    const { cluster, producer } = await transactions()
    await cluster.result(producer.send(message, () => 'commit'))
    assert(cluster.broker('a').heartbeats[0]?.producerGroups.includes('shop'))
    await cluster.close()
  })

  it('answers the broker that asks, unknown where the check fails', async () => {
    const answers: (TransactionOutcome | Error)[] = ['commit', 'rollback', 'unknown', new Error('no answer')]
    const asked: string[] = []
    const { cluster, producer, ends } = await transactions(async ({ keys, topic }) => {
      asked.push(`${topic} ${keys}`)
      const answer = answers.shift() ?? 'unknown'
      if (answer instanceof Error) throw answer
      return answer
    })
    await cluster.result(producer.send(message, () => 'unknown'))
    for (let i = 0; i < 4; i++) await ask(cluster, 'shop')
    assert.deepEqual(asked, Array(4).fill('orders order-1'))
    const checks = ends().slice(1)
    assert.deepEqual(
      checks.map((request) => request.text('commitOrRollback')),
      ['8', '12', '0', '0'],
    )
    for (const { fields } of checks) {
      assert.deepEqual(
        [fields.fromTransactionCheck, fields.commitLogOffset, fields.tranStateTableOffset, fields.msgId],
        ['true', '9317', '3', 'TX'],
      )
    }
    await ask(cluster, 'other group')
    assert.equal(asked.length, 4)
    await cluster.close()
  })

  it('leaves checks to the other clients of its group when it is closed', async () => {
    const { cluster, producer } = await transactions()
    const broker = cluster.broker('a')
    const plain = cluster.clients[0]?.producer({ group: 'shop' })
    await cluster.result(producer.send(message, () => 'commit'))
    await cluster.result(producer.close())
    const farewells = () =>
      broker.requestsOf(RequestCode.UNREGISTER_CLIENT).map(({ fields }) => fields.producerGroup)
    assert.deepEqual(farewells(), [], 'another producer is of the group still')
    await cluster.result(plain?.close() ?? Promise.resolve())
    assert.deepEqual(farewells(), ['shop'])
    await cluster.clock.advance(31_000)
    assert.equal(broker.heartbeats.at(-1)?.producerGroups.includes('shop'), false)
    await cluster.close()
  })

  it('is there once a group and client', async () => {
    const { cluster } = await transactions()
    const [client] = cluster.clients
    assert.throws(() => client?.transactionProducer({ group: 'shop', check: () => 'commit' }), {
      code: 'invalidParameter',
    })
    await cluster.close()
  })
})
