// Load levelling: a peak waits in the broker. The worker takes as much as it can do (`concurrency`), holds little more than
// that (`flow`), and takes nothing for a while when its database asks for a rest (`pause`).
import assert from 'node:assert/strict'
import { setTimeout as pause } from 'node:timers/promises'
import { connect } from 'ternmq/client'

const COUNT = 300
const CONCURRENCY = 5
await using client = await connect({ namesrv: process.env.NAMESRV_ADDR ?? '127.0.0.1:9876' })
const topic = 'flash-sale'
const group = 'stock-keeping'
const producer = client.producer()
const beganMs = performance.now()
const since = (): string => `${(performance.now() - beganMs).toFixed(0)} ms`
await Promise.all(
  Array.from({ length: COUNT }, (_, index) => producer.send({ topic, body: `order ${index}` })),
)
console.log(`${since()}: the sale is over, ${COUNT} orders are safe`)

/** What the broker has not heard to be consumed: clients tell it every 5 s, and when they go. */
async function backlog(): Promise<number> {
  const lags = (await client.admin.queues(topic)).map(
    async (queue) =>
      (await client.admin.maxOffset(queue)) - ((await client.admin.committedOffset(group, queue)) ?? 0),
  )
  return (await Promise.all(lags)).reduce((sum, lag) => sum + lag, 0)
}

const worker = client.consumer({
  ...{ group, topic, from: 'earliest', concurrency: CONCURRENCY },
  flow: { countMax: 16 }, // of each queue
})
let doneCount = 0
let working = 0
let workingMax = 0
await worker.run(async () => {
  workingMax = Math.max(workingMax, ++working)
  await pause(5) // the database
  working--
  doneCount++
  if (doneCount === 100) {
    worker.pause()
    console.log(`${since()}: ${doneCount} done, ${await backlog()} wait; the database asks for a rest`)
    void pause(500).then(() => {
      console.log(`${since()}: on again, ${doneCount} done`)
      worker.resume()
    })
  }
  if (doneCount === COUNT) void worker.close()
})
console.log(`${since()}: ${doneCount} done, never more than ${workingMax} at a time, ${await backlog()} wait`)
assert.equal(doneCount, COUNT)
assert.ok(workingMax <= CONCURRENCY)
assert.equal(await backlog(), 0)
