// Many small messages in one request: they are stored together, in a row, or not at all.
import { connect } from 'ternmq/client'

await using client = await connect({ namesrv: process.env.NAMESRV_ADDR ?? '127.0.0.1:9876' })
const topic = 'readings'
const readings = Array.from({ length: 100 }, (_, second) => ({
  topic,
  body: `${second} s: ${20 + second / 10} C`,
}))
const { messageIds, queue, queueOffset } = await client.producer().sendBatch(readings)
const last = queueOffset + messageIds.length - 1
console.log(`${messageIds.length} messages are in queue ${queue.queueId}, offsets ${queueOffset} to ${last}`)

const consumer = client.consumer({ group: 'readings', topic, from: 'earliest' })
let count = 0
while (count < readings.length) {
  const messages = await consumer.pull({ max: 32 })
  count += messages.length
  console.log(`${messages.length} messages, the last is "${messages.at(-1)?.text}"`)
}
