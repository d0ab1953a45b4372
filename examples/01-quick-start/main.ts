// Sends three messages and receives them. It is JavaScript as it stands: saved as `first.mjs`, `node first.mjs` runs it.
import { connect } from 'ternmq/client'

const client = await connect({ namesrv: process.env.NAMESRV_ADDR ?? '127.0.0.1:9876' })
const producer = client.producer()
for (const body of ['one', 'two', 'three']) {
  const { queue, queueOffset } = await producer.send({ topic: 'quick-start', body })
  console.log(`sent ${body}: queue ${queue.queueId}, offset ${queueOffset}`)
}

const consumer = client.consumer({ group: 'quick-start', topic: 'quick-start', from: 'earliest' })
let count = 0
await consumer.run(({ text }) => {
  console.log(`received ${text}`)
  if (++count === 3) void consumer.close()
})
await client.close()
