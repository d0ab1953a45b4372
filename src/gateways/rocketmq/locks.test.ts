import assert from 'node:assert/strict'
import { describe, it, type TestContext } from 'node:test'
import { LOCK_MS_MAX } from '../../broker/queue-locks.ts'
import { encodeHeartbeatData } from '../../protocol/heartbeat-data.ts'
import { decodeLockedQueues, encodeLockBatch } from '../../protocol/lock-batch.ts'
import { RequestCode } from '../../protocol/request-code.ts'
import { ResponseCode } from '../../protocol/response-code.ts'
import { tagSubscription } from '../../protocol/subscription-data.ts'
import { parseTagExpression } from '../../protocol/tag-expression.ts'
import { type TestConnection, TestDoor } from './test-door.ts'

const GROUP = 'billing'
const QUEUE = { topic: 'orders', brokerName: 'broker-a', queueId: 0 }

/** A consumer of the group, as far as the broker can see it. */
class Consumer {
  readonly clientId: string
  readonly #connection: TestConnection

  constructor(clientId: string, connection: TestConnection) {
    this.clientId = clientId
    this.#connection = connection
  }

  async beat(): Promise<void> {
    const subscription = tagSubscription('orders', parseTagExpression('*'), 1n)
    const body = encodeHeartbeatData({
      ...{ clientID: this.clientId, heartbeatFingerprint: 0, withoutSub: false, producerGroups: [] },
      consumers: [
        {
          ...{
            groupName: GROUP,
            consumeType: 'CONSUME_PASSIVELY',
            messageModel: 'CLUSTERING',
            unitMode: false,
          },
          ...{ consumeFromWhere: 'CONSUME_FROM_FIRST_OFFSET', subscriptionDataSet: [subscription] },
        },
      ],
    })
    const { answer } = await this.#connection.ask(RequestCode.HEART_BEAT, {}, { body })
    assert.equal(answer?.code, ResponseCode.SUCCESS)
  }

  /** @returns whether it has the queue now */
  async lock(): Promise<boolean> {
    const { answer } = await this.#connection.ask(RequestCode.LOCK_BATCH_MQ, {}, { body: this.#batch })
    return decodeLockedQueues(answer?.body ?? Buffer.alloc(0)).length === 1
  }

  async leave(): Promise<void> {
    await this.#connection.ask(RequestCode.UNREGISTER_CLIENT, {
      clientID: this.clientId,
      consumerGroup: GROUP,
    })
  }

  async unlock(): Promise<void> {
    await this.#connection.ask(RequestCode.UNLOCK_BATCH_MQ, {}, { body: this.#batch })
  }

  /** @returns the code of the answer */
  async commit(offset: number): Promise<number | undefined> {
    const fields = { consumerGroup: GROUP, topic: 'orders', queueId: '0', commitOffset: String(offset) }
    return (await this.#connection.ask(RequestCode.UPDATE_CONSUMER_OFFSET, fields)).answer?.code
  }

  /** Pulls from an offset, and commits it on the way, as a push consumer does. */
  async pull(offset: number): Promise<number | undefined> {
    const { answer } = await this.#connection.ask(RequestCode.PULL_MESSAGE, {
      ...{
        consumerGroup: GROUP,
        topic: 'orders',
        queueId: '0',
        queueOffset: String(offset),
        maxMsgNums: '1',
      },
      ...{
        sysFlag: '5',
        commitOffset: String(offset),
        suspendTimeoutMillis: '0',
        subscription: '*',
        subVersion: '1',
      },
    })
    return answer?.code
  }

  get #batch(): Buffer {
    return encodeLockBatch({
      consumerGroup: GROUP,
      clientId: this.clientId,
      onlyThisBroker: false,
      queues: [QUEUE],
    })
  }
}

async function setUp(t: TestContext): Promise<{ door: TestDoor; old: Consumer; young: Consumer }> {
  const door = await TestDoor.open()
  t.after(() => door.close())
  door.test.topic('orders', 1)
  for (let i = 0; i < 10; i++) await door.test.send({ topic: 'orders', body: `m${i}` })
  const [old, young] = [
    new Consumer('old', await door.connect()),
    new Consumer('young', await door.connect()),
  ]
  for (const consumer of [old, young]) await consumer.beat()
  return { door, old, young }
}

