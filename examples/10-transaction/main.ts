// A message is delivered if and only if the change in the own database that belongs to it was made.
import assert from 'node:assert/strict'
import { connect } from 'ternmq/client'

await using client = await connect({ namesrv: process.env.NAMESRV_ADDR ?? '127.0.0.1:9876' })
const topic = 'invoices'
const database = new Map<string, number>() // stands for one with transactions of its own

const producer = client.transactionProducer({
  group: 'shop',
  // the broker asks where it has not heard of the end: the database knows
  check: ({ keys: [order = ''] }) => (database.has(order) ? 'commit' : 'rollback'),
})
for (const [order, amount] of [
  ['order-1', 25],
  ['order-2', -1],
  ['order-3', 70],
] as const) {
  const { outcome } = await producer.send({ topic, body: `${amount} EUR`, keys: order }, () => {
    if (amount < 0) return 'rollback' // the database refused it
    database.set(order, amount)
    return 'commit'
  })
  console.log(`${order}: ${outcome}`)
}

const consumer = client.consumer({ group: 'accounting', topic, from: 'earliest' })
const booked: string[] = []
await consumer.run(({ keys: [order = ''], text }) => {
  console.log(`booked ${order}: ${text}`)
  booked.push(order)
  if (booked.length === 2) void consumer.close()
})
assert.deepEqual(booked.toSorted(), [...database.keys()])
await producer.close()
