import { MqError, messageOf } from '../../base/errors.ts'
import type { Timer } from '../../base/host.ts'
import type { Broker } from '../../broker/broker.ts'
import { bodyCrc } from '../../protocol/crc32.ts'
import { DATA_VERSION_ZERO, encodeDataVersion } from '../../protocol/data-version.ts'
import { Permission } from '../../protocol/permission.ts'
import { encodeRegisterBrokerBody } from '../../protocol/register-broker-body.ts'
import { RequestCode } from '../../protocol/request-code.ts'
import { ResponseCode } from '../../protocol/response-code.ts'
import type { TopicConfig } from '../../protocol/topic-config.ts'
import type { RemotingClient } from '../../remoting/remoting-client.ts'

const REQUEST_TIMEOUT_MS = 3000

/** A registration that failed is tried again after this long, not after the whole period. */
const RETRY_INTERVAL_MS = 1000

export interface RegistrationSettings {
  /** `host:port` of every NameServer: the broker registers with all of them. */
  readonly namesrvAddrs: readonly string[]
  /** registerNameServerPeriod */
  readonly periodMs: number
  /** Where replicas would connect; told to NameServers, as RocketMQ does. */
  readonly haServerAddr: string
}

/**
 * Keeps the NameServers told of this broker and its topics (protocol/requests.md §6): all topics at the start and where a NameServer
 * has another version, the changed ones at every change, a sign of life in between.
 */
export class BrokerRegistration {
  readonly #broker: Broker
  readonly #client: RemotingClient
  readonly #settings: RegistrationSettings
  readonly #brokerAddr: string
  #timer: Timer | undefined
  #isStopped = false
  /** NameServers that have missed a registration: the version they know may be newer than the topics they have. */
  readonly #behind = new Set<string>()
  /** Topics that changed in this turn. */
  #changed: TopicConfig[] = []

  constructor(broker: Broker, client: RemotingClient, settings: RegistrationSettings) {
    this.#broker = broker
    this.#client = client
    this.#settings = settings
    const { host, port } = broker.settings.advertised
    this.#brokerAddr = `${host.includes(':') ? `[${host}]` : host}:${port}`
    broker.topics.onTopicsChanged = (configs) => this.#topicsChanged(configs)
  }

  /** Registers for the first time, and then again and again. @returns how many NameServers have taken it */
  async start(): Promise<number> {
    return this.#registerAll()
  }

  /** Tells the NameServers that the broker leaves. */
  async stop(): Promise<void> {
    this.#isStopped = true
    this.#timer?.cancel()
    const extFields = this.#identity()
    await Promise.all(
      this.#settings.namesrvAddrs.map((address) =>
        this.#attempt(address, () =>
          this.#client.invoke(
            address,
            { code: RequestCode.UNREGISTER_BROKER, extFields },
            REQUEST_TIMEOUT_MS,
          ),
        ),
      ),
    )
  }

  async #registerAll(): Promise<number> {
    const { namesrvAddrs, periodMs } = this.#settings
    const results = await Promise.all(
      namesrvAddrs.map((address) => this.#attempt(address, () => this.#refresh(address))),
    )
    const registered = results.filter((isDone) => isDone).length
    this.#registerAgain(registered < namesrvAddrs.length ? RETRY_INTERVAL_MS : periodMs)
    return registered
  }

  #registerAgain(delayMs: number): void {
    if (this.#isStopped) return
    this.#timer?.cancel()
    this.#timer = this.#broker.host.clock.after(delayMs, () => void this.#registerAll())
  }

  /** A sign of life; all topics where the NameServer has another version of them. */
  async #refresh(address: string): Promise<void> {
    const answer = await this.#client.invoke(
      address,
      {
        code: RequestCode.QUERY_DATA_VERSION,
        extFields: this.#identity(),
        body: encodeDataVersion(this.#broker.topics.dataVersion),
      },
      REQUEST_TIMEOUT_MS,
    )
    // one that has left meanwhile does not come back
    if (this.#isStopped) return
    const isUpToDate = answer.code === ResponseCode.SUCCESS && answer.extFields.changed === 'false'
    if (isUpToDate && !this.#behind.has(address)) return
    await this.#register(
      address,
      this.#broker.topics.all().map(({ config }) => config),
    )
    this.#behind.delete(address)
  }

  async #register(address: string, configs: readonly TopicConfig[]): Promise<void> {
    const body = encodeRegisterBrokerBody(
      {
        topics: {
          topicConfigTable: new Map(configs.map((config) => [config.topicName, this.#masked(config)])),
          dataVersion: this.#broker.topics.dataVersion,
          mappingDataVersion: DATA_VERSION_ZERO,
          topicQueueMappingInfoMap: new Map(),
          topicQueueMappingDetailMap: new Map(),
        },
        filterServerList: [],
      },
      false,
    )
    const extFields = {
      ...this.#identity(),
      haServerAddr: this.#settings.haServerAddr,
      enableActingMaster: 'false',
      compressed: 'false',
      bodyCrc32: String(bodyCrc(body)),
    }
    const answer = await this.#client.invoke(
      address,
      { code: RequestCode.REGISTER_BROKER, extFields, body },
      REQUEST_TIMEOUT_MS,
    )
    if (answer.code === ResponseCode.SUCCESS) return
    throw new MqError('refused', `registration refused with code ${answer.code}: ${answer.remark ?? ''}`)
  }

  /** What the whole broker may not do, no topic on it may. */
  #masked(config: TopicConfig): TopicConfig {
    const { brokerPermission } = this.#broker.settings
    const allowed = brokerPermission | Permission.INHERIT
    return (config.perm & allowed) === config.perm ? config : { ...config, perm: config.perm & allowed }
  }

  /** The changed topics go out once a turn; a NameServer merges them with what it has. */
  #topicsChanged(configs: readonly TopicConfig[]): void {
    if (this.#isStopped) return
    if (this.#changed.length === 0) this.#broker.host.clock.endOfTurn(() => this.#registerChanged())
    this.#changed.push(...configs)
  }

  #registerChanged(): void {
    const changed = this.#changed
    this.#changed = []
    for (const address of this.#settings.namesrvAddrs) {
      this.#attempt(address, () => this.#register(address, changed)).then((isDone) => {
        // clients wait for a new topic: not for the whole period
        if (!isDone) this.#registerAgain(RETRY_INTERVAL_MS)
      })
    }
  }

  async #attempt(address: string, action: () => Promise<unknown>): Promise<boolean> {
    try {
      await action()
      return true
    } catch (error) {
      this.#behind.add(address)
      this.#broker.host.log.warn(
        { namesrv: address, error: messageOf(error) },
        'NameServer not reached; it is tried again',
      )
      return false
    }
  }

  #identity(): Readonly<Record<string, string>> {
    const { brokerName, brokerClusterName, brokerId } = this.#broker.settings
    return {
      brokerName,
      brokerAddr: this.#brokerAddr,
      clusterName: brokerClusterName,
      brokerId: String(brokerId),
    }
  }
}
