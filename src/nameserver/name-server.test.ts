import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { MqError } from '../base/errors.ts'
import { MemoryDisk } from '../base/host/memory-disk.ts'
import { VirtualClock } from '../base/host/virtual-clock.ts'
import { decodeClusterInfo } from '../protocol/cluster-info.ts'
import { bodyCrc } from '../protocol/crc32.ts'
import { DATA_VERSION_ZERO, encodeDataVersion } from '../protocol/data-version.ts'
import { decodeKvTable } from '../protocol/kv-table.ts'
import { encodeRegisterBrokerBody, type RegisterBrokerBody } from '../protocol/register-broker-body.ts'
import { type Reply, Request } from '../protocol/request.ts'
import { RequestCode } from '../protocol/request-code.ts'
import { topicConfig } from '../protocol/topic-config.ts'
import { decodeTopicList } from '../protocol/topic-list.ts'
import { encodeTopicRouteData } from '../protocol/topic-route-data.ts'
import { NameServer, type NameServerOptions } from './name-server.ts'

type Fields = Readonly<Record<string, string>>

interface Sending {
  readonly body?: Buffer
  readonly version?: number
  readonly peerId?: number
}

/** A name server on a virtual host, asked as a door would ask it. */
class Trial {
  readonly clock = new VirtualClock(0)
  readonly disk = new MemoryDisk({ clock: this.clock })
  readonly lines: string[] = []
  readonly server: NameServer

  constructor(options: Partial<NameServerOptions> = {}) {
    const line = (_: object, text: string) => {
      this.lines.push(text)
    }
    const log = { debug: line, info: line, warn: line, error: line }
    const host = { clock: this.clock, disk: this.disk, log }
    const mayChangeConfig = () => true
    this.server = new NameServer({ host, kvConfigPath: '/data/kvConfig.json', mayChangeConfig, ...options })
  }

  async ask(code: number, extFields: Fields = {}, sending: Sending = {}): Promise<Reply> {
    const { body = Buffer.alloc(0), version = 479, peerId = 1 } = sending
    const command = { code, language: 0, version, opaque: 1, flag: 0, remark: undefined, extFields, body }
    const handler = this.server.handlers()[code]
    assert(handler, `no handler of ${code}`)
    return handler(new Request(command, { id: peerId, address: `127.0.0.1:${40_000 + peerId}` }))
  }

  /** Registers broker-a with topics T and TBW102. */
  register(
    extFields: Fields = {},
    sending: Sending & { topics?: string[]; counter?: number } = {},
  ): Promise<Reply> {
    const { topics = ['T', 'TBW102'], counter = 1 } = sending
    const body = encodeRegisterBrokerBody(registration(topics, counter), extFields.compressed === 'true')
    const bodyCrc32 = String(bodyCrc(body))
    return this.ask(RequestCode.REGISTER_BROKER, { ...broker, ...extFields, bodyCrc32 }, { body, ...sending })
  }

  async route(topic: string, version = 479, fields: Fields = {}): Promise<string> {
    const reply = await this.ask(RequestCode.GET_ROUTEINFO_BY_TOPIC, { topic, ...fields }, { version })
    return reply.body?.toString() ?? `${reply.code} ${reply.remark}`
  }
}

const broker = {
  brokerName: 'broker-a',
  brokerAddr: '127.0.0.1:10911',
  clusterName: 'C',
  haServerAddr: '127.0.0.1:10912',
  brokerId: '0',
  enableActingMaster: 'false',
  compressed: 'false',
}

function registration(topics: readonly string[], counter: number): RegisterBrokerBody {
  return {
    filterServerList: [],
    topics: {
      topicConfigTable: new Map(
        topics.map((topic) => [topic, topicConfig(topic, { readQueueNums: 4, writeQueueNums: 4 })]),
      ),
      dataVersion: { counter, stateVersion: 0, timestamp: 0 },
      mappingDataVersion: DATA_VERSION_ZERO,
      topicQueueMappingInfoMap: new Map(),
      topicQueueMappingDetailMap: new Map(),
    },
  }
}

