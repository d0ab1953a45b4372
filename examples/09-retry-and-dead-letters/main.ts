// What a handler throws for is delivered again; what it rejects goes to the group's dead letters.
import assert from 'node:assert/strict'
import { connect, Reject, Retry } from 'ternmq/client'

await using client = await connect({ namesrv: process.env.NAMESRV_ADDR ?? '127.0.0.1:9876' })
const topic = 'parcels'
const group = 'parcel-service'
const producer = client.producer()
for (const body of ['book', 'no address', 'lamp']) await producer.send({ topic, body })

const consumer = client.consumer({ group, topic, from: 'earliest' })
let doneWith = 0
await consumer.run(({ text }, { deliveryCount }) => {
  if (text === 'lamp' && deliveryCount === 1) {
    console.log('lamp: the van is full, again in a second')
    throw new Retry({ ms: 1000 })
  }
  if (++doneWith === 3) void consumer.close()
  if (text === 'no address') {
    console.log(`${text}: rejected`)
    throw new Reject('nobody knows where to')
  }
  console.log(`${text}: delivered at try ${deliveryCount}`)
})

// an operator looks at what is left, and may send it again when the cause is mended
const desk = client.consumer({ group: 'operators', topic: `%DLQ%${group}`, from: 'earliest' })
const [dead] = await desk.pull({ max: 1 })
console.log(`dead letter: "${dead?.text}" of topic ${dead?.properties.get('RETRY_TOPIC')}`)
assert.equal(dead?.text, 'no address')
