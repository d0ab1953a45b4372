// Many small messages in one request: they are stored together, in a row, or not at all.
import assert from 'node:assert/strict'
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
const texts: string[] = []
while (texts.length < readings.length) {
  const messages = await consumer.pull({ max: 32 })
  texts.push(...messages.map(({ text }) => text))
  console.log(`${messages.length} messages, the last is "${messages.at(-1)?.text}"`)
}
assert.deepEqual(
  texts,
  readings.map(({ body }) => body),
)
