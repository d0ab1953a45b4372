import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { DATA_VERSION_ZERO } from '../protocol/data-version.ts'
import { writeFastJson } from '../protocol/fastjson-writer.ts'
import { type TopicConfig, topicConfig } from '../protocol/topic-config.ts'
import type { BrokerRegistration } from './broker-registration.ts'
import { BROKER_LIMITS } from './broker-table.ts'
import { ROUTE_RULES, RouteTable } from './route-table.ts'
import { TOPIC_LIMITS } from './topic-table.ts'

interface Given extends Partial<Omit<BrokerRegistration, 'topics'>> {
  readonly topics?: readonly (string | TopicConfig)[]
  readonly counter?: number
  readonly stateVersion?: number
  readonly mappings?: BrokerRegistration['topics']['topicQueueMappingInfoMap']
}

function registration(given: Given = {}): BrokerRegistration {
  const { topics = ['T', 'TBW102'], counter = 1, stateVersion = 0, mappings = new Map(), ...rest } = given
  const configs = topics.map((topic) => (typeof topic === 'string' ? topicConfig(topic) : topic))
  return {
    clusterName: 'C',
    brokerName: 'a',
    brokerId: 0,
    brokerAddr: '127.0.0.1:10911',
    haServerAddr: '127.0.0.1:10912',
    zoneName: undefined,
    enableActingMaster: false,
    timeoutMs: undefined,
    peerId: 1,
    topics: {
      topicConfigTable: new Map(configs.map((config) => [config.topicName, config])),
      dataVersion: { counter, stateVersion, timestamp: 5 },
      mappingDataVersion: DATA_VERSION_ZERO,
      topicQueueMappingInfoMap: mappings,
      topicQueueMappingDetailMap: new Map(),
    },
    ...rest,
  }
}

const slave: Given = {
  brokerId: 1,
  brokerAddr: '127.0.0.1:20911',
  haServerAddr: '127.0.0.1:20912',
  peerId: 2,
}

function tableOf(...given: Given[]): RouteTable {
  const table = new RouteTable()
  for (const each of given) table.register(registration(each), 0)
  return table
}

function permOf(table: RouteTable, topic: string): number | undefined {
  return table.routeOf(topic)?.queueDatas[0]?.perm
}

function addressesOf(table: RouteTable, brokerName = 'a'): object {
  return Object.fromEntries(table.memberGroup('C', brokerName).brokerAddrs)
}

