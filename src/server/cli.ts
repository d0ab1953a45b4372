import { Command, Option } from 'commander'
import { pino } from 'pino'
import { realHost } from '../base/host/real-host.ts'
import { flagName } from './config.ts'
import { type HttpServer, startHttp } from './http.ts'
import { loadConfig } from './load-config.ts'
import { type SettingName, settingNames, settingOf } from './settings.ts'
import { System, startFailureText } from './system.ts'
import { packageVersion } from './version.ts'

/** A process gets this long to stop cleanly after SIGTERM; then it ends as if killed, which loses nothing acknowledged. */
const STOP_MS_MAX = 10_000

interface Parts {
  readonly hasNamesrv: boolean
  readonly hasBroker: boolean
}

/** The command line: `ternmq start | namesrv | broker`. */
export async function runCli(argv: readonly string[]): Promise<void> {
  const program = new Command('ternmq')
    .description("A message broker that speaks Apache RocketMQ's protocols")
    .version(packageVersion())
    .showHelpAfterError('(ternmq --help, or ternmq <command> --help, says more)')
  addStart(program, 'start', 'start NameServer and broker in one process', {
    hasNamesrv: true,
    hasBroker: true,
  })
  addStart(program, 'namesrv', 'start a NameServer', { hasNamesrv: true, hasBroker: false })
  addStart(program, 'broker', 'start a broker', { hasNamesrv: false, hasBroker: true })
  await program.parseAsync([...argv], { from: 'user' })
}

function addStart(program: Command, name: string, about: string, parts: Parts): void {
  const command = program
    .command(name)
    .description(about)
    .option(
      '-c, --config-file <path>',
      'settings file: broker.conf (properties), or YAML if it ends in .yaml or .yml',
    )
    .option(
      '-n, --namesrv <addresses>',
      'NameServers to register with, host:port joined by ; (as --namesrv-addr)',
    )
    .option('--insecure-open', 'allow listening beyond loopback without authentication', false)
    .addHelpText(
      'after',
      '\nEach setting is also an environment variable (--listen-port: TERNMQ_LISTEN_PORT) and a key of the file (listenPort).',
    )
  for (const setting of settingNames) {
    const { form, about: text, bounds, fallback, isSecret } = settingOf(setting)
    if (isSecret) continue
    const initial = fallback === '' ? '' : `, default ${String(fallback)}`
    command.addOption(
      new Option(`--${flagName(setting)} <${form.replace(/[<>]/g, '')}>`, `${text} (${bounds}${initial})`),
    )
  }
  command.action((options: Record<string, unknown>) => start(options, parts))
}

async function start(options: Record<string, unknown>, parts: Parts): Promise<void> {
  const startedMs = Date.now() - process.uptime() * 1000
  const log = pino({ level: 'info', base: null })
  const host = realHost(log)
  let system: System | undefined
  let http: HttpServer | undefined
  try {
    const config = await loadConfig(host, {
      flags: flagsOf(options),
      file: typeof options.configFile === 'string' ? options.configFile : undefined,
      isInsecureOpen: options.insecureOpen === true,
      environment: process.env,
    })
    log.level = config.values.logLevel
    system = new System({ host, config, processId: process.pid, ...parts })
    stopOnSignals(async () => {
      await http?.close()
      await system?.close()
      log.info('stopped')
    })
    await system.start()
    if (system.isReloadable) process.on('SIGHUP', () => system?.reload())
    const { namesrvEndpoint: namesrv, brokerEndpoint: broker } = system
    log.info(
      { namesrv, broker, store: config.values.storePathRootDir, startMs: Math.round(Date.now() - startedMs) },
      'ready',
    )
    const isHttpWanted = (parts.hasNamesrv && parts.hasBroker) || options.httpPort !== undefined
    if (isHttpWanted) {
      http = await startHttp(system, { host: config.values.bindAddress, port: config.values.httpPort })
      log.info({ http: http.endpoint }, 'serving /healthz and /readyz')
    }
  } catch (error) {
    process.stderr.write(`ternmq: ${startFailureText(error)}\n`)
    await system?.close()
    process.exit(1)
  }
}

/** Settings given as flags, by their names. */
function flagsOf(options: Record<string, unknown>): Record<string, string> {
  const flags: Record<string, string> = {}
  if (typeof options.namesrv === 'string') flags.namesrvAddr = options.namesrv
  for (const name of settingNames) {
    const value = options[optionKey(name)]
    if (typeof value === 'string') flags[name] = value
  }
  return flags
}

/** How commander names the value of a flag: `--broker-ip1` is brokerIp1. */
function optionKey(name: SettingName): string {
  return flagName(name).replace(/-([a-z0-9])/g, (_, letter: string) => letter.toUpperCase())
}

function stopOnSignals(stop: () => Promise<void>): void {
  let isStopping = false
  const onSignal = (signal: NodeJS.Signals): void => {
    if (isStopping) process.exit(1)
    isStopping = true
    setTimeout(() => {
      process.stderr.write(`ternmq: not stopped ${STOP_MS_MAX} ms after ${signal}: ending\n`)
      process.exit(1)
    }, STOP_MS_MAX).unref()
    stop().then(
      () => process.exit(0),
      (error) => {
        process.stderr.write(`ternmq: ${startFailureText(error)}\n`)
        process.exit(1)
      },
    )
  }
  process.on('SIGTERM', onSignal)
  process.on('SIGINT', onSignal)
}