const queues = '{"brokerName":"broker-a","perm":6,"readQueueNums":4,"topicSysFlag":0,"writeQueueNums":4}'
const routeText = (brokerAddrs: string) =>
  `{"brokerDatas":[{"brokerAddrs":${brokerAddrs},"brokerName":"broker-a","cluster":"C",` +
  '"enableActingMaster":false}],' +
  `"filterServerTable":{},"queueDatas":[${queues}]}`

describe('NameServer', () => {
  it('answers every code that clients, brokers and tools send to a name server', () => {
    const codes = [
      ...[100, 101, 102, 103, 104, 105, 106, 205, 206, 216, 217, 219, 224],
      ...[304, 311, 312, 313, 318, 319, 322, 327, 901, 904],
    ]
    assert.deepEqual(Object.keys(new Trial().server.handlers()).map(Number), codes)
  })

  it('leaves no timer behind', async () => {
    const trial = new Trial()
    assert.equal(trial.clock.timerCount, 1)
    await trial.clock.advance(20_000)
    assert.equal(trial.clock.timerCount, 1)
    await trial.server.stop()
    assert.equal(trial.clock.timerCount, 0)
  })
})

describe('NameServer routes', () => {
  it('answers in the dialect that the client reads', async () => {
    const trial = new Trial()
    await trial.register()
    const [strict, bare] = [routeText('{"0":"127.0.0.1:10911"}'), routeText('{0:"127.0.0.1:10911"}')]
    assert.equal(await trial.route('T', 401), strict)
    assert.equal(await trial.route('T', 400), bare)
    assert.equal(await trial.route('T', 317), bare)
    assert.equal(await trial.route('T', 317, { acceptStandardJsonOnly: 'true' }), strict)
  })

  it('says in the words of RocketMQ that a topic is unknown', async () => {
    assert.equal(await new Trial().route('X'), '17 No topic route info in name server for the topic: X')
  })

  it('adds the order configuration when the setting says so', async () => {
    const trial = new Trial()
    await trial.register()
    await trial.ask(RequestCode.PUT_KV_CONFIG, {
      namespace: 'ORDER_TOPIC_CONFIG',
      key: 'T',
      value: 'broker-a:4',
    })
    assert.doesNotMatch(await trial.route('T'), /orderTopicConf/)
    await trial.ask(RequestCode.UPDATE_NAMESRV_CONFIG, {}, { body: Buffer.from('orderMessageEnable=true') })
    assert.match(await trial.route('T'), /"orderTopicConf":"broker-a:4"/)
    assert.doesNotMatch(await trial.route('TBW102'), /orderTopicConf/)
  })

  it('leaves out other zones for those who ask', async () => {
    const trial = new Trial()
    await trial.register({ __ZONE_NAME: 'z1' })
    const zone = (name: string) => trial.route('T', 479, { __ZONE_MODE: 'true', __ZONE_NAME: name })
    assert.match(await zone('Z1'), /"zoneName":"z1"/)
    assert.match(await zone('z2'), /"brokerDatas":\[\],.*"queueDatas":\[\]/)
    assert.match(await trial.route('T', 479, { __ZONE_NAME: 'z2' }), /"zoneName":"z1"/)
  })

  it('waits for brokers after the start when the setting says so', async () => {
    const trial = new Trial({ settings: { needWaitForService: true, waitSecondsForService: 10 } })
    await trial.register()
    assert.equal(await trial.route('T'), '1 name server not ready')
    await trial.clock.advance(10_000)
    assert.match(await trial.route('T'), /broker-a/)
  })
})

