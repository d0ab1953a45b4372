import type { Endpoint, Host } from '../base/host.ts'
import { Turn } from '../base/turn.ts'
import { Broker } from '../broker/broker.ts'
import { NamesrvGateway } from '../gateways/rocketmq/namesrv-gateway.ts'
import { plainAclHandlers } from '../gateways/rocketmq/plain-acl-admin.ts'
import { RocketmqGateway } from '../gateways/rocketmq/rocketmq-gateway.ts'
import { NameServer } from '../nameserver/name-server.ts'
import type { Peer } from '../protocol/request.ts'
import { ConnectionBudget } from '../remoting/connection-budget.ts'
import { MessageStore } from '../store/message-store.ts'
import { advertisedHost, endpointText, isLoopback } from './addresses.ts'
import { Auth } from './auth.ts'
import { brokerSettingsOf, storeSettingsOf } from './broker-config.ts'
import { listenFor } from './listening.ts'
import type { LiveConfig } from './live-config.ts'
import { connectionsPossible } from './open-files.ts'
import { TlsFiles } from './tls-files.ts'

/** How far below the broker's port its VIP port is. */
const VIP_DISTANCE = 2

export interface SystemOptions {
  readonly host: Host
  readonly config: LiveConfig
  readonly processId: number
  readonly hasNamesrv: boolean
  readonly hasBroker: boolean
}

/** NameServer and broker of one process, wired: the only place that knows everybody. */
export class System {
  namesrvEndpoint: Endpoint | undefined
  brokerEndpoint: Endpoint | undefined
  broker: Broker | undefined
  /** Whether the log is recovered and the broker has registered where it could. */
  isReady = false
  readonly #options: SystemOptions
  readonly #tls: TlsFiles
  readonly #turn: Turn
  readonly #budget: ConnectionBudget
  #auth: Auth | undefined
  #namesrv: NamesrvGateway | undefined
  #gateway: RocketmqGateway | undefined

