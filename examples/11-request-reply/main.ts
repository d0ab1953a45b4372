// A question and its answer: the answer comes back to the client that asked.
import assert from 'node:assert/strict'
import { connect } from 'ternmq/client'

const namesrv = process.env.NAMESRV_ADDR ?? '127.0.0.1:9876'
const topic = 'prices-asked'
await using shop = await connect({ namesrv })
const prices: Record<string, string> = { tea: '2.10', cake: '3.40' }
const answers = shop.producer()
const consumer = shop.consumer({ group: 'price-desk', topic, from: 'earliest' })
await answers.send({ topic, body: 'hello' }) // makes the topic, so that the desk is there before the first question
const running = consumer.run(async (question) => {
  const price = prices[question.text]
  if (price !== undefined) await answers.reply(question, { body: price })
})

await using customer = await connect({ namesrv })
const producer = customer.producer()
for (const item of ['tea', 'cake']) {
  const answer = await producer.request({ topic, body: item }, { timeoutMs: 10_000 })
  console.log(`${item} costs ${answer.text}`)
  assert.equal(answer.text, prices[item])
}
await consumer.close()
await running
