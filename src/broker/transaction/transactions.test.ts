import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { SystemGroup, SystemTopic } from '../../protocol/names.ts'
import { TestTransactions, TX_GROUP } from './test-transactions.ts'

const ROUND_MS = 30_000

describe('Transactions', () => {
  it('leave no timer behind when the log takes nothing any more at the stop', async () => {
    const tx = TestTransactions.open()
    const half = await tx.prepare('m')
    await tx.end(half, 'COMMITTED')
    tx.disk.fail(({ kind, path }) => kind === 'write' && path.includes('commitlog'), 'ENOSPC')
    await tx.test.close()
    assert.equal(tx.test.clock.timerCount, 0)
  })

  it('show a message when it is committed, not before', async () => {
    const tx = TestTransactions.open()
    const half = await tx.prepare('m', { TAGS: 'A', KEYS: 'k' })
    assert.deepEqual(await tx.bodies(), [])
    assert.equal(await tx.commit(half), 'ok')
    const [message] = await tx.test.messages('orders', 1)
    assert.equal(message?.body.toString(), 'm')
    assert.equal(message?.sysFlag, 8)
    assert.equal(message?.preparedTransactionOffset, half.physicalOffset)
    assert.equal(message?.properties.get('TAGS'), 'A')
    assert.equal(message?.properties.get('__transactionId__'), 'key-m')
    assert.equal(message?.properties.get('REAL_TOPIC'), 'orders')
    await tx.close()
  })

  it('keep half messages as RocketMQ does: in queue 0, with the place that they are for', async () => {
    const tx = TestTransactions.open()
    await tx.prepare('m')
    const [half] = await tx.test.messages(SystemTopic.TRANS_HALF)
    assert.equal(half?.sysFlag, 0)
    assert.equal(half?.preparedTransactionOffset, 0)
    assert.equal(half?.properties.get('REAL_TOPIC'), 'orders')
    assert.equal(half?.properties.get('REAL_QID'), '1')
    assert.equal(half?.properties.get('TRAN_MSG'), 'true')
    await tx.close()
  })

  it('never show a message that is rolled back', async () => {
    const tx = TestTransactions.open()
    const half = await tx.prepare('m')
    assert.equal(await tx.rollBack(half), 'ok')
    await tx.rounds(10)
    assert.deepEqual(await tx.bodies(), [])
    assert.deepEqual(tx.asked, [])
    await tx.close()
  })

  it('refuse a commit after a rollback and the reverse, also after a kill (issue apache/rocketmq#2694)', async () => {
    let tx = TestTransactions.open()
    const [rolledBack, committed] = [await tx.prepare('a'), await tx.prepare('b')]
    await tx.rollBack(rolledBack)
    await tx.commit(committed)
    for (let round = 0; round < 2; round++) {
      assert.equal(await tx.commit(rolledBack), 'transactionRefused')
      assert.equal(await tx.rollBack(committed), 'transactionRefused')
      assert.deepEqual(await tx.bodies(), ['b'])
      tx = tx.killed()
    }
    await tx.close()
  })

  it('refuse a commit that comes in the turn of a rollback', async () => {
    const tx = TestTransactions.open()
    const half = await tx.prepare('m')
    const answers = [tx.ask(half, 'ROLLED_BACK'), tx.ask(half, 'COMMITTED'), tx.ask(half, 'ROLLED_BACK')]
    await tx.test.clock.settle()
    assert.deepEqual(await Promise.all(answers), ['ok', 'transactionRefused', 'ok'])
    assert.deepEqual(await tx.bodies(), [])
    await tx.close()
  })

  it('answer an end that is said twice, and deliver once', async () => {
    let tx = TestTransactions.open()
    const half = await tx.prepare('m')
    const answers = [tx.ask(half, 'COMMITTED'), tx.ask(half, 'COMMITTED')]
    await tx.test.clock.settle()
    assert.deepEqual(await Promise.all(answers), ['ok', 'ok'])
    assert.equal(await tx.commit(half), 'ok')
    tx = tx.killed()
    assert.equal(await tx.commit(half), 'ok')
    assert.deepEqual(await tx.bodies(), ['m'])
    await tx.close()
  })

  it('refuse an end that names another group, queue offset or message', async () => {
    const tx = TestTransactions.open()
    const half = await tx.prepare('m')
    const other = await tx.test.send({ topic: 'orders', body: 'x' })
    assert.equal(await tx.commit(half, { group: 'other' }), 'transactionRefused')
    assert.equal(await tx.commit({ ...half, queueOffset: 1 }), 'transactionRefused')
    assert.equal(await tx.commit({ ...half, physicalOffset: other }), 'transactionRefused')
    assert.equal(await tx.commit({ ...half, physicalOffset: half.physicalOffset + 1 }), 'transactionRefused')
    assert.equal(await tx.commit(half), 'ok')
    await tx.close()
  })

  it('begin a delay when the message is committed', async () => {
    const tx = TestTransactions.open()
    const half = await tx.prepare('later', { DELAY: '2' })
    await tx.test.clock.advance(10_000)
    assert.equal(await tx.commit(half), 'ok')
    await tx.test.clock.advance(5000)
    assert.deepEqual(await tx.bodies(), [])
    await tx.test.clock.advance(1)
    assert.deepEqual(await tx.bodies(), ['later'])
    await tx.close()
  })

  it('are refused where the broker is told to', async () => {
    const tx = TestTransactions.open({ settings: { rejectTransactionMessage: true } })
    await assert.rejects(tx.prepare('m'), { kind: 'noPermission' })
    await tx.close()
  })

  it('let pass what is sent to be tried again, and what only looks like a transaction', async () => {
    const tx = TestTransactions.open()
    await tx.test.send({ topic: 'orders', body: 'no', properties: { TRAN_MSG: 'false' } })
    await tx.test.send({
      topic: 'orders',
      body: 'again',
      reconsumeTimes: 1,
      properties: { TRAN_MSG: 'true', DELAY: '1' },
    })
    await tx.test.clock.advance(1001)
    assert.deepEqual(await tx.test.bodies('orders'), ['no', 'again'])
    assert.equal(tx.halfCount, 0)
    await tx.close()
  })

  it('say which half messages are done with, as RocketMQ does: many in one message, with the tag d', async () => {
    const tx = TestTransactions.open()
    const halves = [await tx.prepare('a'), await tx.prepare('b'), await tx.prepare('c')]
    for (const half of halves.slice(0, 2)) await tx.commit(half)
    assert.deepEqual(await tx.ops(), [])
    await tx.test.clock.advance(3000)
    const [op] = await tx.test.messages(SystemTopic.TRANS_OP_HALF)
    assert.equal(op?.body.toString(), '0,1,')
    assert.deepEqual(
      [...(op?.properties ?? [])],
      [
        ['WAIT', 'true'],
        ['TAGS', 'd'],
      ],
    )
    // a rollback is nowhere else in the log, and does not wait
    await tx.rollBack(halves[2] as (typeof halves)[0])
    assert.deepEqual(await tx.ops(), ['0,1,', '2,'])
    await tx.close()
  })

  it('commit what a full disk has refused, when it takes messages again', async () => {
    const tx = TestTransactions.open()
    const [a, b] = [await tx.prepare('a'), await tx.prepare('b')]
    const heal = tx.disk.fail((op) => op.kind === 'write' && op.path.includes('commitlog'), 'ENOSPC')
    assert.equal(await tx.commit(a), 'notWritable')
    assert.equal(await tx.rollBack(b), 'notWritable')
    heal()
    await tx.test.clock.advance(5000)
    assert.equal(await tx.commit(a), 'ok')
    assert.equal(await tx.commit(b), 'ok')
    assert.deepEqual(await tx.bodies(), ['a', 'b'])
    await tx.close()
  })

  it('keep their progress as the offsets of RocketMQ’s group', async () => {
    const tx = TestTransactions.open()
    const offsets = (): (number | undefined)[] =>
      [SystemTopic.TRANS_HALF, SystemTopic.TRANS_OP_HALF].map((topic) =>
        tx.test.broker.offsets.find(SystemGroup.TRANS, topic)?.get(0),
      )
    const halves = [await tx.prepare('a'), await tx.prepare('b'), await tx.prepare('c')]
    await tx.rollBack(halves[0] as (typeof halves)[0])
    await tx.rollBack(halves[2] as (typeof halves)[0])
    await tx.test.clock.advance(ROUND_MS - 1)
    tx.test.broker.clients.connectionClosed(2)
    await tx.test.clock.advance(2)
    assert.deepEqual(offsets(), [1, 1], 'the second still needs its op message')
    await tx.commit(halves[1] as (typeof halves)[0])
    await tx.test.clock.advance(ROUND_MS)
    assert.deepEqual(offsets(), [3, 3])
    await tx.close()
  })

  it('leave nothing where nobody uses them', async () => {
    const tx = TestTransactions.open()
    await tx.test.send({ topic: 'orders', body: 'm' })
    await tx.rounds(2)
    assert.deepEqual(tx.test.broker.offsets.topicsOf(SystemGroup.TRANS), [])
    await tx.close()
  })

  it('count a half message for the half topic, and what is committed for its own, as RocketMQ does', async () => {
    const tx = TestTransactions.open()
    const half = await tx.prepare('m')
    const { topics } = tx.test.broker
    assert.equal(topics.require('orders').puts.count, 0)
    assert.equal(topics.require(SystemTopic.TRANS_HALF).puts.count, 1)
    await tx.commit(half)
    assert.equal(topics.require('orders').puts.count, 1)
    await tx.close()
  })

  it('forget nothing in a power failure that took the end of the log', async () => {
    const tx = TestTransactions.open()
    for (let i = 0; i < 3; i++) await tx.commit(await tx.prepare(`m${i}`))
    await tx.test.clock.advance(ROUND_MS)
    tx.test.broker.offsets.of(SystemGroup.TRANS, SystemTopic.TRANS_HALF).commit(0, 99)
    await tx.test.clock.advance(10)
    let after = tx.killed()
    const half = await after.prepare('new')
    after = after.killed()
    assert.equal(after.test.broker.transactions.count, 1)
    assert.equal(await after.commit(half), 'ok')
    await after.close()
  })

  it('belong to a group: one that nobody of is here waits', async () => {
    const tx = TestTransactions.open()
    await tx.prepare('m', { PGROUP: 'others' })
    await tx.rounds(10)
    assert.equal(tx.asked.length, 0)
    assert.equal(tx.halfCount, 1)
    assert.notEqual(TX_GROUP, 'others')
    await tx.close()
  })
})