  /** @throws MqError badSetting when a certificate or key cannot be used */
  constructor(options: SystemOptions) {
    const { host, config } = options
    this.#tls = new TlsFiles(config.values, host)
    const { security } = this.#tls
    this.#options = security ? { ...options, host: { ...host, net: host.net.secured(security) } } : options
    this.#turn = new Turn(host.clock)
    const { connectionsMax, connectionsPerAddressMax, connectionsPerSecondMax } = config.values
    this.#budget = new ConnectionBudget(host.clock, {
      totalMax: connectionsPossible(connectionsMax),
      perAddressMax: connectionsPerAddressMax,
      perSecondMax: connectionsPerSecondMax,
    })
  }

  /**
   * Starts what was asked for; a part that fails stops those before it.
   * @throws MqError portTaken, storeLocked, storeUnreadable, badSetting; the disk's error
   */
  async start(): Promise<void> {
    try {
      await this.#openAuth()
      if (this.#options.hasNamesrv) await this.#startNamesrv()
      if (this.#options.hasBroker) await this.#startBroker()
      this.#tls.watch()
      this.isReady = true
    } catch (error) {
      await this.close()
      throw error
    }
  }

  /** Why messages are refused now; undefined while they are taken, or where there is no broker. */
  get refusal(): string | undefined {
    return this.broker?.store.refusal
  }

  /** Request codes that the parts answer, as far as they have been started. */
  get codes(): { readonly broker: readonly number[]; readonly namesrv: readonly number[] } {
    return { broker: this.#gateway?.codes ?? [], namesrv: this.#namesrv?.codes ?? [] }
  }

  /** Whether there are files that `reload` reads again. */
  get isReloadable(): boolean {
    return this.#tls.security !== undefined || this.#auth?.plainAcl !== undefined
  }

  /** Reads certificates, keys and accounts again where their files have changed; connections from now on use them. */
  reload(): void {
    this.#tls.reload()
    this.#auth?.plainAcl?.reload()
  }

  /** Stops everything, with all messages and tables on disk. */
  async close(): Promise<void> {
    this.isReady = false
    this.#tls.stop()
    await this.#gateway?.close()
    await this.broker?.close()
    await this.#namesrv?.close()
    await this.#auth?.close()
  }

  /** A NameServer alone has users of its own: a broker may have the same folder. */
  async #openAuth(): Promise<void> {
    const { host, config, hasBroker } = this.#options
    const rootDir = config.values.storePathRootDir
    const dir = hasBroker ? `${rootDir}/auth` : `${rootDir}/namesrv/auth`
    this.#auth = await Auth.open(host, this.#turn, config.values, dir)
  }

  /** Whoever passes the guard may change settings; while there is none, only those on this machine (R24). */
  #mayChangeSettings(peer: Peer): boolean {
    return this.#auth?.authority !== undefined || isLocalPeer(peer)
  }

  async #startNamesrv(): Promise<void> {
    const { host, config } = this.#options
    const { bindAddress, namesrvPort, storePathRootDir } = config.values
    const nameServer = new NameServer({
      host,
      kvConfigPath: `${storePathRootDir}/namesrv/kvConfig.json`,
      mayChangeConfig: (peer) => this.#mayChangeSettings(peer),
      facts: { listenPort: String(namesrvPort), bindAddress },
    })
    const namesrv = new NamesrvGateway(nameServer, { host, turn: this.#turn, budget: this.#budget })
    this.#namesrv = namesrv
    const auth = this.#auth
    if (auth?.authority) {
      namesrv.add(auth.handlers)
      namesrv.protect(auth.authority, config.values.brokerClusterName)
    }
    const at = { host: bindAddress, port: namesrvPort }
    const use = { what: 'the NameServer', setting: 'namesrvPort' } as const
    this.namesrvEndpoint = await listenFor(use, at, () => namesrv.listen(at))
  }

  async #startBroker(): Promise<void> {
    const { host, config, processId } = this.#options
    const { values } = config
    const port = await this.#freePort(values.listenPort)
    const settings = brokerSettingsOf(values, { host: advertisedHost(values), port })
    const store = new MessageStore(
      host,
      this.#turn,
      storeSettingsOf(values, { memoryBytes: host.memoryBytes, processId }),
    )
    const broker = new Broker({ settings, host, turn: this.#turn, store, processId })
    broker.open()
    this.broker = broker
    const gateway = this.#makeGateway(broker)
    this.#gateway = gateway
    config.onChange = (name) => {
      // NameServers tell clients what they may do: they are to look at the topics again
      if (name === 'brokerPermission') broker.topics.renewDataVersion()
      if (name === 'quotas') {
        broker.setQuotas(values.quotas)
        gateway.quotasChanged()
      }
    }
    config.onChange('quotas')
    this.brokerEndpoint = await this.#listen('the broker', gateway, port)
    if (values.listenPort > VIP_DISTANCE) {
      await this.#listen("the broker's VIP listener", gateway, values.listenPort - VIP_DISTANCE)
    }
    const haPort = values.haListenPort || port + 1
    await gateway.register({
      namesrvAddrs: this.namesrvAddrs(),
      periodMs: values.registerNameServerPeriod,
      haServerAddr: `${settings.advertised.host}:${haPort}`,
    })
  }

  #listen(what: string, gateway: RocketmqGateway, port: number): Promise<Endpoint> {
    const at = { host: this.#options.config.values.bindAddress, port }
    return listenFor({ what, setting: 'listenPort' }, at, () => gateway.listen(at))
  }

  #makeGateway(broker: Broker): RocketmqGateway {
    const { config } = this.#options
    const configPort = {
      get version() {
        return config.version
      },
      properties: () => config.properties(),
      change: (texts: ReadonlyMap<string, string>) => config.change(texts),
      mayChange: (peer: Peer) => this.#mayChangeSettings(peer),
    }
    const parts = { turn: this.#turn, budget: this.#budget, signer: this.#auth?.signer }
    const gateway = new RocketmqGateway(broker, { ...parts, config: configPort })
    if (this.#auth) gateway.add(this.#auth.handlers)
    const plainAcl = this.#auth?.plainAcl
    if (plainAcl) {
      const { advertised, brokerName, brokerClusterName: clusterName } = broker.settings
      const brokerAddr = `${advertised.host}:${advertised.port}`
      gateway.add(plainAclHandlers(plainAcl, { brokerName, clusterName, brokerAddr }))
    }
    if (this.#auth?.authority) gateway.protect(this.#auth.authority)
    return gateway
  }

  /** Message ids carry the port, so that a port that the system chooses must be known before the store opens. */
  async #freePort(port: number): Promise<number> {
    if (port !== 0) return port
    const { host, config } = this.#options
    const probe = await host.net.listen({ host: config.values.bindAddress, port: 0 }, (connection) =>
      connection.destroy(),
    )
    await probe.close()
    return probe.endpoint.port
  }

  /** Where the brokers of this process register: its own NameServer, and those that were given. */
  namesrvAddrs(): string[] {
    const given = this.#options.config.values.namesrvAddr.split(';').filter((address) => address !== '')
    const own = this.namesrvEndpoint
    if (!own) return given
    const host = own.host === '0.0.0.0' || own.host === '::' ? '127.0.0.1' : own.host
    return [...new Set([endpointText({ host, port: own.port }), ...given])]
  }
}

function isLocalPeer(peer: Peer): boolean {
  return isLoopback(peer.address.slice(0, peer.address.lastIndexOf(':')))
}