describe('NameServer and brokers', () => {
  it('takes compressed registrations', async () => {
    const trial = new Trial()
    assert.deepEqual(await trial.register({ compressed: 'true' }, { version: 515 }), {})
    assert.match(await trial.route('T'), /broker-a/)
  })

  it('refuses a body whose CRC does not match, and one topic of an unknown broker', async () => {
    const trial = new Trial()
    const body = Buffer.from('{}')
    const fields = { ...broker, bodyCrc32: '5' }
    await assert.rejects(trial.ask(RequestCode.REGISTER_BROKER, fields, { body }), {
      kind: 'badBody',
      message: /crc32/,
    })
    assert.deepEqual(await trial.register({}, { topics: ['T'] }), {
      code: 1,
      remark: 'register broker failed',
    })
  })

  it('refuses what is missing or malformed', async () => {
    const trial = new Trial()
    await assert.rejects(trial.register({ brokerId: 'x' }), { kind: 'invalidParameter' })
    await assert.rejects(trial.register({ brokerId: '-1' }), { kind: 'invalidParameter' })
    for (const code of [100, 101, 102, 103, 104, 105, 205, 216, 217, 219, 224, 322, 327, 901, 904]) {
      await assert.rejects(trial.ask(code), { kind: 'invalidParameter' }, `${code}`)
    }
  })

  it('tells a slave its master, and every broker the order configuration once there is one', async () => {
    const trial = new Trial()
    const slave = { brokerId: '1', brokerAddr: '127.0.0.1:20911' }
    assert.deepEqual(await trial.register(), {})
    const extFields = { haServerAddr: '127.0.0.1:10912', masterAddr: '127.0.0.1:10911' }
    assert.deepEqual(await trial.register(slave), { extFields })
    await trial.ask(RequestCode.PUT_KV_CONFIG, {
      namespace: 'ORDER_TOPIC_CONFIG',
      key: 'T',
      value: 'broker-a:4',
    })
    const { body } = await trial.register()
    assert(body)
    assert.deepEqual(decodeKvTable(body), new Map([['T', 'broker-a:4']]))
  })

  it('forgets a silent broker within one scan, and one whose connection closes at once', async () => {
    const trial = new Trial()
    await trial.register()
    await trial.clock.advance(100_000)
    await trial.ask(RequestCode.BROKER_HEARTBEAT, broker)
    await trial.clock.advance(120_000)
    assert.match(await trial.route('T'), /broker-a/)
    await trial.clock.advance(5000)
    assert.match(await trial.route('T'), /^17 /)
    assert.equal(trial.lines.at(-1), 'broker gone: it is silent')

    await trial.register({}, { peerId: 7 })
    trial.server.connectionClosed(6)
    assert.match(await trial.route('T'), /broker-a/)
    trial.server.connectionClosed(7)
    assert.match(await trial.route('T'), /^17 /)
  })

  it('gives brokers a chance when it was stopped itself', async () => {
    const trial = new Trial()
    await trial.register()
    const stopped = trial.clock.monoMs.bind(trial.clock)
    trial.clock.monoMs = () => stopped() + 600_000
    await trial.clock.advance(5000)
    assert.match(await trial.route('T'), /broker-a/)
    await trial.clock.advance(5000)
    assert.match(await trial.route('T'), /^17 /)
  })

  it('compares data versions and counts the question as a sign of life', async () => {
    const trial = new Trial()
    const query = (counter: number) =>
      trial.ask(RequestCode.QUERY_DATA_VERSION, broker, {
        body: encodeDataVersion({ counter, stateVersion: 0, timestamp: 0 }),
      })
    assert.deepEqual(await query(1), { extFields: { changed: 'true' } })
    await trial.register()
    const body = encodeDataVersion({ counter: 1, stateVersion: 0, timestamp: 0 })
    assert.deepEqual(await query(1), { extFields: { changed: 'false' }, body })
    await trial.clock.advance(100_000)
    assert.deepEqual(await query(2), { extFields: { changed: 'true' }, body })
    await trial.clock.advance(100_000)
    assert.match(await trial.route('T'), /broker-a/)
  })

  it('shows clusters and the members of a broker, and lets a broker unregister', async () => {
    const trial = new Trial()
    await trial.register()
    const info = async () => (await trial.ask(RequestCode.GET_BROKER_CLUSTER_INFO)).body ?? Buffer.alloc(0)
    assert.deepEqual([...decodeClusterInfo(await info()).clusterAddrTable], [['C', ['broker-a']]])
    assert.match((await info()).toString(), /\{0:"127\.0\.0\.1:10911"\}/)
    const group = await trial.ask(RequestCode.GET_BROKER_MEMBER_GROUP, broker)
    const expected =
      '{"brokerMemberGroup":{"brokerAddrs":{0:"127.0.0.1:10911"},"brokerName":"broker-a","cluster":"C"}}'
    assert.equal(group.body?.toString(), expected)
    assert.deepEqual(await trial.ask(RequestCode.UNREGISTER_BROKER, broker), {})
    assert.equal((await info()).toString(), '{"brokerAddrTable":{},"clusterAddrTable":{}}')
  })
})