describe('RouteTable registration', () => {
  it('shows where the queues of a topic are', () => {
    const table = tableOf({
      zoneName: 'z1',
      topics: [topicConfig('T', { readQueueNums: 4, writeQueueNums: 8 }), 'U'],
    })
    assert.deepEqual(table.routeOf('T'), {
      brokerDatas: [
        {
          cluster: 'C',
          brokerName: 'a',
          brokerAddrs: new Map([[0, '127.0.0.1:10911']]),
          enableActingMaster: false,
          zoneName: 'z1',
        },
      ],
      queueDatas: [{ brokerName: 'a', readQueueNums: 4, writeQueueNums: 8, perm: 6, topicSysFlag: 0 }],
      filterServerTable: new Map(),
    })
    assert.equal(table.routeOf('other'), undefined)
  })

  it('merges: a topic that is not mentioned stays', () => {
    const table = tableOf({}, { topics: ['V'], counter: 2 })
    assert.deepEqual(table.topics(), ['T', 'TBW102', 'V'])
  })

  it('deletes topics that are not mentioned when the setting says so', () => {
    const table = new RouteTable({ ...ROUTE_RULES, deleteTopicWithBrokerRegistration: true })
    table.register(registration(), 0)
    table.register(registration({ topics: ['T', 'V'], counter: 2 }), 0)
    assert.deepEqual(table.topics(), ['T', 'V'])
  })

  it('refuses one topic of a broker that is not known yet', () => {
    const table = new RouteTable()
    assert.deepEqual(table.register(registration({ topics: ['T'] }), 0), { status: 'refused' })
    assert.equal(table.clusterInfo().brokerAddrTable.size, 0)
    assert.equal(table.register(registration({ topics: [] }), 0).status, 'registered')
    assert.equal(table.register(registration({ topics: ['T'] }), 0).status, 'registered')
    assert.equal(table.register(registration({ ...slave, topics: ['T'] }), 0).status, 'refused')
  })

  it('looks at topics only when their version changed, or the topic has no entry of the broker', () => {
    const table = tableOf({})
    const changed = [topicConfig('T', { perm: 4 }), topicConfig('TBW102'), topicConfig('V')]
    table.register(registration({ topics: changed }), 0)
    assert.equal(permOf(table, 'T'), 6)
    assert.equal(permOf(table, 'V'), 6)
    table.register(registration({ topics: changed, counter: 2 }), 0)
    assert.equal(permOf(table, 'T'), 4)
  })

  it('takes a deleted topic again although the version is the same', () => {
    const table = tableOf({})
    table.deleteTopic('T')
    assert.equal(table.routeOf('T'), undefined)
    table.register(registration(), 0)
    assert.equal(permOf(table, 'T'), 6)
  })

  it('takes topics of masters, and of the slave with the lowest id when it is of 5.0 or later', () => {
    const table = tableOf({}, { ...slave, topics: ['S', 'S2'] })
    assert.equal(table.routeOf('S'), undefined)
    table.unregister([{ brokerName: 'a', address: '127.0.0.1:10911' }])
    table.register(
      registration({ ...slave, topics: ['S', 'S2'], enableActingMaster: undefined, counter: 2 }),
      0,
    )
    assert.equal(table.routeOf('S'), undefined)
    table.register(registration({ ...slave, topics: ['S', 'S2'], counter: 3 }), 0)
    assert.equal(permOf(table, 'S'), 6)
  })

  it('tells a slave its master', () => {
    const table = new RouteTable()
    const alone = table.register(registration(slave), 0)
    assert.deepEqual(alone, { status: 'registered', isFirst: true, replaced: undefined, master: undefined })
    table.register(registration(), 0)
    const outcome = table.register(registration(slave), 0)
    assert(outcome.status === 'registered')
    assert.equal(outcome.master?.address, '127.0.0.1:10911')
    assert.equal(outcome.master?.haServerAddr, '127.0.0.1:10912')
  })

  it('gives an address one id', () => {
    const table = tableOf({}, slave)
    assert.deepEqual(addressesOf(table), { 0: '127.0.0.1:10911', 1: '127.0.0.1:20911' })
    table.register(registration({ ...slave, brokerId: 0, stateVersion: 1 }), 0)
    assert.deepEqual(addressesOf(table), { 0: '127.0.0.1:20911' })
  })

  it('lets another address take an id over, unless the known state is newer', () => {
    const table = tableOf({ stateVersion: 3 })
    const late = registration({ brokerAddr: '127.0.0.1:30911', stateVersion: 2 })
    assert.deepEqual(table.register(late, 0), { status: 'ignored', keptAddress: '127.0.0.1:10911' })
    assert.deepEqual(addressesOf(table), { 0: '127.0.0.1:10911' })
    const outcome = table.register(registration({ brokerAddr: '127.0.0.1:30911', stateVersion: 3 }), 0)
    assert(outcome.status === 'registered')
    assert.equal(outcome.replaced, '127.0.0.1:10911')
    assert.deepEqual(addressesOf(table), { 0: '127.0.0.1:30911' })
  })

  it('ends the old role of an address even when the new one is not granted', () => {
    const table = tableOf({ stateVersion: 3 }, slave)
    assert.equal(table.register(registration({ ...slave, brokerId: 0 }), 0).status, 'ignored')
    assert.deepEqual(addressesOf(table), { 0: '127.0.0.1:10911' })
    assert.equal(table.register(registration({ brokerId: 7, topics: ['T'] }), 0).status, 'refused')
    assert.deepEqual(addressesOf(table), {})
    assert.equal(table.routeOf('T'), undefined)
  })

  it('has a broker name in one cluster', () => {
    const table = tableOf({}, { clusterName: 'D' })
    assert.deepEqual([...table.clusterInfo().clusterAddrTable], [['D', ['a']]])
    assert.equal(table.clusterInfo().brokerAddrTable.get('a')?.cluster, 'D')
  })

  it('passes on mappings of static topics', () => {
    const mappings = new Map([['T', { topic: 'T', bname: 'a', totalQueues: 4 }]])
    const table = tableOf({ mappings })
    const mapping = table.routeOf('T')?.topicQueueMappingByBroker
    assert.equal(writeFastJson(mapping), '{"a":{"topic":"T","bname":"a","totalQueues":4}}')
    assert.equal(table.routeOf('TBW102')?.topicQueueMappingByBroker, undefined)
  })

  it('refuses names and addresses that routes cannot carry', () => {
    const table = new RouteTable()
    for (const given of [
      { brokerName: '' },
      { brokerName: 'x'.repeat(256) },
      { clusterName: 'a\nb' },
      { brokerAddr: '127.0.0.1' },
      { brokerAddr: '1.2.3.4:1,"5":"6.7.8.9:1' },
      { zoneName: 'z'.repeat(300) },
      { topics: ['ok', 'x'.repeat(600)] },
    ]) {
      assert.throws(
        () => table.register(registration(given), 0),
        { kind: 'invalidParameter' },
        JSON.stringify(given),
      )
    }
  })
})

