// The events of one order arrive in the order in which they were sent; different orders are handled side by side.
import assert from 'node:assert/strict'
import { connect } from 'ternmq/client'

await using client = await connect({ namesrv: process.env.NAMESRV_ADDR ?? '127.0.0.1:9876' })
const topic = 'order-events'
const producer = client.producer()
const orders = ['a', 'b', 'c', 'd']
const steps = ['created', 'paid', 'packed', 'shipped']
for (const step of steps) {
  // all messages of one key go to one queue
  for (const order of orders) await producer.send({ topic, body: step, keys: order }, { hashKey: order })
}

const eventsOf = new Map<string, string[]>(orders.map((order) => [order, []]))
const consumer = client.consumer({ group: 'order-events', topic, from: 'earliest', ordered: true })
await consumer.run(({ keys: [order = ''], text }) => {
  eventsOf.get(order)?.push(text)
  const count = [...eventsOf.values()].reduce((sum, events) => sum + events.length, 0)
  if (count === orders.length * steps.length) void consumer.close()
})
for (const [order, events] of eventsOf) {
  console.log(`order ${order}: ${events.join(', ')}`)
  assert.deepEqual(events, steps)
}
