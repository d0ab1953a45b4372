import { type ChildProcess, spawn } from 'node:child_process'
import { availableParallelism } from 'node:os'
import { fileURLToPath } from 'node:url'
import { MqError, messageOf } from '../base/errors.ts'
import type { Clock, Logger } from '../base/host.ts'
import { flagName } from './config.ts'
import type { CommandLine } from './load-config.ts'
import type { Config, SettingName } from './settings.ts'
import { SHARD_READY } from './shard-ready.ts'

/** Between the ports of two shards: room for the VIP and the HA port of each. */
const PORT_DISTANCE = 10

/** How long a shard that has died stays down: one that dies at once must not fill the log. */
const RESTART_MS = 1000

const SHARDS_MAX = 256

/** How many shards `--shards` asks for: a number, or `auto` for one a core. @throws MqError badSetting */
export function shardCount(text: string): number {
  if (text === 'auto') return availableParallelism()
  const count = /^\d{1,3}$/.test(text) ? Number(text) : 0
  if (count >= 1 && count <= SHARDS_MAX) return count
  throw new MqError('badSetting', `--shards wants auto or a number from 1 to ${SHARDS_MAX}, not "${text}"`)
}

/** The settings that shard `index`, from 0, has of its own. */
export function shardSettings(
  { brokerName, httpPort, listenPort, storePathCommitLog, storePathRootDir }: Config,
  index: number,
): Partial<Record<SettingName, string>> {
  const portOf = (first: number, distance: number): string => String(first === 0 ? 0 : first + distance)
  return {
    brokerName: `${brokerName}-${index}`,
    listenPort: portOf(listenPort, PORT_DISTANCE * index),
    httpPort: portOf(httpPort, 1 + index),
    haListenPort: '0',
    storePathRootDir: `${storePathRootDir}/shard-${index}`,
    ...(storePathCommitLog !== '' && { storePathCommitLog: `${storePathCommitLog}/shard-${index}` }),
  }
}

interface Shard {
  readonly index: number
  child: ChildProcess | undefined
}

/**
 * Brokers that share a machine, a process each (design: one event loop owns one broker): starts them, starts one again that has
 * died, and stops them together.
 */
export class Shards {
  readonly #shards: Shard[]
  readonly #line: CommandLine
  readonly #config: Config
  readonly #namesrvAddr: string
  readonly #clock: Clock
  readonly #log: Logger
  #isStopping = false

  /** @param namesrvAddr where shards register */
  constructor(parts: {
    readonly count: number
    readonly line: CommandLine
    readonly config: Config
    readonly namesrvAddr: string
    readonly clock: Clock
    readonly log: Logger
  }) {
    this.#shards = Array.from({ length: parts.count }, (_, index) => ({ index, child: undefined }))
    this.#line = parts.line
    this.#config = parts.config
    this.#namesrvAddr = parts.namesrvAddr
    this.#clock = parts.clock
    this.#log = parts.log
  }

  /** Whether all of them run. */
  get areRunning(): boolean {
    return this.#shards.every(({ child }) => child !== undefined)
  }

  /** Starts all and waits until they are ready. @throws MqError internal when one is not; the others are stopped then */
  async start(): Promise<void> {
    const started = await Promise.all(this.#shards.map((shard) => this.#start(shard)))
    const failed = started.indexOf(false)
    if (failed < 0) return
    await this.stop()
    throw new MqError('internal', `shard ${failed} did not start: it has said why`)
  }

  /** Stops all cleanly. */
  async stop(): Promise<void> {
    this.#isStopping = true
    await Promise.all(
      this.#shards.map(async ({ child }) => {
        if (!child) return
        const isOver = new Promise((resolve) => child.once('exit', resolve))
        child.kill('SIGTERM')
        await isOver
      }),
    )
  }

  /** @returns whether it is ready; its end from then on starts it again */
  #start(shard: Shard): Promise<boolean> {
    const child = spawn(process.execPath, [...process.execArgv, ...this.#argv(shard)], {
      stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    })
    shard.child = child
    return new Promise((resolve) => {
      let isReady = false
      child.on('message', (message) => {
        isReady = message === SHARD_READY
        if (isReady) this.#log.info({ shard: shard.index, pid: child.pid }, 'shard started')
        resolve(isReady)
      })
      // where the machine has no room for a process there is no `exit`
      child.on('error', (error) => {
        this.#log.error({ shard: shard.index, error: messageOf(error) }, 'shard process failed')
        if (child.pid !== undefined) return
        shard.child = undefined
        resolve(false)
      })
      child.once('exit', (code, signal) => {
        shard.child = undefined
        resolve(false)
        if (isReady) this.#restart(shard, { code, signal })
      })
    })
  }

  #restart(shard: Shard, end: { readonly code: number | null; readonly signal: string | null }): void {
    if (this.#isStopping) return
    this.#log.error({ shard: shard.index, ...end }, 'shard has died: it is started again')
    this.#clock.after(RESTART_MS, () => {
      if (this.#isStopping) return
      this.#start(shard).then((isReady) => {
        if (!isReady) this.#restart(shard, { code: null, signal: null })
      })
    })
  }

  #argv({ index }: Shard): string[] {
    const { file, flags, isInsecureOpen } = this.#line
    const own = { ...flags, ...shardSettings(this.#config, index), namesrvAddr: this.#namesrvAddr }
    return [
      fileURLToPath(new URL('main.js', import.meta.url)),
      'broker',
      ...(file === undefined ? [] : ['-c', file]),
      ...(isInsecureOpen ? ['--insecure-open'] : []),
      ...Object.entries(own).map(([name, value]) => `--${flagName(name as SettingName)}=${value}`),
    ]
  }
}
