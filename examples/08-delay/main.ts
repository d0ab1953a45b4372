// Messages that are delivered later: unpaid orders are cancelled when their time is over.
import { connect } from 'ternmq/client'

await using client = await connect({ namesrv: process.env.NAMESRV_ADDR ?? '127.0.0.1:9876' })
const topic = 'unpaid-orders'
const producer = client.producer()
const paid = new Set(['order 2'])
const beganMs = Date.now()
await producer.send({ topic, body: 'order 1', delayLevel: 1 }) // 1 s; level 14 would be 10 minutes
await producer.send({ topic, body: 'order 2', delayMs: 1500 })
await producer.send({ topic, body: 'order 3', deliverAtMs: Date.now() + 2000 })

const consumer = client.consumer({ group: 'cancellations', topic, from: 'earliest' })
let count = 0
await consumer.run(({ text }) => {
  const seconds = ((Date.now() - beganMs) / 1000).toFixed(1)
  console.log(`${text} after ${seconds} s: ${paid.has(text) ? 'paid, nothing to do' : 'cancelled'}`)
  if (++count === 3) void consumer.close()
})
