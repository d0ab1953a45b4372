// Decoupling: the shop sends an order once and knows nobody who wants it. Every group gets every message; within a group
// each message goes to one consumer.
import assert from 'node:assert/strict'
import { setTimeout as pause } from 'node:timers/promises'
import { type Consumer, connect } from 'ternmq/client'

const namesrv = process.env.NAMESRV_ADDR ?? '127.0.0.1:9876'
const topic = 'groups'
const orders = Array.from({ length: 12 }, (_, index) => `order ${index}`)
await using client = await connect({ namesrv })
// a second process of the billing service would look like this
await using otherClient = await connect({ namesrv })
await client.admin.createTopic({ topic, queueCount: 4 })

const seen = { billing: new Set<string>(), shipping: new Set<string>() }
const consumers = {
  billing: client.consumer({ group: 'billing', topic, from: 'earliest' }),
  otherBilling: otherClient.consumer({ group: 'billing', topic, from: 'earliest' }),
  shipping: client.consumer({ group: 'shipping', topic, from: 'earliest' }),
}
const running = Object.entries(consumers).map(([name, consumer]) =>
  consumer.run(({ text: order }) => {
    console.log(`${name}: ${order}`)
    seen[consumer.group as keyof typeof seen].add(order)
  }),
)
await queuesOf(consumers.billing, 2)
await queuesOf(consumers.otherBilling, 2)

const producer = client.producer()
for (const body of orders) await producer.send({ topic, body })
while (seen.billing.size + seen.shipping.size < 2 * orders.length) await pause(10)
for (const consumer of Object.values(consumers)) await consumer.close()
await Promise.all(running)
assert.deepEqual(seen, { billing: new Set(orders), shipping: new Set(orders) })

/** The queues of a topic are shared out among the consumers of a group: half of four to each of two. */
async function queuesOf(consumer: Consumer, count: number): Promise<void> {
  while (consumer.queues.filter((queue) => queue.topic === topic).length !== count) await pause(10)
}
