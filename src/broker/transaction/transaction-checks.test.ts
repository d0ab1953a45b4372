import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { SystemTopic } from '../../protocol/names.ts'
import { testSettings } from '../../store/test-store.ts'
import { TestTransactions, TX_GROUP } from './test-transactions.ts'

const ROUND_MS = 30_000
const CHECKS_MAX = 15

describe('TransactionChecks', () => {
  it('asks with a new copy in the half queue, whose offsets end the transaction', async () => {
    const tx = TestTransactions.open()
    const half = await tx.prepare('m')
    await tx.test.clock.advance(ROUND_MS)
    assert.equal(tx.asked.length, 1)
    const message = tx.asked[0]?.message
    assert.equal(message?.topic, 'orders')
    assert.equal(message?.queueId, 1)
    assert.equal(message?.queueOffset, 1)
    assert.equal(message?.properties.get('TRANSACTION_CHECK_TIMES'), '1')
    assert.equal(message?.properties.get('WAIT'), 'false')
    assert.equal(message?.preparedTransactionOffset, 0)
    assert.equal(await tx.commit(tx.checked(0), { isFromCheck: true }), 'ok')
    assert.deepEqual(await tx.bodies(), ['m'])
    // the producer's own word may come after the answer to the check
    assert.equal(await tx.commit(half), 'ok')
    assert.equal(await tx.rollBack(half), 'transactionRefused')
    assert.deepEqual(await tx.bodies(), ['m'])
    await tx.close()
  })

  it('takes the end of the first copy for the end of all', async () => {
    let tx = TestTransactions.open()
    const half = await tx.prepare('m')
    await tx.rounds(2)
    assert.equal(tx.asked.length, 2)
    assert.equal(await tx.commit(half), 'ok')
    assert.equal(await tx.commit(tx.checked(1)), 'ok')
    assert.equal(await tx.rollBack(tx.checked(0)), 'transactionRefused')
    tx = tx.killed()
    await tx.rounds(3)
    assert.deepEqual(tx.asked, [])
    assert.deepEqual(await tx.bodies(), ['m'])
    await tx.close()
  })

  it('never asks about a transaction that has ended (issue apache/rocketmq#1517)', async () => {
    let tx = TestTransactions.open()
    for (let i = 0; i < 40; i++) {
      const half = await tx.prepare(`m${i}`)
      await (i % 2 === 0 ? tx.commit(half) : tx.rollBack(half))
    }
    // killed before the ops of the commits were written: the log itself says that they have ended
    tx = tx.killed()
    await tx.rounds(5)
    assert.deepEqual(tx.asked, [])
    assert.equal((await tx.bodies()).length, 20)
    await tx.close()
  })

  it('does not lose a message whose immunity ends at the moment of a check (issue apache/rocketmq#544)', async () => {
    const tx = TestTransactions.open()
    await tx.prepare('m', { CHECK_IMMUNITY_TIME_IN_SECONDS: String(ROUND_MS / 1000) })
    await tx.test.clock.advance(ROUND_MS)
    assert.equal(tx.asked.length, 0)
    await tx.test.clock.advance(ROUND_MS)
    assert.equal(tx.asked.length, 1)
    await tx.close()
  })

  it('goes by the time that the message gives in place of the broker’s, shorter or longer', async () => {
    const tx = TestTransactions.open({ settings: { transactionTimeOut: 40_000 } })
    await tx.prepare('own')
    await tx.prepare('short', { CHECK_IMMUNITY_TIME_IN_SECONDS: '10' })
    await tx.prepare('long', { CHECK_IMMUNITY_TIME_IN_SECONDS: '70' })
    const askedOf = (): string[] => tx.asked.map(({ message }) => message.body.toString())
    await tx.test.clock.advance(ROUND_MS)
    assert.deepEqual(askedOf(), ['short'])
    await tx.test.clock.advance(ROUND_MS)
    assert.deepEqual(askedOf(), ['short', 'own', 'short'])
    await tx.test.clock.advance(ROUND_MS)
    assert.deepEqual(askedOf().slice(3).sort(), ['long', 'own', 'short'])
    await tx.close()
  })

  it('refuses an end by the producer after the time that its message gave, and takes it as an answer', async () => {
    const tx = TestTransactions.open()
    const half = await tx.prepare('m', { CHECK_IMMUNITY_TIME_IN_SECONDS: '5' })
    await tx.test.clock.advance(5001)
    assert.equal(await tx.commit(half), 'tooLate')
    await tx.test.clock.advance(ROUND_MS)
    assert.equal(await tx.commit(tx.checked(0), { isFromCheck: true }), 'ok')
    await tx.close()
  })

  it('counts only checks that were sent, and parks no message unasked (issue apache/rocketmq#8311)', async () => {
    const tx = TestTransactions.open()
    await tx.prepare('immune', { CHECK_IMMUNITY_TIME_IN_SECONDS: '1200' })
    await tx.prepare('alone', { PGROUP: 'gone' })
    await tx.rounds(20)
    assert.equal(tx.asked.length, 0)
    assert.equal(tx.halfCount, 2, 'what was not asked is not copied')
    tx.produce('gone', 7)
    await tx.rounds(20 + CHECKS_MAX + 2)
    const askedOf = (body: string): number =>
      tx.asked.filter(({ message }) => message.body.toString() === body).length
    assert.deepEqual([askedOf('immune'), askedOf('alone')], [CHECKS_MAX, CHECKS_MAX])
    assert.deepEqual((await tx.parked()).sort(), ['alone', 'immune'])
    await tx.close()
  })

  it('parks a message that nobody ends after so many checks, and asks no more', async () => {
    let tx = TestTransactions.open({ settings: { transactionCheckMax: 3 } })
    const half = await tx.prepare('m')
    await tx.rounds(20)
    assert.equal(tx.asked.length, 3)
    assert.deepEqual(await tx.parked(), ['m'])
    assert.equal(await tx.commit(half), 'transactionRefused')
    tx = tx.killed()
    await tx.rounds(5)
    assert.deepEqual(tx.asked, [])
    assert.deepEqual(await tx.parked(), ['m'])
    assert.deepEqual(await tx.bodies(), [])
    await tx.close()
  })

  it('parks what nobody could be asked about before the log may lose it', async () => {
    const retention = { ...testSettings().retention, fileReservedHours: 1 }
    const tx = TestTransactions.open({ store: { retention } })
    await tx.prepare('m', { PGROUP: 'gone' })
    await tx.test.clock.advance(59 * 60_000)
    assert.deepEqual(await tx.parked(), [])
    await tx.test.clock.advance(2 * 60_000)
    assert.deepEqual(await tx.parked(), ['m'])
    await tx.close()
  })

  it('asks about a parked message again when an admin says so, once', async () => {
    const tx = TestTransactions.open({ settings: { transactionCheckMax: 1 } })
    const half = await tx.prepare('m')
    await tx.rounds(2)
    const [parked] = await tx.test.messages(SystemTopic.TRANS_CHECK_MAX_TIME)
    const offset = parked?.commitLogOffset ?? -1
    const { transactions } = tx.test.broker
    assert.throws(() => transactions.resume(half.physicalOffset, () => undefined), {
      kind: 'transactionRefused',
    })
    transactions.resume(offset, (error) => assert.equal(error, undefined))
    await tx.test.clock.settle()
    assert.throws(() => transactions.resume(offset, () => undefined), { kind: 'transactionRefused' })
    await tx.test.clock.advance(ROUND_MS)
    assert.equal(tx.asked.length, 2)
    assert.equal(tx.asked[1]?.message.properties.get('TRANSACTION_CHECK_TIMES'), '1')
    assert.equal(await tx.commit(tx.checked(1), { isFromCheck: true }), 'ok')
    assert.deepEqual(await tx.bodies(), ['m'])
    await tx.close()
  })

  it('asks the clients of a group in turn', async () => {
    const tx = TestTransactions.open()
    tx.produce(TX_GROUP, 5)
    for (let i = 0; i < 4; i++) await tx.prepare(`m${i}`)
    await tx.test.clock.advance(ROUND_MS)
    assert.deepEqual(
      tx.asked.map(({ connectionId }) => connectionId),
      [2, 5, 2, 5],
    )
    await tx.close()
  })

  it('deals with the others, and moves on, when one message fails (issue apache/rocketmq#9500)', async () => {
    const tx = TestTransactions.open()
    for (let i = 0; i < 5; i++) await tx.prepare(`m${i}`)
    const { clients } = tx.test.broker
    const { producers } = clients
    let calls = 0
    clients.producers = (group) => {
      if (++calls === 2) throw new Error('a fault of ours')
      return producers.call(clients, group)
    }
    await tx.test.clock.advance(ROUND_MS)
    assert.equal(tx.asked.length, 4)
    await tx.test.clock.advance(ROUND_MS)
    assert.equal(tx.asked.length, 9)
    await tx.close()
  })

  it('does not ask all at once, and stops with the broker', async () => {
    const tx = TestTransactions.open()
    for (let i = 0; i < 200; i++) await tx.prepare(`m${i}`)
    await tx.test.clock.advance(ROUND_MS)
    assert.equal(tx.asked.length, 64)
    await tx.test.clock.advance(10)
    assert.equal(tx.asked.length, 128)
    await tx.close()
    await tx.test.clock.advance(1000)
    assert.equal(tx.asked.length, 128)
  })

  it('asks again when the disk takes copies again', async () => {
    const tx = TestTransactions.open()
    await tx.prepare('m')
    const heal = tx.disk.fail((op) => op.kind === 'write' && op.path.includes('commitlog'), 'ENOSPC')
    await tx.rounds(2)
    assert.equal(tx.asked.length, 0)
    heal()
    await tx.rounds(2)
    assert.ok(tx.asked.length > 0)
    assert.equal(tx.asked[0]?.message.properties.get('TRANSACTION_CHECK_TIMES'), '1')
    await tx.close()
  })
})
