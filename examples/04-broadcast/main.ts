// Each client of a broadcasting group gets every message: here three servers that keep a cache of prices.
import assert from 'node:assert/strict'
import { connect } from 'ternmq/client'

const namesrv = process.env.NAMESRV_ADDR ?? '127.0.0.1:9876'
const topic = 'prices'
await using client = await connect({ namesrv })
const producer = client.producer()
await producer.send({ topic, body: 'tea 2.10' })

const kept: string[] = []
const running = [1, 2, 3].map(async (server) => {
  await using own = await connect({ namesrv })
  // without a file for its offsets, a client begins anew with each start
  const consumer = own.consumer({ group: 'price-cache', topic, mode: 'broadcast', from: 'earliest' })
  await consumer.run(({ text }) => {
    console.log(`server ${server} keeps ${text}`)
    kept.push(text)
    void consumer.close()
  })
})
await Promise.all(running)
assert.deepEqual(kept, ['tea 2.10', 'tea 2.10', 'tea 2.10'])
