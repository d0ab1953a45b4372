import { MemoryDisk } from '../base/host/memory-disk.ts'
import { SeededRandom } from '../base/host/seeded-random.ts'
import { SimulatedNetwork } from '../base/host/simulated-net.ts'
import { VirtualClock } from '../base/host/virtual-clock.ts'
import type { Host, Logger } from '../base/host.ts'
import { Turn } from '../base/turn.ts'
import { encodeClusterInfo } from '../protocol/cluster-info.ts'
import type { HandlerFamily } from '../protocol/request.ts'
import { RequestCode } from '../protocol/request-code.ts'
import { ResponseCode } from '../protocol/response-code.ts'
import { type BrokerData, encodeTopicRouteData, type QueueData } from '../protocol/topic-route-data.ts'
import { RemotingServer } from '../remoting/remoting-server.ts'
import { RequestDispatcher } from '../remoting/request-dispatcher.ts'
import type { Client } from './client.ts'
import { type ConnectOptions, connect } from './connect.ts'
import { TestBroker } from './test-broker.ts'

export const NAMESRV = '10.0.9.1:9876'

const CLIENT_IP = '10.0.1.1'

/** A log that keeps its warnings and errors. */
export class TestLog implements Logger {
  readonly lines: string[] = []

  debug(): void {}

  info(): void {}

  warn(fields: object, text: string): void {
    this.lines.push(`${text} ${JSON.stringify(fields)}`)
  }

  error(fields: object, text: string): void {
    this.lines.push(`${text} ${JSON.stringify(fields)}`)
  }
}

/**
 * NameServers and brokers that do what a test says, and real clients of them, on a simulated network in
 * virtual time.
 */
export class TestCluster {
  readonly clock = new VirtualClock(1_795_000_000_000)
  readonly network: SimulatedNetwork
  readonly log = new TestLog()
  readonly brokers = new Map<string, TestBroker>()
  readonly clients: Client[] = []
  /** Brokers that NameServers do not know for now. */
  readonly hidden = new Set<string>()
  readonly disk = new MemoryDisk({ clock: this.clock })
  readonly #random: SeededRandom
  #clientCount = 0

  constructor(seed = 1) {
    this.#random = new SeededRandom(seed)
    this.network = new SimulatedNetwork(this.clock, this.#random.fork('net'), { slowShare: 0 })
  }

  /** A cluster with one NameServer and brokers of these names, each with its own address. */
  static async of(...brokerNames: string[]): Promise<TestCluster> {
    const cluster = new TestCluster()
    await cluster.startNamesrv(NAMESRV)
    for (const name of brokerNames) await cluster.startBroker(name)
    return cluster
  }

  host(ip: string): Host {
    const { clock, disk, log } = this
    const random = this.#random.fork(`${ip} ${this.#clientCount++}`)
    return { clock, disk, log, random, net: this.network.net(ip), memoryBytes: 2 ** 33 }
  }

  async startNamesrv(address: string): Promise<RemotingServer> {
    const [ip = '', port = ''] = address.split(':')
    const { clock, net, log } = this.host(ip)
    const dispatcher = new RequestDispatcher(log)
    dispatcher.add(this.#namesrvHandlers())
    const server = new RemotingServer({ clock, net, log, turn: new Turn(clock), dispatcher })
    await server.listen({ host: ip, port: Number(port) })
    return server
  }

  async startBroker(name: string): Promise<TestBroker> {
    const ip = `10.0.0.${this.brokers.size + 1}`
    const broker = new TestBroker(name, this.host(ip))
    this.brokers.set(name, broker)
    await broker.listen(ip)
    return broker
  }

  broker(name: string): TestBroker {
    const broker = this.brokers.get(name)
    if (!broker) throw new Error(`no broker ${name}`)
    return broker
  }

  /** Makes a topic on every broker. */
  topic(topic: string, queueCount: number): void {
    for (const broker of this.brokers.values()) broker.topics.set(topic, queueCount)
  }

  /** A client; the first is on its own machine, each further one too. */
  async client(options: Partial<ConnectOptions> = {}): Promise<Client> {
    const ip = this.clients.length === 0 ? CLIENT_IP : `10.0.1.${this.clients.length + 1}`
    const client = await this.result(connect({ namesrv: NAMESRV, host: this.host(ip), ...options }))
    this.clients.push(client)
    return client
  }

  /** Lets time pass until the promise is settled. */
  async result<Value>(promise: Promise<Value>, withinMs = 120_000): Promise<Value> {
    return this.clock.advanceUntilSettled(promise, withinMs)
  }

  /** Lets time pass until it is so. @returns how long that took */
  async until(isSo: () => boolean, withinMs = 60_000): Promise<number> {
    const startMs = this.clock.monoMs()
    if (!(await this.clock.advanceUntil(isSo, withinMs)))
      throw new Error(`it did not come within ${withinMs} ms`)
    return this.clock.monoMs() - startMs
  }

  /** Closes all clients. @returns timers that are left, those of the servers not counted */
  async close(): Promise<void> {
    await this.result(Promise.all(this.clients.map((client) => client.close())))
  }

  #namesrvHandlers(): HandlerFamily {
    return {
      [RequestCode.GET_ROUTEINFO_BY_TOPIC]: (request) => {
        const topic = request.text('topic')
        const withTopic = this.#known().filter((broker) => broker.topics.has(topic))
        if (withTopic.length === 0)
          return { code: ResponseCode.TOPIC_NOT_EXIST, remark: `no route of ${topic}` }
        const route = {
          brokerDatas: withTopic.map(brokerDataOf),
          queueDatas: withTopic.map((broker) => queueDataOf(broker, topic)),
          filterServerTable: new Map(),
        }
        return { body: encodeTopicRouteData(route, 'strict') }
      },
      [RequestCode.GET_BROKER_CLUSTER_INFO]: () => {
        const brokerAddrTable = new Map(this.#known().map((broker) => [broker.name, brokerDataOf(broker)]))
        const clusterAddrTable = new Map([['DefaultCluster', [...brokerAddrTable.keys()]]])
        return { body: encodeClusterInfo({ brokerAddrTable, clusterAddrTable }) }
      },
    }
  }

  #known(): TestBroker[] {
    return [...this.brokers.values()].filter(({ name }) => !this.hidden.has(name))
  }
}

function brokerDataOf({ name, address }: TestBroker): BrokerData {
  const brokerAddrs = new Map([[0, address]])
  return { cluster: 'DefaultCluster', brokerName: name, brokerAddrs, enableActingMaster: false }
}

function queueDataOf({ name, topics }: TestBroker, topic: string): QueueData {
  const count = topics.get(topic) ?? 0
  return { brokerName: name, readQueueNums: count, writeQueueNums: count, perm: 6, topicSysFlag: 0 }
}
