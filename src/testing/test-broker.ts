import { MqError } from '../base/errors.ts'
import type { Logger } from '../base/host.ts'
import type { Client } from '../client/client.ts'
import { type ConnectOptions, connect } from '../client/connect.ts'
import type { ReceivedMessage } from '../client/received-message.ts'
import { topicConfig } from '../protocol/topic-config.ts'
import { loadConfig, Machine, System } from './broker-parts.ts'
import { type Duration, durationMs } from './duration.ts'
import { lagOf, storedMessages } from './stored-messages.ts'

/** Queues of a topic that a test makes: few, so that a consumer shares them out soon. */
const TOPIC_QUEUES = 4

/** Ports are looked for where the system takes none for connections. */
const PORTS = { from: 16_384, count: 16_000, attempts: 50 }

/** How often `waitFor` looks. */
const LOOK_MS = 2

const PROCESS_ID = 1

/** Small files: a broker in memory pays for what it reserves. */
const smallFiles = {
  storePathRootDir: '/store',
  mappedFileSizeCommitLog: String(16 * 1024 * 1024),
  mappedFileSizeConsumeQueue: '60000',
  maxHashSlotNum: '1000',
  maxIndexNum: '4000',
}

const silent: Logger = {
  debug: () => undefined,
  info: () => undefined,
  warn: () => undefined,
  error: () => undefined,
}

/** How a test broker begins: its clock, topics, settings and log. */
export interface TestBrokerOptions {
  /**
   * `virtual`: time flows and can be moved forward by `advance`. `real`: the machine's own time. `virtual`
   * unless given.
   */
  readonly clock?: 'virtual' | 'real'
  /** Topics that are there from the start, with four queues each. Others are made by the first message. */
  readonly topics?: readonly string[]
  /** Settings of the broker by RocketMQ's names (docs/settings.md). */
  readonly settings?: Readonly<Record<string, string | number | boolean>>
  /** Hears what broker and NameServer have to say; nobody does unless given. */
  readonly log?: Logger
}

/** What `waitFor` waits for. */
export interface MessageWait {
  /** So many messages; 1 unless given. */
  readonly count?: number
  /** Messages that do not fulfil this do not count. */
  readonly where?: (message: ReceivedMessage) => boolean
  /** Real time after which it fails; 5 s unless given. */
  readonly within?: Duration
}

/**
 * Starts a NameServer and a broker in this process: the real ones, on a disk in memory and on free loopback
 * ports, for this program's clients and those of others.
 */
export async function createTestBroker(options: TestBrokerOptions = {}): Promise<TestBroker> {
  const broker = new TestBroker(options)
  try {
    await broker.start()
    for (const topic of options.topics ?? []) await broker.createTopic(topic)
    return broker
  } catch (error) {
    await broker.close()
    throw error
  }
}

/** A broker for tests. Made by `createTestBroker`. */
export class TestBroker {
  readonly #machine: Machine
  readonly #settings: Readonly<Record<string, string>>
  readonly #clients = new Set<Client>()
  #namesrvSystem: System | undefined
  #system: System | undefined
  #port = 0
  #closing: Promise<void> | undefined

