import { pino } from 'pino'
import { realHost } from '../base/host/real-host.ts'
import type { Host, Logger } from '../base/host.ts'
import { dialText } from './addresses.ts'
import { type HttpServer, type Serving, startHttp } from './http.ts'
import type { LiveConfig } from './live-config.ts'
import { type CommandLine, loadConfig } from './load-config.ts'
import { LogOutput } from './log-output.ts'
import { readyText } from './ready-text.ts'
import { SHARD_READY } from './shard-ready.ts'
import type { Shards } from './shards.ts'
import { startFailureText } from './start-failure.ts'
import type { System } from './system.ts'

/** A process gets this long to stop cleanly after SIGTERM; then it ends as if killed, which loses nothing acknowledged. */
const STOP_MS_MAX = 10_000

/** A signal again within this time is the same one: at Ctrl+C npm passes on what the terminal has sent to all. */
const SAME_SIGNAL_MS = 500

/** What a process is to run. */
export interface Parts {
  readonly hasNamesrv: boolean
  readonly hasBroker: boolean
  /** Brokers in processes of their own, beside the NameServer; undefined for one in this process. */
  readonly shards?: string | undefined
}

/** What stops with the process, as far as it has been started. */
interface Running {
  system?: System
  http?: HttpServer
  shards?: Shards
}

/**
 * Starts a process's parts and says on standard output what listens where. A start that fails says why on standard error,
 * in one line, and ends the process with 1.
 */
export async function start(line: CommandLine, parts: Parts & { isPrintOnly: boolean }): Promise<void> {
  // with --print-config standard output is a properties file and nothing else
  const stream = parts.isPrintOnly ? process.stderr : process.stdout
  const output = new LogOutput((text) => stream.write(text), stream.isTTY)
  const log = pino({ level: 'info', base: null }, output)
  const running: Running = {}
  try {
    // what is stored is for nobody else on this machine
    process.umask(0o077)
    const host = realHost(log)
    const config = await loadConfig(host, line)
    output.setFormat(config.values.logFormat)
    log.level = config.values.logLevel
    // of several brokers that write to one output each says which it is
    if (process.send) log.setBindings({ brokerName: config.values.brokerName })
    if (parts.isPrintOnly) printConfig(config)
    else await startParts({ host, line, config, log, output, parts, running })
  } catch (error) {
    fail(error)
    await running.shards?.stop()
    await running.system?.close()
    process.exit(1)
  }
}

/** What a start works with. */
interface Starting {
  readonly host: Host
  readonly line: CommandLine
  readonly config: LiveConfig
  readonly log: Logger
  readonly output: LogOutput
  readonly parts: Parts
  readonly running: Running
}

async function startParts(all: Starting): Promise<void> {
  const { config, host, log, output, parts, running } = all
  const { values, sources } = config
  if (parts.hasBroker && !parts.hasNamesrv && values.namesrvAddr === '')
    log.warn({}, 'no NameServer is given (-n host:9876): clients do not find this broker')
  // behind the settings: what is wrong with them, and --help, need nothing of it
  const { System } = await import('./system.ts')
  const { hasNamesrv } = parts
  const hasBroker = parts.hasBroker && parts.shards === undefined
  const system = new System({ host, config, processId: process.pid, hasNamesrv, hasBroker })
  running.system = system
  stopOnSignals(async () => {
    await running.http?.close()
    await running.shards?.stop()
    await system.close()
    log.info({}, 'stopped')
  })
  const isHttpWanted = (parts.hasNamesrv && parts.hasBroker) || sources.get('httpPort') !== 'default'
  if (isHttpWanted) {
    const at = { host: values.bindAddress, port: values.httpPort }
    running.http = await startHttp(serving(running, system), at)
  }
  await system.start()
  if (parts.shards !== undefined) await startShards(all, system, parts.shards)
  if (system.isReloadable) process.on('SIGHUP', () => system.reload())
  const { brokerEndpoint: broker, namesrvEndpoint: namesrv } = system
  const http = running.http?.endpoint
  const startMs = Math.round(process.uptime() * 1000)
  if (!output.isText) {
    const clients = namesrv && `NAMESRV_ADDR=${dialText(namesrv, values)}`
    log.info({ namesrv, broker, http, clients, store: values.storePathRootDir, startMs }, 'ready')
  } else process.stdout.write(readyText({ config: values, namesrv, broker, http, startMs }))
  // a shard tells its supervisor, and ends with it
  if (!process.send) return
  process.once('disconnect', () => process.kill(process.pid, 'SIGTERM'))
  process.send(SHARD_READY)
}

/** Starts the brokers of `--shards`, each in a process of its own that registers with this one's NameServer. */
async function startShards(
  { config, host, line, log, running }: Starting,
  system: System,
  text: string,
): Promise<void> {
  const { Shards, shardCount } = await import('./shards.ts')
  const shards = new Shards({
    ...{ count: shardCount(text), line, config: config.values, log, clock: host.clock },
    namesrvAddr: system.namesrvAddrs().join(';'),
  })
  running.shards = shards
  await shards.start()
}

/** What HTTP says of this process: with shards it is ready when all of them are there. */
function serving(running: Running, system: System): Serving {
  return {
    get broker() {
      return system.broker
    },
    get isReady() {
      return system.isReady && (running.shards?.areRunning ?? true)
    },
    get refusal() {
      return system.refusal
    },
  }
}

function printConfig(config: LiveConfig): void {
  for (const [name, value] of Object.entries(config.properties())) process.stdout.write(`${name}=${value}\n`)
}

function fail(error: unknown): void {
  process.stderr.write(`ternmq: ${startFailureText(error)}\n`)
}

function stopOnSignals(stop: () => Promise<void>): void {
  let stopSinceMs: number | undefined
  const onSignal = (signal: NodeJS.Signals): void => {
    const nowMs = process.uptime() * 1000
    if (stopSinceMs !== undefined) {
      if (nowMs - stopSinceMs > SAME_SIGNAL_MS) process.exit(1)
      return
    }
    stopSinceMs = nowMs
    setTimeout(() => {
      process.stderr.write(`ternmq: not stopped ${STOP_MS_MAX} ms after ${signal}: ending\n`)
      process.exit(1)
    }, STOP_MS_MAX).unref()
    stop().then(
      () => process.exit(0),
      (error) => {
        fail(error)
        process.exit(1)
      },
    )
  }
  process.on('SIGTERM', onSignal)
  process.on('SIGINT', onSignal)
}
