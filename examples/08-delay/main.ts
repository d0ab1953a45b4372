// Messages that are delivered later: unpaid orders are cancelled when their time is over.
import assert from 'node:assert/strict'
import { connect } from 'ternmq/client'

await using client = await connect({ namesrv: process.env.NAMESRV_ADDR ?? '127.0.0.1:9876' })
const topic = 'unpaid-orders'
const producer = client.producer()
const paid = new Set<string>()
const beganMs = Date.now()
await producer.send({ topic, body: 'order 1', delayLevel: 1 }) // 1 s; level 14 would be 10 minutes
await producer.send({ topic, body: 'order 2', delayMs: 1500 })
await producer.send({ topic, body: 'order 3', deliverAtMs: Date.now() + 2000 })
paid.add('order 2') // the customer has paid meanwhile

const consumer = client.consumer({ group: 'cancellations', topic, from: 'earliest' })
const cancelled: string[] = []
let count = 0
await consumer.run(({ text: order }) => {
  const waitedMs = Date.now() - beganMs
  assert.ok(waitedMs >= 1000, `${order} came after ${waitedMs} ms`)
  if (!paid.has(order)) cancelled.push(order)
  console.log(
    `${order} after ${(waitedMs / 1000).toFixed(1)} s: ${paid.has(order) ? 'paid, nothing to do' : 'cancelled'}`,
  )
  if (++count === 3) void consumer.close()
})
assert.deepEqual(cancelled.toSorted(), ['order 1', 'order 3'])