describe('queues that are consumed in order', () => {
  it('are not locked by a client whose name is longer than those that are remembered', async (t) => {
    const { door } = await setUp(t)
    const client = await door.connect()
    const batch = { consumerGroup: GROUP, onlyThisBroker: false, queues: [QUEUE] }
    const lock = async (clientId: string): Promise<number | undefined> => {
      const body = encodeLockBatch({ ...batch, clientId })
      return (await client.ask(RequestCode.LOCK_BATCH_MQ, {}, { body })).answer?.code
    }
    assert.equal(await lock('c'.repeat(1025)), ResponseCode.INVALID_PARAMETER)
    assert.equal(await lock('c'.repeat(1024)), ResponseCode.SUCCESS)
  })

  it('take no word of a client whose lock has gone to another (R13, issue #4086)', async (t) => {
    const { door, old, young } = await setUp(t)
    const committed = (): number | undefined => door.test.broker.offsets.find(GROUP, 'orders')?.get(0)
    assert.equal(await old.lock(), true)
    assert.equal(await young.lock(), false)
    assert.equal(await old.commit(3), ResponseCode.SUCCESS)
    await old.unlock()
    assert.equal(await old.commit(4), ResponseCode.SUCCESS, 'nobody else has it yet')
    assert.equal(await young.lock(), true)
    assert.equal(await young.commit(6), ResponseCode.SUCCESS)
    assert.equal(await old.commit(5), ResponseCode.NO_PERMISSION)
    assert.equal(await old.pull(5), ResponseCode.SUCCESS)
    assert.equal(committed(), 6, 'neither by itself nor with a pull')
    assert.equal(await young.pull(7), ResponseCode.SUCCESS)
    assert.equal(committed(), 7)
    assert.equal(door.test.broker.fence.refused, 2)
  })

  it('go to another when their holder is silent for a minute, and stay there', async (t) => {
    const { door, old, young } = await setUp(t)
    await old.lock()
    await door.test.clock.advance(LOCK_MS_MAX - 5000)
    for (const consumer of [old, young]) await consumer.beat()
    assert.equal(await young.lock(), false)
    await door.test.clock.advance(6000)
    assert.equal(await young.lock(), true)
    assert.equal(await old.lock(), false)
    assert.equal(await old.commit(2), ResponseCode.NO_PERMISSION)
  })

  it('are free when their holder leaves the group, whatever else it forgot to give back', async (t) => {
    const { old, young } = await setUp(t)
    assert.equal(await old.lock(), true)
    await young.leave()
    await young.beat()
    assert.equal(await young.lock(), false, 'nobody gives back what is not theirs')
    await old.leave()
    assert.equal(await young.lock(), true)
  })

  it('go to a client whose heartbeat has not come yet, as when a broker joins', async (t) => {
    const door = await TestDoor.open()
    t.after(() => door.close())
    door.test.topic('orders', 1)
    const early = new Consumer('early', await door.connect())
    assert.equal(await early.lock(), true)
    const late = new Consumer('late', await door.connect())
    assert.equal(await late.lock(), false)
  })

  it('take the word of a tool, and of anybody where no queue is held', async (t) => {
    const { door, old, young } = await setUp(t)
    assert.equal(await young.commit(1), ResponseCode.SUCCESS, 'consumers that need no order (issue #2837)')
    await old.lock()
    const tool = new Consumer('tool', await door.connect())
    assert.equal(await tool.commit(8), ResponseCode.SUCCESS)
    assert.equal(door.test.broker.offsets.find(GROUP, 'orders')?.get(0), 8)
  })

  it('are not taken back by a client that does not say who it is, unless it holds them', async (t) => {
    const { door, young } = await setUp(t)
    await young.lock()
    assert.equal(await young.commit(6), ResponseCode.SUCCESS)
    const silent = new Consumer('silent', await door.connect())
    assert.equal(await silent.commit(5), ResponseCode.NO_PERMISSION)
    assert.equal(await silent.commit(6), ResponseCode.SUCCESS)
    const again = new Consumer('young', await door.connect())
    assert.equal(await again.lock(), true)
    assert.equal(await again.commit(4), ResponseCode.SUCCESS, 'its lock says who it is')
  })

  it('are not taken back after a restart either, until somebody holds them (R13, issue #4086)', async (t) => {
    const before = await setUp(t)
    await before.young.lock()
    assert.equal(await before.young.commit(6), ResponseCode.SUCCESS)
    const { host } = before.door.test
    await before.door.close()
    const door = await TestDoor.open({ host })
    t.after(() => door.close())
    const committed = (): number | undefined => door.test.broker.offsets.find(GROUP, 'orders')?.get(0)
    const [old, young] = [
      new Consumer('old', await door.connect()),
      new Consumer('young', await door.connect()),
    ]
    assert.equal(await old.commit(5), ResponseCode.NO_PERMISSION, 'it has not said who it is')
    for (const consumer of [old, young]) await consumer.beat()
    assert.equal(await old.commit(5), ResponseCode.NO_PERMISSION)
    assert.equal(await young.commit(7), ResponseCode.SUCCESS)
    assert.equal(committed(), 7)
    assert.equal(await young.commit(6), ResponseCode.SUCCESS, 'it may go back: the queue was its own')
    assert.equal(await old.lock(), true, 'a lock does not outlive the broker')
    assert.equal(await old.commit(5), ResponseCode.SUCCESS)
    assert.equal(await young.commit(9), ResponseCode.NO_PERMISSION)
    assert.equal(committed(), 5)
  })

  it('are not moved on after a restart by one that held them, has not said so, and came too late', async (t) => {
    const before = await setUp(t)
    await before.young.lock()
    assert.equal(await before.young.commit(5), ResponseCode.SUCCESS)
    const { host } = before.door.test
    await before.door.close()
    const door = await TestDoor.open({ host })
    t.after(() => door.close())
    const [old, young] = [
      new Consumer('old', await door.connect()),
      new Consumer('young', await door.connect()),
    ]
    assert.equal(await old.lock(), true)
    // the new holder begins at 5, and would take the group back from 7
    assert.equal(await young.commit(7), ResponseCode.NO_PERMISSION)
    assert.equal(door.test.broker.offsets.find(GROUP, 'orders')?.get(0), 5)
    await door.test.clock.advance(40_000)
    assert.equal(await old.lock(), true)
    await door.test.clock.advance(40_000)
    const tool = new Consumer('tool', await door.connect())
    assert.equal(await tool.commit(7), ResponseCode.SUCCESS, 'a minute later it may be a tool')
  })
})
