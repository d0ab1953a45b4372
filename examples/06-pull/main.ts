// A program that reads queues at its own pace and from places of its choice: assigned queues, seek, commit.
import assert from 'node:assert/strict'
import { connect } from 'ternmq/client'

await using client = await connect({ namesrv: process.env.NAMESRV_ADDR ?? '127.0.0.1:9876' })
const topic = 'audit'
const producer = client.producer()
for (let index = 0; index < 10; index++) {
  await producer.send({ topic, body: `entry ${index}` }, { queueIndex: 0 })
}

const reader = client.litePull({ group: 'auditor', from: 'earliest', autoCommit: false })
const queue = (await reader.queuesOf(topic)).find(({ queueId }) => queueId === 0)
if (!queue) throw new Error('queue 0 is not there')
await reader.assign([queue])
const end = await client.admin.maxOffset(queue)
await reader.seek(queue, end - 10)
let count = 0
while (count < 10) {
  for (const { queueOffset, text } of await reader.pull({ max: 4 })) {
    console.log(`offset ${queueOffset}: ${text}`)
    count++
  }
}
await reader.commit()
console.log(`committed: ${await reader.committed(queue)}, end of the queue: ${end}`)

await reader.seek(queue, end - 3)
const [again] = await reader.pull({ max: 1 })
console.log(`read again from offset ${again?.queueOffset}: ${again?.text}`)
assert.equal(again?.text, 'entry 7')
