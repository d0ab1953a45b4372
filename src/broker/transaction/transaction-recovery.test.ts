import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { describe, it } from 'node:test'
import { MemoryDisk } from '../../base/host/memory-disk.ts'
import { VirtualClock } from '../../base/host/virtual-clock.ts'
import { SystemGroup, SystemTopic } from '../../protocol/names.ts'
import { RecordScan } from '../../protocol/record-scan.ts'
import { readArchive, unpack } from '../../store/test-archive.ts'
import { TEST_START_MS, testHost, testSettings } from '../../store/test-store.ts'
import { TestBroker } from '../test-broker.ts'
import { type Half, TestTransactions } from './test-transactions.ts'
import type { TransactionCheck } from './transaction-checks.ts'

const FIXTURES = new URL('../../../test/fixtures/store-5x/', import.meta.url)
const ROUND_MS = 30_000

/** A broker on a store that RocketMQ has written, and what it asks of producers. */
function onFixture(name: string): { test: TestBroker; asked: TransactionCheck[] } {
  const clock = new VirtualClock(TEST_START_MS + 400_000_000)
  const disk = new MemoryDisk({ clock })
  const entries = readArchive(readFileSync(new URL(`${name}.tar.gz`, FIXTURES)))
  unpack(
    entries.filter(({ path }) => !path.startsWith('timer')),
    disk,
    '/store',
  )
  const test = TestBroker.open({
    host: testHost(disk, clock),
    // RocketMQ has asked as often as it does
    settings: { transactionCheckMax: 100 },
    store: {
      ...{ commitLogFileBytes: 1_048_576, consumeQueueFileBytes: 6000 },
      index: { slotCount: 100, entryCount: 400 },
      retention: { ...testSettings().retention, fileReservedHours: 1_000_000 },
    },
  })
  const asked: TransactionCheck[] = []
  test.broker.transactions.onCheck = (check) => asked.push(check)
  return { test, asked }
}

/** Stores a copy of a half message as RocketMQ does: without a mark. */
async function copyUnmarked(
  { test }: TestTransactions,
  half: Half,
  checks: number,
  firstQueueOffset?: number,
): Promise<void> {
  const { copier, store } = test.broker
  const bytes = store.recordAt(half.physicalOffset) as Buffer
  const record = new RecordScan()
  record.read(bytes, 0, bytes.length, half.physicalOffset)
  const set = new Map([
    ['TRANSACTION_CHECK_TIMES', String(checks)],
    ...(firstQueueOffset === undefined
      ? []
      : ([['TRAN_PREPARED_QUEUE_OFFSET', String(firstQueueOffset)]] as const)),
  ])
  copier.copy(record, { topic: store.topic(SystemTopic.TRANS_HALF), queueId: 0, set }, undefined, 0)
  await test.clock.settle()
}

describe('TransactionRecovery', () => {
  it('goes on with transactions of RocketMQ, of whose copies the newest counts', async () => {
    for (const name of ['store-clean', 'store-kill9', 'store-torn']) {
      const { test, asked } = onFixture(name)
      const { transactions } = test.broker
      assert.equal(transactions.count, 1, name)
      const before = (await Promise.all([0, 1, 2, 3].map((queueId) => test.bodies('F_TRAN', queueId)))).flat()
      test.produce('PG_FIX_TX')
      await test.clock.advance(ROUND_MS)
      const [check] = asked
      assert.ok(check, name)
      transactions.end(
        {
          ...{ group: 'PG_FIX_TX', ending: 'COMMITTED', isFromCheck: true },
          ...{ physicalOffset: check.message.commitLogOffset, queueOffset: check.message.queueOffset },
        },
        (error) => assert.equal(error, undefined),
      )
      await test.clock.settle()
      const after = (await Promise.all([0, 1, 2, 3].map((queueId) => test.bodies('F_TRAN', queueId)))).flat()
      assert.equal(after.length, before.length + 1, name)
      assert.equal(transactions.count, 0, name)
      await test.close()
    }
  })

  it('takes copies without a mark for one transaction', async () => {
    let tx = TestTransactions.open()
    const half = await tx.prepare('m')
    await copyUnmarked(tx, half, 1)
    await copyUnmarked(tx, half, 2)
    await tx.prepare('other')
    tx = tx.killed()
    assert.equal(tx.test.broker.transactions.count, 2)
    await tx.rounds(1)
    assert.deepEqual(tx.asked.map(({ message }) => message.body.toString()).sort(), ['m', 'other'])
    await tx.close()
  })

  it('ends the copy that passed its time of immunity where an op lists the first', async () => {
    let tx = TestTransactions.open()
    const half = await tx.prepare('m', { CHECK_IMMUNITY_TIME_IN_SECONDS: '60' })
    await copyUnmarked(tx, half, 1, half.queueOffset)
    await tx.test.send({ topic: SystemTopic.TRANS_OP_HALF, body: '0,', properties: { TAGS: 'd' } })
    tx = tx.killed()
    assert.equal(tx.test.broker.transactions.count, 0)
    await tx.close()
  })

  it('ends the copy of a check where an op lists the first, which was passed over', async () => {
    let tx = TestTransactions.open()
    await tx.prepare('m')
    await tx.rounds(1)
    // the rollback was on its way into the log with the first copy's offset when the second took its place
    await tx.test.send({ topic: SystemTopic.TRANS_OP_HALF, body: '0,', flag: 12, properties: { TAGS: 'd' } })
    tx.test.broker.offsets.of(SystemGroup.TRANS, SystemTopic.TRANS_HALF).commit(0, 1)
    await tx.test.clock.advance(10)
    tx = tx.killed()
    assert.equal(tx.test.broker.transactions.count, 0)
    await tx.close()
  })

  it('reads all where a power failure has taken what the offsets go by', async () => {
    let tx = TestTransactions.open()
    const [done, open] = [await tx.prepare('done'), await tx.prepare('open')]
    await tx.commit(done)
    const { offsets } = tx.test.broker
    offsets.of(SystemGroup.TRANS, SystemTopic.TRANS_HALF).commit(0, 9)
    offsets.of(SystemGroup.TRANS, SystemTopic.TRANS_OP_HALF).commit(0, 9)
    await tx.test.clock.advance(10)
    tx = tx.killed()
    assert.equal(tx.test.broker.transactions.count, 1)
    assert.equal(await tx.commit(done), 'ok')
    assert.equal(await tx.commit(open), 'ok')
    assert.deepEqual(await tx.bodies(), ['done', 'open'])
    await tx.close()
  })

  it('keeps two messages apart that were sent with one key', async () => {
    let tx = TestTransactions.open()
    const [one, other] = [await tx.prepare('m'), await tx.prepare('m')]
    await tx.rollBack(other)
    tx = tx.killed()
    assert.equal(tx.test.broker.transactions.count, 1)
    assert.equal(await tx.commit(one), 'ok')
    assert.equal(await tx.commit(other), 'transactionRefused')
    assert.deepEqual(await tx.bodies(), ['m'])
    await tx.close()
  })
})
