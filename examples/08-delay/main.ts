// A message that is delivered later: unpaid orders are cancelled when their time is over.
import { connect } from 'ternmq/client'

await using client = await connect({ namesrv: process.env.NAMESRV_ADDR ?? '127.0.0.1:9876' })
const topic = 'unpaid-orders'
const producer = client.producer()
const paid = new Set(['order 2'])
for (const body of ['order 1', 'order 2', 'order 3']) {
  await producer.send({ topic, body, delayLevel: 1 }) // 1 s; level 14 would be 10 minutes
}
const sentMs = Date.now()

const consumer = client.consumer({ group: 'cancellations', topic, from: 'earliest' })
let count = 0
await consumer.run(({ text }) => {
  const seconds = ((Date.now() - sentMs) / 1000).toFixed(1)
  console.log(`${text} after ${seconds} s: ${paid.has(text) ? 'paid, nothing to do' : 'cancelled'}`)
  if (++count === 3) void consumer.close()
})