  constructor({ clock = 'virtual', settings = {}, log = silent }: TestBrokerOptions) {
    this.#machine = new Machine({ isVirtual: clock === 'virtual', log })
    this.#settings = Object.fromEntries(
      Object.entries(settings).map(([name, value]) => [name, String(value)]),
    )
  }

  /** `host:port` of the NameServer: what clients connect to. */
  get namesrv(): string {
    return `127.0.0.1:${this.#namesrvSystem?.namesrvEndpoint?.port ?? 0}`
  }

  /** `host:port` of the broker. */
  get address(): string {
    return `127.0.0.1:${this.#port}`
  }

  /** The broker's time, in milliseconds since 1970. */
  get nowMs(): number {
    return this.#machine.host.clock.nowMs()
  }

  /** A client whose time is the broker's; it is closed with the broker. */
  async connect(options: Partial<ConnectOptions> = {}): Promise<Client> {
    const client = await connect({ namesrv: this.namesrv, host: this.#machine.host, ...options })
    this.#clients.add(client)
    return client
  }

  /** Makes a topic, or changes it; done when the NameServer knows it. */
  async createTopic(topic: string, queueCount = TOPIC_QUEUES): Promise<void> {
    const queueNums = { readQueueNums: queueCount, writeQueueNums: queueCount }
    this.#broker.topics.put(topicConfig(topic, queueNums))
    await this.#machine.settled()
  }

  /** What the broker holds of a topic now, in the order in which it has stored it. */
  messages(topic: string): ReceivedMessage[] {
    return storedMessages(this.#broker, topic)
  }

  /**
   * Waits until a topic holds messages.
   * @returns those that fulfil the condition
   * @throws Error when they do not come in time
   */
  async waitFor(topic: string, options: MessageWait = {}): Promise<ReceivedMessage[]> {
    const { count = 1, where = () => true, within = 5000 } = options
    const deadlineMs = this.#machine.realMs + durationMs(within)
    for (;;) {
      const found = this.messages(topic).filter(where)
      if (found.length >= count) return found
      if (this.#machine.realMs > deadlineMs) {
        const total = this.messages(topic).length
        throw new Error(`topic ${topic} has ${found.length} of ${count} messages (${total} in all)`)
      }
      await this.#machine.pause(LOOK_MS)
    }
  }

  /**
   * Messages of a topic that a group has yet to commit. Consumers commit every 5 s, when they pull and when
   * they are closed.
   */
  lag(group: string, topic: string): number {
    return lagOf(this.#broker, group, topic)
  }

  /**
   * Moves time forward, and lets happen what is due on the way: delays, retries, timeouts of the broker and
   * of clients made by `connect`. Programs in other processes keep their own time.
   * @throws Error where the clock is the real one
   */
  async advance(duration: Duration): Promise<void> {
    await this.#machine.advance(durationMs(duration))
  }

  /** Starts the broker again after `stop`, where it was, with what it had. */
  async start(): Promise<void> {
    this.#namesrvSystem ??= await this.#startPart({ namesrvPort: '0' }, 'namesrv')
    for (let attempt = 1; !this.#system; attempt++) {
      const port = this.#port || this.#somePort()
      try {
        const settings = { listenPort: String(port), namesrvAddr: this.namesrv }
        this.#system = await this.#startPart(settings, 'broker')
        this.#port = port
      } catch (error) {
        const isTaken = error instanceof MqError && error.kind === 'portTaken'
        if (!isTaken || attempt === PORTS.attempts || this.#port > 0) throw error
      }
    }
  }

  /** Stops the broker, as a clean shutdown does; the NameServer stays. */
  async stop(): Promise<void> {
    const system = this.#system
    this.#system = undefined
    await system?.close()
  }

  /** Closes its clients, then the broker. Does nothing the second time. */
  close(): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close()
  }

  async #close(): Promise<void> {
    await Promise.all([...this.#clients].map((client) => client.close()))
    await this.stop()
    await this.#namesrvSystem?.close()
    this.#machine.stop()
  }

  get #broker(): NonNullable<System['broker']> {
    const broker = this.#system?.broker
    if (!broker) throw new Error('the test broker is stopped')
    return broker
  }

  #somePort(): number {
    return PORTS.from + (this.#machine.host.random.u32() % PORTS.count)
  }

  async #startPart(settings: Record<string, string>, part: 'namesrv' | 'broker'): Promise<System> {
    const { host } = this.#machine
    const flags = { ...smallFiles, ...this.#settings, ...settings }
    const line = { flags, file: undefined, isInsecureOpen: false, environment: {} }
    const config = await loadConfig(host, line)
    const isBroker = part === 'broker'
    const parts = { hasNamesrv: !isBroker, hasBroker: isBroker }
    const system = new System({ host, config, processId: PROCESS_ID, ...parts })
    await system.start()
    return system
  }
}
