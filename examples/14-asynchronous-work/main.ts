// Asynchronous work: the shop answers its customers at once. The slow part, a mail here, is done by workers that take it
// from a topic, several at a time, and again where it failed. A second process with the same group would share the work.
import assert from 'node:assert/strict'
import { setTimeout as pause } from 'node:timers/promises'
import { connect, Retry } from 'ternmq/client'

const MAIL_MS = 500
await using client = await connect({ namesrv: process.env.NAMESRV_ADDR ?? '127.0.0.1:9876' })
const topic = 'confirmations'
const producer = client.producer()

const orders = ['order 1', 'order 2', 'order 3', 'order 4', 'order 5', 'order 6', 'order 7', 'order 8']
const beganMs = performance.now()
for (const order of orders) await producer.send({ topic, body: order })
const answeredMs = performance.now() - beganMs
console.log(`${orders.length} customers have their answer after ${answeredMs.toFixed(0)} ms`)

let mailCount = 0
async function mail(order: string): Promise<void> {
  await pause(MAIL_MS)
  if (++mailCount === 3) throw new Error(`no mail for ${order}: the mail server is busy`)
}

const mailed = new Set<string>()
const worker = client.consumer({ group: 'mailers', topic, from: 'earliest', concurrency: 4 })
await worker.run(async ({ text: order }) => {
  await mail(order).catch((cause: Error) => {
    console.log(cause.message)
    throw new Retry({ ms: 1000 }, { cause })
  })
  console.log(`mailed: ${order}`)
  mailed.add(order)
  if (mailed.size === orders.length) void worker.close()
})
assert.deepEqual([...mailed].toSorted(), orders)
assert.equal(mailCount, orders.length + 1)
assert.ok(answeredMs < orders.length * MAIL_MS, 'customers waited as if the mails had been sent first')