describe('RouteTable liveness', () => {
  it('forgets a broker that is silent for longer than two minutes', () => {
    const table = tableOf({})
    assert.deepEqual(table.expire(120_000), [])
    assert.deepEqual(table.expire(120_001), [{ brokerName: 'a', address: '127.0.0.1:10911' }])
    assert.deepEqual(table.topics(), [])
    assert.deepEqual(table.clusterInfo(), { brokerAddrTable: new Map(), clusterAddrTable: new Map() })
  })

  it("takes the broker's own time when it has one", () => {
    const table = tableOf({ timeoutMs: 1000 })
    assert.equal(table.expire(1000).length, 0)
    assert.equal(table.expire(1001).length, 1)
  })

  it('counts from the last registration or heartbeat', () => {
    const table = tableOf({})
    const address = { brokerName: 'a', address: '127.0.0.1:10911' }
    assert.equal(table.heartbeat(address, 100_000), true)
    assert.equal(table.expire(220_000).length, 0)
    table.register(registration(), 200_000)
    assert.equal(table.expire(320_000).length, 0)
    assert.equal(table.expire(320_001).length, 1)
    assert.equal(table.heartbeat(address, 320_001), false)
  })

  it('forgets a broker at once when its connection closes, but not for a connection it has left', () => {
    const table = tableOf({}, slave, { peerId: 3 })
    assert.deepEqual(table.connectionClosed(1), [])
    assert.deepEqual(table.connectionClosed(3), [{ brokerName: 'a', address: '127.0.0.1:10911' }])
    assert.deepEqual(addressesOf(table), { 1: '127.0.0.1:20911' })
    assert.equal(permOf(table, 'T'), 6)
    assert.equal(table.connectionClosed(2).length, 1)
    assert.equal(table.routeOf('T'), undefined)
  })

  it('keeps the queues of other brokers of a topic', () => {
    const table = tableOf({}, { brokerName: 'b', brokerAddr: '127.0.0.1:30911', topics: ['T', 'B'] })
    table.unregister([
      { brokerName: 'a', address: '127.0.0.1:10911' },
      { brokerName: 'nobody', address: '127.0.0.1:1' },
      { brokerName: 'b', address: '127.0.0.1:1' },
    ])
    assert.deepEqual(table.topics(), ['T', 'B'])
    assert.deepEqual(
      table.routeOf('T')?.queueDatas.map(({ brokerName }) => brokerName),
      ['b'],
    )
  })

  it('knows the version of the topics of a broker', () => {
    const table = tableOf({ counter: 7 })
    const version = table.dataVersionOf({ brokerName: 'a', address: '127.0.0.1:10911' })
    assert.deepEqual(version, { counter: 7, stateVersion: 0, timestamp: 5 })
    assert.equal(table.dataVersionOf({ brokerName: 'a', address: '127.0.0.1:1' }), undefined)
  })
})

describe('RouteTable acting master', () => {
  const acting: Given = { ...slave, enableActingMaster: true }
  const supporting = { ...ROUTE_RULES, supportActingMaster: true }

  it('takes the write permission away while no master is there', () => {
    const table = tableOf({ enableActingMaster: true }, acting)
    table.connectionClosed(1)
    assert.equal(permOf(table, 'T'), 4)
    table.register(registration({ ...acting, counter: 2 }), 0)
    assert.equal(permOf(table, 'T'), 4)
    table.register(registration({ enableActingMaster: true }), 0)
    assert.equal(permOf(table, 'T'), 6)
  })

  it('shows the first slave as master when that is supported', () => {
    const table = new RouteTable(supporting)
    const topics = ['T', 'rmq_sys_SYNC_BROKER_MEMBER_a']
    table.register(registration({ enableActingMaster: true, topics }), 0)
    table.register(registration({ ...acting, topics }), 0)
    const shown = (topic: string) =>
      Object.fromEntries(table.routeOf(topic)?.brokerDatas[0]?.brokerAddrs ?? [])
    assert.deepEqual(shown('T'), { 0: '127.0.0.1:10911', 1: '127.0.0.1:20911' })
    table.connectionClosed(1)
    assert.deepEqual(shown('T'), { 0: '127.0.0.1:20911' })
    assert.deepEqual(shown('rmq_sys_SYNC_BROKER_MEMBER_a'), { 1: '127.0.0.1:20911' })
    assert.deepEqual(addressesOf(table), { 1: '127.0.0.1:20911' })
  })

  it('shows ids as they are when it is not supported', () => {
    const table = tableOf({ enableActingMaster: true }, acting)
    table.connectionClosed(1)
    assert.deepEqual([...(table.routeOf('T')?.brokerDatas[0]?.brokerAddrs ?? [])], [[1, '127.0.0.1:20911']])
  })
})