describe('NameServer and administrators', () => {
  it('lists topics, unless a setting forbids it', async () => {
    const trial = new Trial({ settings: { enableTopicList: false } })
    await trial.register()
    const list = async (code: number) => decodeTopicList((await trial.ask(code)).body ?? Buffer.alloc(0))
    assert.deepEqual(await list(RequestCode.GET_ALL_TOPIC_LIST_FROM_NAMESERVER), { topics: ['T', 'TBW102'] })
    const system = await list(RequestCode.GET_SYSTEM_TOPIC_LIST_FROM_NS)
    assert.deepEqual(system, { topics: ['C', 'broker-a'], brokerAddr: '127.0.0.1:10911' })
    assert.equal((await trial.ask(RequestCode.GET_TOPICS_BY_CLUSTER, { cluster: 'C' })).code, 1)
    for (const code of [
      RequestCode.GET_UNIT_TOPIC_LIST,
      RequestCode.GET_HAS_UNIT_SUB_TOPIC_LIST,
      RequestCode.GET_HAS_UNIT_SUB_UNUNIT_TOPIC_LIST,
    ])
      assert.equal((await trial.ask(code)).code, 1)
  })

  it('takes brokers out of writing and puts them back', async () => {
    const trial = new Trial()
    await trial.register()
    const { brokerName } = broker
    assert.deepEqual(await trial.ask(205, { brokerName }), { extFields: { wipeTopicCount: '2' } })
    assert.match(await trial.route('T'), /"perm":4/)
    assert.deepEqual(await trial.ask(327, { brokerName }), { extFields: { addTopicCount: '2' } })
    assert.match(await trial.route('T'), /"perm":6/)
  })

  it('registers and deletes topics', async () => {
    const trial = new Trial()
    await trial.register()
    const queueData = {
      brokerName: 'broker-a',
      readQueueNums: 1,
      writeQueueNums: 1,
      perm: 6,
      topicSysFlag: 0,
    }
    const bodyOf = (brokerName: string) =>
      encodeTopicRouteData(
        { brokerDatas: [], queueDatas: [{ ...queueData, brokerName }], filterServerTable: new Map() },
        'strict',
      )
    assert.deepEqual(await trial.ask(217, { topic: 'N' }, { body: bodyOf('nobody') }), {})
    assert.match(await trial.route('N'), /^17 /)
    assert.deepEqual(await trial.ask(217, { topic: 'N' }, { body: bodyOf('broker-a') }), {})
    assert.match(await trial.route('N'), /broker-a/)
    assert.deepEqual(await trial.ask(216, { topic: 'N' }), {})
    assert.match(await trial.route('N'), /^17 /)
    assert.deepEqual(await trial.ask(216, { topic: 'T', clusterName: 'other' }), {})
    assert.match(await trial.route('T'), /broker-a/)
    assert.deepEqual(await trial.ask(216, { topic: 'T', clusterName: 'C' }), {})
    assert.match(await trial.route('T'), /^17 /)
  })

  it('keeps values by namespace and key', async () => {
    const trial = new Trial()
    const [namespace, key] = ['N', 'k']
    const missing = { code: 22, remark: 'No config item, Namespace: N Key: k' }
    assert.deepEqual(await trial.ask(101, { namespace, key }), missing)
    assert.deepEqual(await trial.ask(219, { namespace }), {
      code: 22,
      remark: 'No config item, Namespace: N',
    })
    assert.deepEqual(await trial.ask(100, { namespace, key, value: 'v' }), {})
    assert.deepEqual(await trial.ask(101, { namespace, key }), { extFields: { value: 'v' } })
    assert.equal((await trial.ask(219, { namespace })).body?.toString(), '{"table":{"k":"v"}}')
    assert.deepEqual(await trial.ask(102, { namespace, key }), {})
    assert.deepEqual(await trial.ask(101, { namespace, key }), missing)
    assert.equal((await trial.ask(219, { namespace })).body?.toString(), '{"table":{}}')
    await trial.server.stop()
  })

  it('lets only those change settings who may, and tells who keeps them', async () => {
    const kept: [string, string][] = []
    const trial = new Trial({
      mayChangeConfig: ({ id }) => id === 1,
      keepSettings: (changed) => {
        kept.push(...changed)
      },
      facts: { listenPort: '9876' },
    })
    const body = Buffer.from('enableAllTopicList=false')
    await assert.rejects(trial.ask(318, {}, { body, peerId: 2 }), { kind: 'noPermission' })
    assert.equal((await trial.ask(206)).code, undefined)
    assert.deepEqual(await trial.ask(318, {}, { body }), {})
    assert.equal((await trial.ask(206)).code, 1)
    assert.deepEqual(kept, [['enableAllTopicList', 'false']])
    await assert.rejects(trial.ask(318, {}, { body: Buffer.from('kvConfigPath=/x') }), {
      kind: 'noPermission',
    })
    const shown = (await trial.ask(319)).body?.toString() ?? ''
    assert.match(shown, /^enableAllTopicList=false$/m)
    assert.match(shown, /^listenPort=9876$/m)
    assert.match(shown, /^kvConfigPath=\/data\/kvConfig\.json$/m)
  })
})

