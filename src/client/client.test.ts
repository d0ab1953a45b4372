import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { RequestCode } from '../protocol/request-code.ts'
import { ResponseCode } from '../protocol/response-code.ts'
import type { AbortOptions } from './abortable.ts'
import { connect } from './connect.ts'
import { NAMESRV, TestCluster } from './test-cluster.ts'

describe('connect', () => {
  it('takes NameServers as a list or joined, and refuses what is no address', async () => {
    const cluster = await TestCluster.of('a')
    for (const namesrv of [NAMESRV, ` ${NAMESRV};${NAMESRV},`, [NAMESRV]]) {
      assert.match((await cluster.client({ namesrv })).clientId, /^10\./)
    }
    for (const namesrv of ['', ';', 'nowhere', 'a:b', []]) {
      await assert.rejects(connect({ namesrv, host: cluster.host('10.0.1.9') }), { code: 'invalidParameter' })
    }
  })

  it('fails when no NameServer can be reached, and leaves nothing behind', async () => {
    const cluster = new TestCluster()
    const connecting = connect({ namesrv: NAMESRV, host: cluster.host('10.0.1.1') })
    await assert.rejects(cluster.result(connecting), { code: 'connectionLost', retriable: true })
    await cluster.clock.advance(10_000)
    assert.equal(cluster.clock.timerCount, 0)
  })

  it('is content with one NameServer of several', async () => {
    const cluster = await TestCluster.of('a')
    const client = await cluster.client({ namesrv: `10.0.9.7:9876;${NAMESRV};10.0.9.8:9876` })
    cluster.topic('orders', 1)
    assert.equal(
      (await cluster.result(client.producer().send({ topic: 'orders', body: 'x' }))).status,
      'SEND_OK',
    )
  })
})

describe('Client', () => {
  it('goes to the next NameServer when its own is gone, and stays there', async () => {
    const cluster = await TestCluster.of('a')
    await cluster.startNamesrv('10.0.9.2:9876')
    const client = await cluster.client({ namesrv: `${NAMESRV};10.0.9.2:9876` })
    cluster.network.kill('10.0.9.1')
    cluster.network.refuse('10.0.9.1', true)
    for (const topic of ['one', 'two', 'three']) {
      const startMs = cluster.clock.monoMs()
      cluster.topic(topic, 1)
      await cluster.result(client.producer().send({ topic, body: 'x' }))
      assert(cluster.clock.monoMs() - startMs < 100)
    }
  })

  it('ends every call that waits when its signal aborts', async () => {
    const cluster = await TestCluster.of('a')
    cluster.topic('orders', 1)
    const client = await cluster.client()
    const queue = { topic: 'orders', brokerName: 'a', queueId: 0 }
    const message = { topic: 'orders', body: 'x' }
    const reason = new Error('enough')
    const { admin } = client
    const lite = client.litePull({ group: 'lite', from: 'earliest' })
    cluster.topic('empty', 1)
    const empty = { ...queue, topic: 'empty' }
    await cluster.result(lite.assign([empty]))
    const group = { group: 'g', topic: 'orders' }
    const calls: Readonly<Record<string, (options: AbortOptions) => Promise<unknown>>> = {
      createTopic: (options) => admin.createTopic({ topic: 't' }, options),
      clusterInfo: (options) => admin.clusterInfo(options),
      route: (options) => admin.route('orders', options),
      queues: (options) => admin.queues('orders', options),
      maxOffset: (options) => admin.maxOffset(queue, options),
      minOffset: (options) => admin.minOffset(queue, options),
      searchOffset: (options) => admin.searchOffset(queue, 0, undefined, options),
      committedOffset: (options) => admin.committedOffset('g', queue, options),
      ask: (options) =>
        admin.ask(cluster.broker('a').address, { code: RequestCode.GET_BROKER_CONFIG }, options),
      send: (options) => client.producer().send(message, options),
      sendBatch: (options) => client.producer().sendBatch([message], options),
      request: (options) => client.producer().request(message, options),
      'producer queues': (options) => client.producer().queues('orders', options),
      sequenced: (options) => client.sequencedProducer().send(message, options),
      transaction: (options) =>
        client
          .transactionProducer({ group: 'tx', check: () => 'commit' })
          .send(message, () => 'commit', options),
      start: (options) => client.consumer(group).start(options),
      run: (options) => client.consumer({ ...group, group: 'run' }).run(() => undefined, options),
      'consumer pull': (options) => client.consumer({ ...group, group: 'pull' }).pull(options),
      'pop pull': (options) => client.pop(group).pull(options),
      'pop run': (options) => client.pop(group).run(() => undefined, options),
      'lite subscribe': (options) =>
        client.litePull({ group: 'other' }).subscribe('orders', undefined, options),
      'lite assign': (options) => lite.assign([empty], undefined, options),
      'lite queues': (options) => lite.queuesOf('orders', options),
      'lite seek': (options) => lite.seek(empty, 'end', options),
      'lite committed': (options) => lite.committed(empty, options),
      'lite pull': (options) => lite.pull(options),
      'lite commit': (options) => lite.commit(options),
    }
    for (const [name, call] of Object.entries(calls)) {
      const controller = new AbortController()
      const outcome = call({ signal: controller.signal }).then(
        () => 'done',
        (error: unknown) => error,
      )
      controller.abort(reason)
      const seen = await cluster.result(outcome)
      // `run` is closed by its signal
      assert.ok(seen === reason || (seen === 'done' && name.endsWith('run')), `${name}: ${seen}`)
    }
  })

  it('has names that brokers can tell apart', async () => {
    const cluster = await TestCluster.of('a')
    const [one, other] = [await cluster.client(), await cluster.client()]
    assert.notEqual(one.clientId, other.clientId)
    assert.equal((await cluster.client({ instanceName: 'mine' })).clientId, '10.0.1.3@mine')
  })

  it('says farewell to brokers that know it', async () => {
    const cluster = await TestCluster.of('a', 'b')
    cluster.topic('orders', 1)
    const client = await cluster.client()
    const producer = client.producer({ group: 'shop' })
    for (let i = 0; i < 2; i++) await cluster.result(producer.send({ topic: 'orders', body: 'x' }))
    assert(cluster.broker('a').heartbeats.some(({ producerGroups }) => producerGroups.includes('shop')))
    await cluster.result(client.close())
    for (const broker of cluster.brokers.values()) {
      const groups = broker
        .requestsOf(RequestCode.UNREGISTER_CLIENT)
        .map((request) => request.text('producerGroup'))
      assert.deepEqual(groups.sort(), ['CLIENT_INNER_PRODUCER', 'shop'])
    }
  })

  it('closes what it has made, and leaves neither connections nor timers', async () => {
    const cluster = await TestCluster.of('a')
    cluster.topic('orders', 1)
    await cluster.clock.advance(100)
    const client = await cluster.client()
    const lite = client.litePull({ group: 'lite' })
    await cluster.result(lite.subscribe('orders'))
    const consumer = client.consumer({ group: 'g', topic: 'orders' })
    await cluster.result(consumer.start())
    await cluster.result(client.producer().send({ topic: 'fresh', body: 'x' }))
    await cluster.result(client.close())
    await cluster.clock.advance(5000)
    assert.equal(cluster.broker('a').connections.length, 0)
    assert.throws(() => client.consumer({ group: 'h', topic: 'orders' }), { code: 'closed' })
    // the sweeps of the two servers, and the pulls that the broker still holds
    await cluster.clock.advance(20_000)
    assert.equal(cluster.clock.timerCount, 2)
  })

  it('tells of connections that come and go', async () => {
    const cluster = await TestCluster.of('a')
    cluster.topic('orders', 1)
    const client = await cluster.client()
    const events: string[] = []
    client.on('connected', ({ address }) => events.push(`+${address}`))
    const end = client.on('disconnected', ({ address }) => events.push(`-${address}`))
    const producer = client.producer()
    await cluster.result(producer.send({ topic: 'orders', body: 'x' }))
    cluster.broker('a').dropConnections()
    await cluster.clock.advance(100)
    end()
    await cluster.result(producer.send({ topic: 'orders', body: 'x' }))
    await cluster.result(client.close())
    await cluster.clock.advance(100)
    assert.deepEqual(events, ['+10.0.0.1:10911', '-10.0.0.1:10911', '+10.0.0.1:10911'])
  })
})