describe('RouteTable administration', () => {
  it('takes the write permission of a broker and puts it back', () => {
    const table = tableOf({ topics: ['T', topicConfig('TBW102', { perm: 7 })] })
    assert.equal(table.wipeWritePerm('a'), 2)
    assert.deepEqual([permOf(table, 'T'), permOf(table, 'TBW102')], [4, 5])
    assert.equal(table.addWritePerm('a'), 2)
    assert.deepEqual([permOf(table, 'T'), permOf(table, 'TBW102')], [6, 7])
    assert.equal(table.wipeWritePerm('b'), 0)
  })

  it('lists topics of all, of a cluster, and of the system', () => {
    const table = tableOf(
      {},
      { clusterName: 'D', brokerName: 'b', brokerAddr: '127.0.0.1:30911', topics: ['T', 'B'] },
    )
    assert.deepEqual(table.topics(), ['T', 'TBW102', 'B'])
    assert.deepEqual(table.topicsOfCluster('D'), ['T', 'B'])
    assert.deepEqual(table.topicsOfCluster('E'), [])
    assert.deepEqual(table.systemTopics(), { topics: ['C', 'a', 'D', 'b'], brokerAddr: '127.0.0.1:10911' })
    assert.deepEqual(new RouteTable().systemTopics(), { topics: [] })
  })

  it('lists topics of units', () => {
    const flags = [0, 1, 2, 3].map((topicSysFlag) => topicConfig(`F${topicSysFlag}`, { topicSysFlag }))
    const table = tableOf({ topics: flags })
    assert.deepEqual(table.unitTopics(), ['F1', 'F3'])
    assert.deepEqual(table.unitSubTopics(), ['F2', 'F3'])
    assert.deepEqual(table.unitSubUnUnitTopics(), ['F2'])
  })

  it('deletes a topic of one cluster', () => {
    const table = tableOf({}, { clusterName: 'D', brokerName: 'b', brokerAddr: '127.0.0.1:30911' })
    table.deleteTopicOfCluster('T', 'E')
    table.deleteTopicOfCluster('T', 'C')
    assert.deepEqual(
      table.routeOf('T')?.queueDatas.map(({ brokerName }) => brokerName),
      ['b'],
    )
    table.deleteTopicOfCluster('T', 'D')
    assert.equal(table.routeOf('T'), undefined)
  })

  it('registers a topic of brokers that it knows', () => {
    const table = tableOf({})
    const queues = { brokerName: 'a', readQueueNums: 2, writeQueueNums: 2, perm: 6, topicSysFlag: 0 }
    assert.equal(table.registerTopic('N', [queues, { ...queues, brokerName: 'b' }]), false)
    assert.equal(table.routeOf('N'), undefined)
    assert.equal(table.registerTopic('N', [queues]), true)
    assert.deepEqual(table.routeOf('N')?.queueDatas, [queues])
  })
})

describe('RouteTable limits', () => {
  it('keeps the topics it knows when new ones find no room, and says so every time', () => {
    const table = new RouteTable(ROUTE_RULES, { ...BROKER_LIMITS, ...TOPIC_LIMITS, topicsMax: 3 })
    table.register(registration(), 0)
    const full = registration({ topics: ['T', 'V', 'W', 'X'], counter: 2 })
    for (const nowMs of [100_000, 200_000]) {
      assert.throws(() => table.register(full, nowMs), { kind: 'busy', message: /topics to 5, more than 3/ })
    }
    assert.deepEqual(table.expire(300_000), [])
    assert.deepEqual(table.topics(), ['T', 'TBW102'])
    table.deleteTopic('TBW102')
    table.register(registration({ topics: ['T', 'V', 'W'], counter: 2 }), 0)
    assert.deepEqual(table.topics(), ['T', 'V', 'W'])
  })

  it('takes topics later that found no room when another address took the broker over', () => {
    const table = new RouteTable(ROUTE_RULES, { ...BROKER_LIMITS, ...TOPIC_LIMITS, topicsMax: 2 })
    table.register(registration(), 0)
    const changed = [topicConfig('T', { perm: 4 }), topicConfig('TBW102'), topicConfig('V')]
    const taking = registration({ brokerAddr: '127.0.0.1:30911', topics: changed })
    assert.throws(() => table.register(taking, 0), { kind: 'busy' })
    assert.equal(permOf(table, 'T'), 6)
    table.deleteTopic('TBW102')
    table.register(registration({ brokerAddr: '127.0.0.1:30911', topics: changed.slice(0, 1) }), 0)
    assert.equal(permOf(table, 'T'), 4)
  })
})
