// A message that is sent twice is stored once. It wants a broker with a window, such as dedupWindowMs=600000.
import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { connect } from 'ternmq/client'

await using client = await connect({ namesrv: process.env.NAMESRV_ADDR ?? '127.0.0.1:9876' })
const producer = client.producer()
const order = { topic: 'deduplicated', body: 'a book', properties: { TERN_DEDUP_KEY: randomUUID() } }
const first = await producer.send(order)
const again = await producer.send(order) // also from another process, also after the broker was killed
console.log(`stored as ${first.offsetMessageId}, answered again as ${again.offsetMessageId}`)
assert.equal(again.offsetMessageId, first.offsetMessageId)
