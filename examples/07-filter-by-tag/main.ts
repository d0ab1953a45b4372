// The broker hands out only messages with the tags that a group wants.
import assert from 'node:assert/strict'
import { connect } from 'ternmq/client'

await using client = await connect({ namesrv: process.env.NAMESRV_ADDR ?? '127.0.0.1:9876' })
const topic = 'payments'
const producer = client.producer()
for (const [tag, body] of [
  ['card', '12.00'],
  ['cash', '3.50'],
  ['voucher', '5.00'],
  ['card', '99.90'],
] as const) {
  await producer.send({ topic, tag, body })
}

const consumer = client.consumer({ group: 'card-desk', topic, filter: 'card || voucher', from: 'earliest' })
const taken: string[] = []
await consumer.run(({ tag, text }) => {
  console.log(`${tag}: ${text}`)
  taken.push(text)
  if (taken.length === 3) void consumer.close()
})
assert.deepEqual(taken.toSorted(), ['12.00', '5.00', '99.90'])
