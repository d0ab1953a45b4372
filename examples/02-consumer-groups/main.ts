// Every group gets every message; within a group each message goes to one consumer.
import { connect } from 'ternmq/client'

const namesrv = process.env.NAMESRV_ADDR ?? '127.0.0.1:9876'
const topic = 'groups'
await using client = await connect({ namesrv })
// a second process of the billing service would look like this
await using otherClient = await connect({ namesrv })

const producer = client.producer()
const orders = Array.from({ length: 12 }, (_, index) => `order ${index}`)
await Promise.all(orders.map((body) => producer.send({ topic, body })))

const seen = { billing: new Set<string>(), shipping: new Set<string>() }
const consumers = (
  [
    [client, 'billing', 'first'],
    [otherClient, 'billing', 'second'],
    [client, 'shipping', 'only'],
  ] as const
).map(([owner, group, name]) => {
  const consumer = owner.consumer({ group, topic, from: 'earliest' })
  const running = consumer.run(({ text }) => {
    console.log(`${group} (${name} consumer): ${text}`)
    seen[group].add(text)
    const isDone = seen.billing.size === orders.length && seen.shipping.size === orders.length
    if (isDone) for (const { consumer: each } of consumers) void each.close()
  })
  return { consumer, running }
})
await Promise.all(consumers.map(({ running }) => running))
