import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { setTimeout as pause } from 'node:timers/promises'
import { MemoryDisk } from '#ternmq/base/host/memory-disk.ts'
import { RealClock } from '#ternmq/base/host/real-clock.ts'
import { RealDisk } from '#ternmq/base/host/real-disk.ts'
import { RealNet } from '#ternmq/base/host/real-net.ts'
import { RealRandom } from '#ternmq/base/host/real-random.ts'
import type { Disk, Host } from '#ternmq/base/host.ts'
import { type Client, type ConnectOptions, connect } from '#ternmq/client/index.ts'
import { loadConfig } from '#ternmq/server/load-config.ts'
import { System } from '#ternmq/server/system.ts'
import { freePorts } from '../free-ports.ts'

/** A log that keeps what should not have happened. */
export class FaultLog {
  readonly faults: string[] = []

  debug(): void {}

  info(): void {}

  warn(): void {}

  error(fields: object, text: string): void {
    this.faults.push(
      `${text} ${JSON.stringify(fields, (_, value) => (value instanceof Error ? value.stack : value))}`,
    )
  }
}

export interface TestSystemOptions {
  /** A folder that is removed at the end, instead of memory. */
  readonly onDisk?: boolean
  /** Settings of the broker, by name. */
  readonly settings?: Readonly<Record<string, string>>
}

/** A NameServer and a broker in this process, on free loopback ports, which a test can stop and start. */
export class TestSystem {
  readonly log = new FaultLog()
  readonly clients: Client[] = []
  /** `host:port` of the NameServer. */
  namesrv = ''
  readonly #host: Host
  readonly #settings: Readonly<Record<string, string>>
  #namesrvSystem: System | undefined
  #brokerSystem: System | undefined
  #brokerPort = 0
  readonly #stops: (() => Promise<void>)[] = []

  private constructor(disk: Disk, settings: Readonly<Record<string, string>>) {
    const { log } = this
    const clock = new RealClock()
    const net = new RealNet(log)
    this.#host = { clock, disk, log, net, random: new RealRandom(), memoryBytes: 8 * 1024 ** 3 }
    this.#settings = settings
  }

  /** Starts both; the end of the test stops them, after the clients, and fails it when the log has errors. */
  static async start(
    t: TestContext,
    { onDisk = false, settings = {} }: TestSystemOptions = {},
  ): Promise<TestSystem> {
    const dir = onDisk ? mkdtempSync(join(tmpdir(), 'ternmq-e2e-')) : '/store'
    const disk = onDisk ? new RealDisk() : new MemoryDisk({ clock: new RealClock() })
    const system = new TestSystem(disk, {
      ...{ storePathRootDir: dir, mappedFileSizeCommitLog: String(16 * 1024 * 1024) },
      ...{ mappedFileSizeConsumeQueue: '60000', maxHashSlotNum: '1000', maxIndexNum: '4000' },
      ...settings,
    })
    t.after(async () => {
      await Promise.all(system.clients.map((client) => client.close({ drainMs: 1000 })))
      await Promise.all(system.#stops.map((stop) => stop()))
      await system.stopBroker()
      await system.#namesrvSystem?.close()
      if (onDisk) rmSync(dir, { recursive: true, force: true })
      if (system.log.faults.length > 0) throw new Error(`the log has errors: ${system.log.faults.join('\n')}`)
    })
    await system.startNamesrv()
    await system.startBroker()
    return system
  }

  async startNamesrv(): Promise<void> {
    const system = await this.#startPart({ namesrvPort: '0', namesrvAddr: '' }, 'namesrv')
    this.#namesrvSystem = system
    this.namesrv = `127.0.0.1:${system.namesrvEndpoint?.port}`
  }

  /** A further NameServer; brokers that start from now on register with it too. @returns what stops it */
  async addNamesrv(): Promise<() => Promise<void>> {
    const system = await this.#startPart({ namesrvPort: '0', namesrvAddr: '' }, 'namesrv')
    this.namesrv += `;127.0.0.1:${system.namesrvEndpoint?.port}`
    return () => system.close()
  }

  async stopNamesrv(): Promise<void> {
    await this.#namesrvSystem?.close()
    this.#namesrvSystem = undefined
  }

  /** Starts the broker, where it was before if it was. */
  async startBroker(): Promise<void> {
    if (this.#brokerPort === 0) this.#brokerPort = (await freePorts()).broker
    const settings = { listenPort: String(this.#brokerPort), namesrvAddr: this.namesrv }
    this.#brokerSystem = await this.#startPart(settings, 'broker')
  }

  async stopBroker(): Promise<void> {
    await this.#brokerSystem?.close()
    this.#brokerSystem = undefined
  }

  /** A further broker of the NameServer, with a store of its own. @returns what stops it */
  async addBroker(brokerName: string): Promise<() => Promise<void>> {
    const settings = { brokerName, listenPort: String((await freePorts()).broker), namesrvAddr: this.namesrv }
    const system = await this.#startPart({ ...settings, storePathRootDir: `/store-${brokerName}` }, 'broker')
    let stopping: Promise<void> | undefined
    const stop = (): Promise<void> => {
      stopping ??= system.close()
      return stopping
    }
    this.#stops.push(stop)
    return stop
  }

  get brokerAddress(): { host: string; port: number } {
    return { host: '127.0.0.1', port: this.#brokerPort }
  }

  /** Connections that the broker has now. */
  get broker(): System['broker'] {
    return this.#brokerSystem?.broker
  }

  async client(options: Partial<ConnectOptions> = {}): Promise<Client> {
    const client = await connect({ namesrv: this.namesrv, ...options })
    this.clients.push(client)
    return client
  }

  async #startPart(settings: Record<string, string>, part: 'namesrv' | 'broker'): Promise<System> {
    const flags = { ...this.#settings, ...settings }
    const line = { flags, file: undefined, isInsecureOpen: false, environment: {} }
    const config = await loadConfig(this.#host, line)
    const isBroker = part === 'broker'
    const parts = { hasNamesrv: !isBroker, hasBroker: isBroker }
    const system = new System({ host: this.#host, config, processId: process.pid, ...parts })
    await system.start()
    return system
  }
}

/** Waits until it is so, looking again every few milliseconds. */
export async function until(isSo: () => boolean | Promise<boolean>, withinMs = 60_000): Promise<void> {
  const deadlineMs = performance.now() + withinMs
  while (!(await isSo())) {
    if (performance.now() > deadlineMs)
      throw new Error(`it did not come within ${withinMs} ms: ${isSo.toString()}`)
    await pause(5)
  }
}

/** Waits until NameServers know a topic. */
export async function untilTopic(client: Client, topic: string): Promise<void> {
  await until(async () => {
    try {
      return (await client.admin.queues(topic)).length > 0
    } catch {
      return false // not yet
    }
  })
}
