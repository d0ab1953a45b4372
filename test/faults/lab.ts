import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { messageOf } from '#ternmq/base/errors.ts'
import { type Client, connect } from '#ternmq/client/index.ts'
import { BrokerProcess, type BrokerProcessOptions } from './broker-process.ts'
import { Cleanup } from './cleanup.ts'

export interface LabOptions {
  /** Times that what a suite repeats is repeated; each suite has its own number unless given. */
  readonly cycles: number | undefined
  /** Whether folders stay. */
  readonly isKept: boolean
  readonly print: (line: string) => void
}

/** Where suites work: it makes folders, brokers and clients for them, counts their checks, and leaves nothing behind. */
export class Lab {
  readonly cleanup = new Cleanup()
  /** A folder of this run. */
  readonly dir: string
  passedCount = 0
  failedCount = 0
  readonly #options: LabOptions
  readonly #clients = new Set<Client>()
  #suite = ''
  #nextNumber = 1

  constructor(options: LabOptions) {
    this.#options = options
    this.dir = mkdtempSync(join(tmpdir(), 'ternmq-faults-'))
    if (!options.isKept) this.cleanup.add(() => rmSync(this.dir, { recursive: true, force: true }))
  }

  /** How often to repeat something. */
  cycles(fallback: number): number {
    return this.#options.cycles ?? fallback
  }

  /** Runs a suite of this name; should it fail beside its checks, that counts as one. */
  async run(name: string, suite: (lab: Lab) => Promise<void>): Promise<void> {
    this.#suite = name
    try {
      await suite(this)
    } catch (error) {
      this.#failed('could not go on', error)
    } finally {
      await Promise.all([...this.#clients].map((client) => this.close(client)))
    }
  }

  /** One check: passed when `work` returns, with the figures that it returns. */
  async check(title: string, work: () => Promise<string>): Promise<void> {
    const beganMs = performance.now()
    try {
      const figures = await work()
      this.passedCount++
      const tookS = ((performance.now() - beganMs) / 1000).toFixed(1)
      this.#options.print(`ok ${this.#suite} ${title}: ${figures} (${tookS} s)`)
    } catch (error) {
      this.#failed(title, error)
    }
  }

  /** An empty folder. */
  newDir(name: string): string {
    const dir = join(this.dir, `${this.#suite}-${this.#nextNumber++}-${name}`)
    mkdirSync(dir)
    return dir
  }

  /** Starts a broker; see `BrokerProcess.start`. */
  broker(options: Omit<BrokerProcessOptions, 'logPath'>): Promise<BrokerProcess> {
    const logPath = join(this.dir, `${this.#suite}-${this.#nextNumber++}-broker.log`)
    return BrokerProcess.start(this.cleanup, { ...options, logPath })
  }

  /** A client of its own, closed at the end of the suite if not before. */
  async client(broker: BrokerProcess): Promise<Client> {
    const client = await connect({ namesrv: broker.namesrv })
    this.#clients.add(client)
    return client
  }

  /** Closes a client, without waiting long for a broker that may be gone. */
  async close(client: Client): Promise<void> {
    this.#clients.delete(client)
    await client.close({ drainMs: 200 })
  }

  #failed(title: string, error: unknown): void {
    this.failedCount++
    this.#options.print(`not ok ${this.#suite} ${title}: ${messageOf(error)}`)
  }
}