describe('Admin', () => {
  it('makes a topic on the masters that are meant', async () => {
    const cluster = await TestCluster.of('a', 'b')
    const { admin } = await cluster.client()
    await cluster.result(admin.createTopic({ topic: 'one', queueCount: 3 }))
    await cluster.result(admin.createTopic({ topic: 'two', queueCount: 5, brokerName: 'b' }))
    assert.deepEqual(
      [...cluster.brokers.values()].map(({ topics }) => [topics.get('one'), topics.get('two')]),
      [
        [3, undefined],
        [3, 5],
      ],
    )
    assert.equal((await cluster.result(admin.queues('one'))).length, 6)
    const elsewhere = admin.createTopic({ topic: 'one', cluster: 'elsewhere' })
    await assert.rejects(cluster.result(elsewhere), { code: 'notFound' })
    await assert.rejects(cluster.result(admin.createTopic({ topic: 'a b' })), { code: 'invalidParameter' })
  })

  it('answers where queues begin and end, also by time', async () => {
    const cluster = await TestCluster.of('a')
    cluster.topic('orders', 1)
    const client = await cluster.client()
    const producer = client.producer()
    const queue = { topic: 'orders', brokerName: 'a', queueId: 0 }
    await cluster.result(producer.send({ topic: 'orders', body: '0' }))
    cluster.clock.setWallMs(1_796_000_000_000)
    await cluster.result(producer.send({ topic: 'orders', body: '1' }))
    const { admin } = client
    assert.equal(await cluster.result(admin.minOffset(queue)), 0)
    assert.equal(await cluster.result(admin.maxOffset(queue)), 2)
    assert.equal(await cluster.result(admin.searchOffset(queue, 1_796_000_000_000)), 1)
    assert.equal(await cluster.result(admin.committedOffset('g', queue)), undefined)
    assert.equal((await cluster.result(admin.route('orders'))).queueDatas.length, 1)
    await assert.rejects(cluster.result(admin.route('absent')), { code: 'topicNotExist' })
  })

  it('passes on what a broker refuses', async () => {
    const cluster = await TestCluster.of('a')
    const { admin } = await cluster.client()
    const refuse = () => ({ code: ResponseCode.NO_PERMISSION, remark: 'not you' })
    cluster.broker('a').intercept.set(RequestCode.UPDATE_AND_CREATE_TOPIC, refuse)
    await assert.rejects(cluster.result(admin.createTopic({ topic: 'one' })), {
      code: 'noPermission',
      responseCode: 16,
    })
  })
})
