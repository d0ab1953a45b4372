import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { IncomingMessage } from './incoming-message.ts'
import { TestBroker } from './test-broker.ts'

const MINUTE_MS = 60_000

describe('BrokerStats', () => {
  it('counts messages and bytes of topics and groups', async (t) => {
    const test = TestBroker.open()
    t.after(() => test.close())
    test.topic('orders')
    for (let i = 0; i < 12; i++) await test.send({ topic: 'orders', body: 'x'.repeat(100) })
    assert.equal(test.pull('billing', 'orders', 0, 0), 12)
    await test.clock.advance(10_000)
    const { stats, store } = test.broker
    assert.equal(stats.find('TOPIC_PUT_NUMS', 'orders')?.statsMinute.sum, 12)
    assert.equal(stats.find('TOPIC_PUT_SIZE', 'orders')?.statsMinute.sum, store.log.end)
    assert.deepEqual(stats.find('GROUP_GET_NUMS', 'orders@billing')?.statsMinute, {
      sum: 12,
      tps: 1.2,
      avgpt: 12,
    })
    assert.equal(stats.find('GROUP_GET_SIZE', 'orders@billing')?.statsMinute.sum, store.log.end)
    assert.equal(stats.find('BROKER_PUT_NUMS', 'TestCluster')?.statsMinute.sum, 12)
    assert.equal(stats.find('BROKER_GET_NUMS_WITHOUT_SYSTEM_TOPIC', 'TestCluster')?.statsMinute.sum, 12)
  })

  it('counts queues by themselves', async (t) => {
    const test = TestBroker.open()
    t.after(() => test.close())
    test.topic('orders', 4)
    for (let i = 0; i < 12; i++) await test.send({ topic: 'orders', queueId: i % 3 === 0 ? 2 : 0 })
    test.pull('billing', 'orders', 2, 0)
    await test.clock.advance(10_000)
    const { stats, store } = test.broker
    const sumOf = (name: string, key: string) => stats.find(name, key)?.statsMinute.sum
    assert.equal(sumOf('QUEUE_PUT_NUMS', 'orders@0'), 8)
    assert.equal(sumOf('QUEUE_PUT_NUMS', 'orders@2'), 4)
    assert.equal(sumOf('QUEUE_PUT_NUMS', 'orders@1'), undefined)
    assert.equal(sumOf('QUEUE_PUT_SIZE', 'orders@2'), store.log.end / 3)
    assert.deepEqual(stats.find('QUEUE_GET_NUMS', 'orders@2@billing')?.statsMinute, {
      sum: 4,
      tps: 0.4,
      avgpt: 4,
    })
    assert.equal(sumOf('QUEUE_GET_SIZE', 'orders@2@billing'), store.log.end / 3)
    assert.equal(sumOf('QUEUE_GET_NUMS', 'orders@0@billing'), undefined)
    test.broker.stats.loaded(test.broker.offsets.of('billing', 'orders'), 2, 30)
    assert.deepEqual(stats.find('GROUP_GET_LATENCY', '2@orders@billing')?.statsMinute, {
      sum: 30,
      tps: 3,
      avgpt: 30,
    })
    assert.equal(test.broker.counters.loadMsMax, 30)
  })

  it('counts what comes due as RocketMQ does: fetched from the queue of its level by a group of its own', async (t) => {
    const test = TestBroker.open()
    t.after(() => test.close())
    test.topic('orders', 1)
    for (const level of ['1', '2', '2']) await test.send({ topic: 'orders', properties: { DELAY: level } })
    await test.clock.advance(20_000)
    const { offsets, stats, store } = test.broker
    const sumOf = (name: string, key: string) => stats.find(name, key)?.statsMinute.sum
    assert.equal(sumOf('QUEUE_GET_NUMS', 'SCHEDULE_TOPIC_XXXX@0@SCHEDULE_CONSUMER'), 1)
    assert.equal(sumOf('QUEUE_GET_NUMS', 'SCHEDULE_TOPIC_XXXX@1@SCHEDULE_CONSUMER'), 2)
    assert.equal(sumOf('GROUP_GET_NUMS', 'SCHEDULE_TOPIC_XXXX@SCHEDULE_CONSUMER'), 3)
    const bytes = sumOf('GROUP_GET_SIZE', 'SCHEDULE_TOPIC_XXXX@SCHEDULE_CONSUMER') ?? 0
    assert.ok(bytes > 0 && bytes < store.log.end, `${bytes} bytes`)
    assert.deepEqual(offsets.topicsOf('SCHEDULE_CONSUMER'), [])
  })

  it('counts what a group is handed out twice, as by two owners of a queue in a rebalance (R13, issue #2837)', async (t) => {
    const test = TestBroker.open()
    t.after(() => test.close())
    test.topic('orders')
    for (let i = 0; i < 12; i++) await test.send({ topic: 'orders' })
    test.consume('billing', ['orders'])
    const { offsets } = test.broker
    const again = (): number => offsets.of('billing', 'orders').againCount
    test.pull('billing', 'orders', 0, 0)
    await test.send({ topic: 'orders' })
    test.pull('billing', 'orders', 0, 12)
    assert.equal(again(), 0)
    test.pull('billing', 'orders', 0, 10)
    assert.equal(again(), 3, 'the new owner begins where the old one has committed')
    test.pull('audit', 'orders', 0, 0)
    assert.equal(again(), 3, 'another group is none of it')
    offsets.reset('billing', 'orders', 0, 0)
    test.pull('billing', 'orders', 0, 13)
    test.pull('billing', 'orders', 0, 0)
    assert.equal(again(), 3, 'who was sent back wanted it so')
  })

  it('knows nothing of what was never counted', (t) => {
    const test = TestBroker.open()
    t.after(() => test.close())
    test.topic('orders')
    for (const [name, key] of [
      ['TOPIC_PUT_NUMS', 'orders'],
      ['TOPIC_PUT_NUMS', 'nothing'],
      ['GROUP_GET_NUMS', 'orders@billing'],
      ['GROUP_GET_NUMS', 'orders'],
      ['BROKER_PUT_NUMS', 'TestCluster'],
      ['BROKER_PUT_NUMS', 'OtherCluster'],
      ['SNDBCK_PUT_NUMS', 'orders@billing'],
      ['QUEUE_PUT_NUMS', 'orders@0'],
      ['QUEUE_PUT_NUMS', 'orders'],
      ['QUEUE_GET_SIZE', 'orders@0@billing'],
      ['TOPIC_PUT_LATENCY', '0@orders'],
      ['GROUP_GET_LATENCY', '0@orders@billing'],
      ['NO_SUCH_STATISTIC', 'TestCluster'],
    ] as const) {
      assert.equal(test.broker.stats.find(name, key), undefined, `${name} ${key}`)
    }
  })

  it('takes a batch for one request', async (t) => {
    const test = TestBroker.open()
    t.after(() => test.close())
    const topic = test.topic('orders')
    test.broker.sender.properties.begin()
    const message = new IncomingMessage()
    message.topic = topic
    test.broker.sender.beginBatch(message, 3, 300)
    for (let i = 0; i < 3; i++) test.put({ topic: 'orders' })
    assert.equal(topic.puts.count, 3)
    assert.equal(topic.puts.times, 1)
    await test.clock.advance(10_000)
    assert.equal(test.broker.stats.find('TOPIC_PUT_NUMS', 'orders')?.statsMinute.avgpt, 3)
    assert.equal(test.broker.stats.find('QUEUE_PUT_NUMS', 'orders@0')?.statsMinute.avgpt, 3)
  })

  it('keeps messages of RocketMQ itself apart', async (t) => {
    const test = TestBroker.open()
    t.after(() => test.close())
    test.topic('orders')
    await test.send({ topic: 'orders' })
    await test.send({ topic: 'SCHEDULE_TOPIC_XXXX' })
    assert.equal(test.broker.counters.userPut, 1)
    assert.equal(test.broker.counters.put, 2)
  })

  it('counts what has to wait where it waits, and where it goes then', async (t) => {
    const test = TestBroker.open()
    t.after(() => test.close())
    test.topic('orders')
    const { stats } = test.broker
    const sums = (...keys: string[]) => keys.map((key) => stats.find('TOPIC_PUT_NUMS', key)?.statsDay.sum)
    await test.send({ topic: 'orders', properties: { DELAY: '1' } })
    await test.send({ topic: 'orders', properties: { TIMER_DELAY_MS: '1500' } })
    const topics = ['SCHEDULE_TOPIC_XXXX', 'rmq_sys_wheel_timer', 'orders']
    assert.deepEqual(sums(...topics), [1, 1, undefined])
    assert.equal(stats.find('QUEUE_PUT_NUMS', 'SCHEDULE_TOPIC_XXXX@0')?.statsDay.sum, 1)
    await test.clock.advance(3000)
    assert.deepEqual(sums(...topics), [1, 1, 2])
    assert.equal(test.broker.counters.put, 4)
    assert.equal(test.broker.counters.userPut, 2)
  })

  it('counts what the store refuses', (t) => {
    const test = TestBroker.open()
    t.after(() => test.close())
    test.topic('orders')
    assert.throws(() => test.put({ topic: 'orders', body: 'x'.repeat(5000) }), { kind: 'messageIllegal' })
    assert.equal(test.broker.counters.putFailed, 1)
  })

  it('measures how long a message takes until it is stored, and answers it all the same', async (t) => {
    const test = TestBroker.open()
    t.after(() => test.close())
    const topic = test.topic('orders')
    const { sender, stats } = test.broker
    const message = new IncomingMessage()
    Object.assign(message, { topic, body: Buffer.from('body'), bodyEnd: 4 })
    const outcomes: string[] = []
    for (let i = 0; i < 3; i++) {
      sender.properties.begin()
      sender.prepare(message)
      sender.send(message, { appended: (outcome) => outcomes.push(outcome) }, i)
    }
    assert.equal(stats.putLatency.isFree, false)
    await test.clock.settle()
    assert.deepEqual(outcomes, ['stored', 'stored', 'stored'])
    assert.equal(stats.putLatency.isFree, true)
    assert.deepEqual(stats.find('TOPIC_PUT_LATENCY', '0@orders')?.statsMinute, { sum: 0, tps: 0, avgpt: 0 })
  })

  it('watches nothing that was deleted, however many come and go (R20, issues apache/rocketmq#8463, #8959)', async (t) => {
    const test = TestBroker.open({ settings: { autoCreatedTopicsMax: 10_000 } })
    t.after(() => test.close())
    for (let i = 0; i < 500; i++) {
      const topic = test.topic(`topic-${i}`, 1)
      test.broker.stats.put(topic, 0, 100)
      const offsets = test.broker.offsets.of(`group-${i}`, topic.name)
      test.broker.stats.gotten(topic, offsets, 0, 1, 100)
      test.broker.deleteTopic(topic.name)
    }
    assert.equal(test.broker.stats.watchedCount, 1000)
    await test.clock.advance(MINUTE_MS)
    assert.equal(test.broker.stats.watchedCount, 0)
  })
})
