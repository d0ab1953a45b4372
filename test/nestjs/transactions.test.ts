import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { Injectable } from '@nestjs/common'
import type { Message, ReceivedMessage, Transaction, TransactionOutcome } from '#ternmq/client/index.ts'
import {
  InjectTransactions,
  RocketListener,
  type RocketTransactionListener,
  type RocketTransactions,
  TransactionListener,
} from '#ternmq/nestjs/index.ts'
import { createTestBroker } from '#ternmq/testing/index.ts'
import { startApp, until } from './test-app.ts'

/** The program's own table of orders, and how its transaction ends. */
interface OrderRow {
  readonly id: number
  readonly ends: TransactionOutcome
}

const message = (id: number): Message => ({ topic: 'orders', body: JSON.stringify({ id }), keys: String(id) })

describe('@TransactionListener', () => {
  it('executes, commits or takes back, and answers the broker that asks', async () => {
    await using broker = await createTestBroker({ topics: ['orders'] })
    const seen: number[] = []

    @Injectable()
    @TransactionListener({ group: 'shop' })
    class OrderTransactions implements RocketTransactionListener<OrderRow> {
      readonly saved = new Set<string>()

      execute({ message: { keys } }: Transaction, { ends }: OrderRow): TransactionOutcome {
        if (ends !== 'rollback') this.saved.add(String(keys))
        return ends
      }

      check({ keys: [id = ''] }: ReceivedMessage): TransactionOutcome {
        return this.saved.has(id) ? 'commit' : 'rollback'
      }
    }

    @Injectable()
    class Orders {
      readonly #transactions: RocketTransactions

      constructor(@InjectTransactions() transactions: RocketTransactions) {
        this.#transactions = transactions
      }

      async place(row: OrderRow, group = 'shop'): Promise<TransactionOutcome> {
        return (await this.#transactions.send(group, message(row.id), row)).outcome
      }

      @RocketListener({ topic: 'orders', group: 'warehouse', from: 'earliest' })
      ship({ id }: OrderRow): void {
        seen.push(id)
      }
    }

    const app = await startApp(broker, [OrderTransactions, Orders])
    const orders = app.get(Orders)
    assert.equal(await orders.place({ id: 1, ends: 'commit' }), 'commit')
    assert.equal(await orders.place({ id: 2, ends: 'rollback' }), 'rollback')
    await until(() => seen.length === 1)
    assert.equal(await orders.place({ id: 3, ends: 'unknown' }), 'unknown')
    assert.deepEqual(seen, [1])
    await broker.advance('2m')
    await until(() => seen.length === 2)
    assert.deepEqual(seen, [1, 3])
    await assert.rejects(orders.place({ id: 4, ends: 'commit' }, 'absent'), /TransactionListener/)
    await app.close()
  })

  it('wants both methods', async () => {
    await using broker = await createTestBroker()
    @Injectable()
    @TransactionListener({ group: 'shop' })
    class Half {
      execute(): TransactionOutcome {
        return 'commit'
      }
    }
    await assert.rejects(startApp(broker, [Half]), /execute and check/)
  })
})
