import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { metricsPage } from '#ternmq/server/metrics-page.ts'
import { TestSystem, until, untilTopic } from './test-system.ts'

/** The value of the one line that begins with the name and holds all labels. */
function readValue(page: string, name: string, labels: readonly string[] = []): number {
  const lines = page
    .split('\n')
    .filter((line) => line.startsWith(`${name}{`) && labels.every((label) => line.includes(label)))
  assert.equal(lines.length, 1, `${name} ${labels.join()} in\n${page}`)
  return Number(lines[0]?.split(' ').at(-1))
}

describe('the metrics page', () => {
  it("tells what came in, went out and waits, by RocketMQ's names and labels", async (t) => {
    const system = await TestSystem.start(t)
    const client = await system.client()
    const producer = client.producer()
    await client.admin.createTopic({ topic: 'orders', queueCount: 1 })
    await untilTopic(client, 'orders')
    for (let i = 0; i < 5; i++) await producer.send({ topic: 'orders', body: `order ${i}` })
    const lite = client.litePull({ group: 'g', from: 'earliest', autoCommit: false })
    const [queue] = await lite.queuesOf('orders')
    assert(queue)
    await lite.assign([queue])
    const got: unknown[] = []
    await until(async () => got.push(...(await lite.pull({ waitMs: 1000 }))) === 5)
    await lite.seek(queue, 2)
    await lite.commit()
    await until(async () => (await lite.committed(queue)) === 2)

    const { contentType, text } = await metricsPage(system.broker)
    assert.match(contentType, /^text\/plain/)
    assert(readValue(text, 'ternmq_event_loop_lag_seconds', ['quantile="0.999"']) >= 0)
    assert(readValue(text, 'ternmq_gc_pauses_total') >= 0)
    const topic = ['topic="orders"', 'is_system="false"']
    const group = [...topic, 'consumer_group="g"']
    assert.equal(readValue(text, 'rocketmq_messages_in_total', [...topic, 'message_type="normal"']), 5)
    assert(readValue(text, 'rocketmq_throughput_in_total', topic) > 5 * 100)
    assert(readValue(text, 'rocketmq_messages_out_total', group) >= 5)
    assert.equal(readValue(text, 'rocketmq_consumer_lag_messages', [...group, 'is_retry="false"']), 3)
    assert(readValue(text, 'rocketmq_consumer_lag_latency_milliseconds', group) >= 0)
    const identity = ['cluster="DefaultCluster"', 'node_type="broker"', 'node_id="broker-a"']
    assert.equal(readValue(text, 'ternmq_store_writable', identity), 1)
    assert.equal(readValue(text, 'rocketmq_broker_permission'), 6)
    assert(readValue(text, 'rocketmq_storage_size_bytes', ['storage_medium="disk"']) > 0)
    assert(readValue(text, 'rocketmq_producer_connections', ['protocol_type="remoting"']) >= 1)
    assert.match(text, /^process_resident_memory_bytes\S* \d+$/m)
  })
})
