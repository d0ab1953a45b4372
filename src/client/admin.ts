import { type ClusterInfo, decodeClusterInfo } from '../protocol/cluster-info.ts'
import type { MessageQueue } from '../protocol/message-queue.ts'
import { checkTopic, SystemTopic } from '../protocol/names.ts'
import { PERMISSION_DEFAULT } from '../protocol/permission.ts'
import type { CommandParts, RemotingCommand } from '../protocol/remoting-command.ts'
import { RequestCode } from '../protocol/request-code.ts'
import { ResponseCode } from '../protocol/response-code.ts'
import type { TopicRouteData } from '../protocol/topic-route-data.ts'
import { type AbortOptions, abortable } from './abortable.ts'
import type { Boundary } from './broker-requests.ts'
import { ClientError, clientErrorOf, refusalOf } from './client-error.ts'
import type { ClientInstance } from './client-instance.ts'

/** A request as tools make it: its code, header fields and body. */
export type AdminRequest = Pick<CommandParts, 'code' | 'extFields' | 'body'>

/** A topic to be made, and where. */
export interface NewTopic {
  readonly topic: string
  /** Queues on each broker; 8 unless given. */
  readonly queueCount?: number
  /** 4 read, 2 write, 6 both; 6 unless given. */
  readonly perm?: number
  /** Brokers of this cluster only; of all clusters unless given. */
  readonly cluster?: string
  /** This broker only. */
  readonly brokerName?: string
}

/** What can be asked of a cluster beside sending and consuming. Every method throws ClientError. */
export class Admin {
  readonly #instance: ClientInstance

  constructor(instance: ClientInstance) {
    this.#instance = instance
  }

  /**
   * Makes a topic, or changes it, on every master that is meant.
   * @throws ClientError notFound when there is none
   */
  async createTopic(
    { topic, queueCount = 8, perm = PERMISSION_DEFAULT, cluster, brokerName }: NewTopic,
    { signal }: AbortOptions = {},
  ): Promise<void> {
    try {
      checkTopic(topic)
    } catch (error) {
      throw clientErrorOf(error)
    }
    const { brokerAddrTable } = await this.clusterInfo({ signal })
    const masters = [...brokerAddrTable.values()]
      .filter((broker) => cluster === undefined || broker.cluster === cluster)
      .filter((broker) => brokerName === undefined || broker.brokerName === brokerName)
      .flatMap(({ brokerAddrs }) => brokerAddrs.get(0) ?? [])
    if (masters.length === 0) throw new ClientError('notFound', `no master for topic ${topic} is there`)
    const extFields = {
      topic,
      defaultTopic: SystemTopic.AUTO_CREATE,
      readQueueNums: String(queueCount),
      writeQueueNums: String(queueCount),
      perm: String(perm),
      topicFilterType: 'SINGLE_TAG',
      topicSysFlag: '0',
      order: 'false',
    }
    const command = { code: RequestCode.UPDATE_AND_CREATE_TOPIC, extFields }
    await Promise.all(masters.map((address) => this.ask(address, command, { signal })))
  }

  /** All brokers that NameServers know. */
  async clusterInfo(options: AbortOptions = {}): Promise<ClusterInfo> {
    const request = { code: RequestCode.GET_BROKER_CLUSTER_INFO }
    return decodeClusterInfo((await this.askNamesrv(request, options)).body)
  }

  /** Asks a NameServer anything that has no method here. @throws ClientError for every answer but SUCCESS */
  async askNamesrv(request: AdminRequest, { signal }: AbortOptions = {}): Promise<RemotingCommand> {
    const response = await abortable(this.#instance.namesrv.invoke(request), signal)
    if (response.code !== ResponseCode.SUCCESS)
      throw refusalOf(response, `NameServer ${this.#instance.namesrv.current}`)
    return response
  }

  /** Asks the broker, or NameServer, at `host:port`. @throws ClientError for every answer but SUCCESS */
  async ask(address: string, request: AdminRequest, { signal }: AbortOptions = {}): Promise<RemotingCommand> {
    return abortable(this.#instance.brokers.call(address, request), signal)
  }

  /** Addresses of all NameServers that the client was given. */
  get namesrvAddresses(): readonly string[] {
    return this.#instance.namesrv.addresses
  }

  /** Where a topic's queues are now. @throws ClientError topicNotExist */
  async route(topic: string, { signal }: AbortOptions = {}): Promise<TopicRouteData> {
    return (await abortable(this.#instance.routes.loadNow(topic), signal)).data
  }

  /** The queues of a topic that can be read, by broker and id. @throws ClientError topicNotExist */
  async queues(topic: string, { signal }: AbortOptions = {}): Promise<readonly MessageQueue[]> {
    return (await abortable(this.#instance.routes.loadNow(topic), signal)).readQueues
  }

  /** The offset that the next message of a queue will have. */
  async maxOffset(queue: MessageQueue, options: AbortOptions = {}): Promise<number> {
    return this.#routed(queue, options, () => this.#instance.brokers.maxOffset(queue))
  }

  /** The offset of the first message that is still there. */
  async minOffset(queue: MessageQueue, options: AbortOptions = {}): Promise<number> {
    return this.#routed(queue, options, () => this.#instance.brokers.minOffset(queue))
  }

  /** The first message stored at a time or later; the end of the queue if there is none. */
  async searchOffset(
    queue: MessageQueue,
    timestampMs: number,
    boundary?: Boundary,
    options: AbortOptions = {},
  ): Promise<number> {
    return this.#routed(queue, options, () =>
      this.#instance.brokers.searchOffset(queue, timestampMs, boundary),
    )
  }

  /** What a group has committed of a queue; undefined when nothing. */
  async committedOffset(
    group: string,
    queue: MessageQueue,
    options: AbortOptions = {},
  ): Promise<number | undefined> {
    return this.#routed(queue, options, () => this.#instance.brokers.committedOffset(group, queue))
  }

  /** Asks the broker of a queue, once it is known which that is. */
  #routed<Value>(
    { topic }: MessageQueue,
    { signal }: AbortOptions,
    ask: () => Promise<Value>,
  ): Promise<Value> {
    return abortable(this.#instance.routes.load(topic).then(ask), signal)
  }
}
