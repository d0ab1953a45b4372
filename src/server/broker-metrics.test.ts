import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { TestBroker } from '../broker/test-broker.ts'
import { brokerMetrics, Scrape } from './broker-metrics.ts'

/** All values of a metric, with its labels before them. */
async function valuesOf(test: TestBroker, name: string): Promise<string[]> {
  const metric = brokerMetrics.find((each) => each.name === name) ?? assert.fail(`no metric ${name}`)
  const samples = await metric.samples(new Scrape(test.broker))
  return [...samples].map(({ labels, value }) => [...Object.values(labels), value].join(' '))
}

describe('brokerMetrics', () => {
  it('tell of timers, transactions and dead letters', async (t) => {
    const test = TestBroker.open()
    t.after(() => test.close())
    test.topic('orders')
    test.consume('billing', ['orders'])
    const at = await test.send({ topic: 'orders' })
    assert.equal(test.pull('billing', 'orders', 0, 0), 1)
    const given = { group: 'billing', physicalOffset: at, delayLevel: -1, isUnitMode: false }
    await Promise.all([
      test.broker.retry.giveBack({ ...given, reconsumeTimesMax: undefined }),
      test.clock.advance(100),
    ])
    assert.deepEqual(await valuesOf(test, 'rocketmq_send_to_dlq_messages_total'), ['orders billing false 1'])
    await test.send({ topic: 'orders', properties: { TIMER_DELAY_SEC: '5' } })
    assert.deepEqual(await valuesOf(test, 'rocketmq_timing_messages'), ['orders 1'])
    await test.clock.advance(6000)
    assert.deepEqual(await valuesOf(test, 'rocketmq_timing_messages'), [])
    assert.deepEqual(await valuesOf(test, 'rocketmq_timer_enqueue_total'), ['1'])
    assert.deepEqual(await valuesOf(test, 'rocketmq_timer_dequeue_total'), ['1'])
    assert.deepEqual(await valuesOf(test, 'rocketmq_timer_enqueue_lag'), ['0'])
    const properties = { TRAN_MSG: 'true', PGROUP: 'g' }
    const physicalOffset = await test.send({ topic: 'orders', properties })
    assert.deepEqual(await valuesOf(test, 'rocketmq_half_messages'), ['1'])
    const half = { group: 'g', queueOffset: 0, physicalOffset, isFromCheck: false }
    test.broker.transactions.end({ ...half, ending: 'COMMITTED' }, () => undefined)
    await test.clock.settle()
    assert.deepEqual(await valuesOf(test, 'rocketmq_half_messages'), ['0'])
    assert.deepEqual(await valuesOf(test, 'rocketmq_commit_messages_total'), ['1'])
    assert.deepEqual(await valuesOf(test, 'rocketmq_rollback_messages_total'), ['0'])
  })
})
