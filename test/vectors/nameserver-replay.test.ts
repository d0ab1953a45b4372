import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { MemoryDisk } from '#ternmq/base/host/memory-disk.ts'
import { VirtualClock } from '#ternmq/base/host/virtual-clock.ts'
import { NameServer } from '#ternmq/nameserver/name-server.ts'
import { DATA_VERSION_ZERO } from '#ternmq/protocol/data-version.ts'
import { type FastJson, readFastJson } from '#ternmq/protocol/fastjson.ts'
import { parseJavaProperties } from '#ternmq/protocol/java-properties.ts'
import { encodeRegisterBrokerBody } from '#ternmq/protocol/register-broker-body.ts'
import { decodeCommand, type RemotingCommand } from '#ternmq/protocol/remoting-command.ts'
import { type Handler, type Reply, Request } from '#ternmq/protocol/request.ts'
import { RequestCode } from '#ternmq/protocol/request-code.ts'
import { topicConfig } from '#ternmq/protocol/topic-config.ts'
import { decodeTopicRouteData } from '#ternmq/protocol/topic-route-data.ts'
import { type FrameVector, frameVectors } from './vectors.ts'

interface Exchange {
  readonly request: FrameVector
  readonly response: FrameVector
}

/** What a name server was asked in the capture, in the order of the time. */
function exchanges(): Exchange[] {
  const byPair = new Map<number, Partial<Record<FrameVector['part'], FrameVector>>>()
  for (const vector of frameVectors()) {
    if (!vector.direction.includes('namesrv')) continue
    byPair.set(vector.pair, { ...byPair.get(vector.pair), [vector.part]: vector })
  }
  const pairs = [...byPair].sort(([one], [other]) => one - other)
  return pairs.flatMap(([, { request, response }]) => (request && response ? [{ request, response }] : []))
}

/** The capture is a selection: registrations that it leaves out are made up from the routes that it shows. */
class Replay {
  readonly #handlers: Readonly<Record<number, Handler>>
  #counter = 1000

  constructor() {
    const clock = new VirtualClock(0)
    const quiet = () => {}
    const log = { debug: quiet, info: quiet, warn: quiet, error: quiet }
    const server = new NameServer({
      host: { clock, disk: new MemoryDisk({ clock }), log },
      kvConfigPath: '/namesrv/kvConfig.json',
      mayChangeConfig: () => false,
      facts: { listenPort: '9876', bindAddress: '127.0.0.1' },
    })
    this.#handlers = server.handlers()
  }

  async ask(command: RemotingCommand): Promise<Reply> {
    const handler = this.#handlers[command.code]
    assert(handler, `code ${command.code} has a handler`)
    return handler(new Request(command, { id: 1, address: '127.0.0.1:40000' }))
  }

  /** Lets the brokers of a captured route register what it says of this topic. */
  async know(topic: string, route: Buffer): Promise<void> {
    const { brokerDatas, queueDatas } = decodeTopicRouteData(route)
    for (const { brokerName, cluster, brokerAddrs } of brokerDatas) {
      const queues = queueDatas.find((each) => each.brokerName === brokerName)
      assert(queues)
      const configs = [topicConfig(topic, { ...queues }), topicConfig('TBW102', QUEUES_OF_TBW102)]
      for (const [id, brokerAddr] of brokerAddrs) {
        const extFields = {
          brokerName,
          brokerAddr,
          clusterName: cluster,
          haServerAddr: '',
          brokerId: String(id),
        }
        const body = encodeRegisterBrokerBody(
          {
            filterServerList: [],
            topics: {
              topicConfigTable: new Map(configs.map((config) => [config.topicName, config])),
              dataVersion: { ...DATA_VERSION_ZERO, counter: this.#counter++ },
              mappingDataVersion: DATA_VERSION_ZERO,
              topicQueueMappingInfoMap: new Map(),
              topicQueueMappingDetailMap: new Map(),
            },
          },
          false,
        )
        const register = { code: RequestCode.REGISTER_BROKER, language: 0, version: 479, opaque: 1, flag: 0 }
        await this.ask({ ...register, remark: undefined, extFields, body })
      }
    }
  }
}

const QUEUES_OF_TBW102 = { perm: 7, readQueueNums: 8, writeQueueNums: 8 }

/** A value with every leaf replaced by its type and lists cut to their first item. */
function shapeOf(value: FastJson): unknown {
  if (Array.isArray(value)) return value.slice(0, 1).map(shapeOf)
  if (typeof value !== 'object' || value === null) return typeof value
  return Object.fromEntries(Object.entries(value).map(([name, field]) => [name, shapeOf(field)]))
}

/** Bodies that the capture's state decides to the byte. */
const exactCodes: ReadonlySet<number> = new Set([
  RequestCode.GET_ROUTEINFO_BY_TOPIC,
  RequestCode.GET_BROKER_CLUSTER_INFO,
])

function checkBody(code: number, answer: Buffer | undefined, captured: Buffer): void {
  const [ours, theirs] = [answer?.toString() ?? '', captured.toString()]
  if (exactCodes.has(code) || theirs === '') {
    assert.equal(ours, theirs)
  } else if (code === RequestCode.GET_NAMESRV_CONFIG) {
    const names = new Set(parseJavaProperties(theirs).keys())
    assert.deepEqual(
      [...parseJavaProperties(ours).keys()].filter((name) => !names.has(name)),
      [],
    )
  } else {
    assert.deepEqual(shapeOf(readFastJson(ours)), shapeOf(readFastJson(theirs)))
  }
}

describe('what clients, brokers and tools asked a name server', () => {
  it('is answered as RocketMQ answered it', async () => {
    const replay = new Replay()
    const all = exchanges()
    assert(all.length > 60, `${all.length} exchanges`)
    for (const { request, response } of all) {
      const command = decodeCommand(request.frame)
      const captured = response.decoded
      const isRoute = command.code === RequestCode.GET_ROUTEINFO_BY_TOPIC
      if (isRoute && captured.code === 0) await replay.know(command.extFields.topic ?? '', response.body)
      const reply = await replay.ask(command)
      assert.equal(reply.code ?? 0, captured.code, request.name)
      assert.equal(reply.remark, captured.remark?.split('\n')[0], request.name)
      const fields = Object.keys(reply.extFields ?? {})
      assert.deepEqual(fields.sort(), Object.keys(captured.extFields ?? {}).sort(), request.name)
      checkBody(command.code, reply.body, response.body)
    }
  })
})
