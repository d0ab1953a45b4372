import type { Clock, Disk, Logger, Timer } from '../base/host.ts'
import type { HandlerFamily, Peer } from '../protocol/request.ts'
import { brokerHandlers } from './broker-handlers.ts'
import { configHandlers } from './config-handlers.ts'
import { KvConfig, ORDER_TOPIC_CONFIG } from './kv-config.ts'
import { kvHandlers } from './kv-handlers.ts'
import { NamesrvConfig, type NamesrvSettings } from './namesrv-config.ts'
import { routeHandlers } from './route-handlers.ts'
import { type BrokerAddress, RouteTable } from './route-table.ts'
import { topicHandlers } from './topic-handlers.ts'

/** What a `NameServer` is made from. */
export interface NameServerOptions {
  readonly host: { readonly clock: Clock; readonly disk: Disk; readonly log: Logger }
  /** File that RocketMQ calls kvConfig.json; its directory is made with the first change. */
  readonly kvConfigPath: string
  /**
   * Whether this caller may change settings: one on the same machine, or one with the right to (rule R24).
   */
  readonly mayChangeConfig: (peer: Peer) => boolean
  /** Settings that differ from RocketMQ's defaults. */
  readonly settings?: Partial<NamesrvSettings>
  /** More to show with the settings, such as `listenPort`; nobody changes it at run time. */
  readonly facts?: Readonly<Record<string, string>>
  /**
   * Keeps settings that were changed at run time for the next start; by default a restart takes them back.
   */
  readonly keepSettings?: (changed: ReadonlyMap<string, string>) => void | Promise<void>
}

/**
 * A name server without its sockets: a door feeds requests to `handlers` and says which connections were
 * closed. Several of them know nothing of each other; brokers register with all.
 */
export class NameServer {
  readonly #options: NameServerOptions
  readonly #config: NamesrvConfig
  readonly #kv: KvConfig
  readonly #routes: RouteTable
  readonly #startedMs: number
  #scan: Timer | undefined

  /**
   * Reads the KV configuration and begins to look for brokers that fell silent.
   * @throws MqError storeUnreadable when the KV configuration is not whole
   */
  constructor(options: NameServerOptions) {
    const { host, kvConfigPath, settings, facts } = options
    this.#options = options
    this.#config = new NamesrvConfig(settings, { kvConfigPath, ...facts })
    this.#kv = new KvConfig(host.disk, kvConfigPath)
    this.#routes = new RouteTable(this.#config.values)
    this.#startedMs = host.clock.monoMs()
    this.#scanLater()
  }

  /** Handlers of all requests that a name server answers, by code. */
  handlers(): HandlerFamily {
    const [routes, kv, config] = [this.#routes, this.#kv, this.#config]
    const { host, mayChangeConfig, keepSettings = () => {} } = this.#options
    const { values: settings } = config
    const { log } = host
    return {
      ...routeHandlers({
        isReady: () => this.#isReady(),
        routeOf: (topic) => routes.routeOf(topic),
        orderTopicConf: (topic) =>
          settings.orderMessageEnable ? kv.get(ORDER_TOPIC_CONFIG, topic) : undefined,
      }),
      ...brokerHandlers({
        routes,
        nowMs: () => host.clock.monoMs(),
        orderTopicConfs: () =>
          settings.returnOrderTopicConfigToBroker ? kv.list(ORDER_TOPIC_CONFIG) : undefined,
        log,
      }),
      ...topicHandlers({ routes, settings, log }),
      ...kvHandlers(kv),
      ...configHandlers({ config, mayChangeConfig, keepSettings, log }),
    }
  }

  /** Forgets the brokers that had registered over a connection (`Peer.id`) which is closed now. */
  connectionClosed(peerId: number): void {
    this.#logGone(this.#routes.connectionClosed(peerId), 'broker gone: its connection is closed')
  }

  /** Stops looking for silent brokers and waits for what is being written. */
  async stop(): Promise<void> {
    this.#scan?.cancel()
    this.#scan = undefined
    await this.#kv.settled()
  }

  #isReady(): boolean {
    const { needWaitForService, waitSecondsForService } = this.#config.values
    const upMs = this.#options.host.clock.monoMs() - this.#startedMs
    return !needWaitForService || upMs >= waitSecondsForService * 1000
  }

  #scanLater(): void {
    const { clock } = this.#options.host
    const intervalMs = this.#config.values.scanNotActiveBrokerInterval
    const dueMs = clock.monoMs() + intervalMs
    this.#scan = clock.after(intervalMs, () => {
      const nowMs = clock.monoMs()
      // A process that was stopped for a while first reads what brokers sent meanwhile.
      if (nowMs - dueMs <= intervalMs) this.#logGone(this.#routes.expire(nowMs), 'broker gone: it is silent')
      this.#scanLater()
    })
  }

  #logGone(gone: readonly BrokerAddress[], why: string): void {
    for (const address of gone) this.#options.host.log.warn(address, why)
  }
}