describe('NameServer and hostile input', () => {
  const word = fc.constantFrom(
    '',
    'T',
    'C',
    'broker-a',
    '127.0.0.1:10911',
    '0',
    '-1',
    'true',
    '__proto__',
    'x'.repeat(3000),
  )
  const names = [
    ...Object.keys(broker),
    'topic',
    'namespace',
    'key',
    'value',
    'cluster',
    'bodyCrc32',
    '__ZONE_NAME',
  ]
  const fields = fc.dictionary(fc.constantFrom(...names), word, { noNullPrototype: false })
  const bodies = [true, false].map((compressed) =>
    encodeRegisterBrokerBody(registration(['T', 'U'], 1), compressed),
  )
  const cut = fc
    .tuple(fc.constantFrom(...bodies), fc.nat(400), fc.uint8Array({ maxLength: 9 }))
    .map(([body, at, bytes]) => {
      return Buffer.concat([body.subarray(0, at), bytes, body.subarray(at + bytes.length)])
    })
  const body = fc.oneof(
    cut,
    fc.uint8Array({ maxLength: 40 }).map(Buffer.from),
    fc.json().map((text) => Buffer.from(text)),
  )

  it('answers or throws a typed error, whatever is asked', async () => {
    const codes = fc.constantFrom(...Object.keys(new Trial().server.handlers()).map(Number))
    const trial = new Trial()
    await fc.assert(
      fc.asyncProperty(codes, fields, body, fc.boolean(), async (code, given, bytes, isFilled) => {
        try {
          await trial.ask(code, isFilled ? { ...broker, ...given } : given, { body: bytes })
        } catch (error) {
          assert(error instanceof MqError, String(error))
          assert(error.message.length < 400, `a long message: ${error.message.length} characters`)
        }
      }),
      { numRuns: 5000 },
    )
    await trial.register()
    assert.match(await trial.route('T'), /broker-a/)
  })
})
