// The broker hands out only messages whose properties fulfil a condition. It wants a broker with enablePropertyFilter=true.
import assert from 'node:assert/strict'
import { connect, sql } from 'ternmq/client'

await using client = await connect({ namesrv: process.env.NAMESRV_ADDR ?? '127.0.0.1:9876' })
const topic = 'trips'
const producer = client.producer()
for (const [city, km] of [
  ['Oslo', 3],
  ['Rome', 12],
  ['Oslo', 48],
  ['Lima', 30],
] as const) {
  await producer.send({ topic, body: `${km} km in ${city}`, properties: { city, km: String(km) } })
}

const filter = sql`km BETWEEN ${10} AND ${50} AND city IN (${['Oslo', 'Rome']})`
const consumer = client.consumer({ group: 'long-trips', topic, filter, from: 'earliest' })
const taken: string[] = []
await consumer.run(({ text }) => {
  console.log(text)
  taken.push(text)
  if (taken.length === 2) void consumer.close()
})
assert.deepEqual(taken.toSorted(), ['12 km in Rome', '48 km in Oslo'])
