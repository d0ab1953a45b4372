import { Command, CommanderError, Help, Option } from 'commander'
import { errnoOf, MqError, messageOf } from '../base/errors.ts'
import { flagName } from './config.ts'
import { type SettingName, settingHeadings, settingNames, settingOf } from './settings.ts'
import { type Parts, start } from './start.ts'
import { packageVersion } from './version.ts'

/** Exit code of a command line that is wrong, as of the verbs (docs/cli.md). */
const USAGE = 2

/** Columns that a text needs beside the longest flag; with fewer it gets lines of its own. */
const TEXT_WIDTH_MIN = 40

/** A command that starts something, when no verb follows. */
interface StartCommand {
  readonly name: string
  /** As RocketMQ's script is called, without its `.sh`; the name again where there is none. */
  readonly alias: string
  readonly about: string
  readonly parts: Parts
}

const startCommands: readonly StartCommand[] = [
  {
    ...{ name: 'start', alias: 'start', about: 'start NameServer and broker in one process' },
    parts: { hasNamesrv: true, hasBroker: true },
  },
  {
    ...{ name: 'namesrv', alias: 'mqnamesrv', about: 'start a NameServer' },
    parts: { hasNamesrv: true, hasBroker: false },
  },
  {
    ...{ name: 'broker', alias: 'mqbroker', about: 'start a broker' },
    parts: { hasNamesrv: false, hasBroker: true },
  },
]

/** The command line: `ternmq start | namesrv | broker`, and what an operator can ask of a cluster. */
export async function runCli(argv: readonly string[]): Promise<void> {
  // whoever reads has seen enough: `ternmq topic list | head`
  process.stdout.on('error', (error) => {
    if (errnoOf(error) === 'EPIPE') process.exit()
    throw error
  })
  const program = new Command('ternmq')
    .description("A message broker that speaks Apache RocketMQ's protocols")
    .version(packageVersion())
    .exitOverride()
    .commandsGroup('Servers:')
    .configureHelp({ formatItem, subcommandTerm })
    .showHelpAfterError('(ternmq --help, or ternmq <command> --help, says more)')
    .addHelpText('after', EXAMPLES)
  const [called = '', next = '-'] = argv
  const isCalled = ({ name, alias }: StartCommand): boolean => called === name || called === alias
  // a server starts without what it does not need: the other commands' options, the command line of operators
  const isStart = startCommands.some(isCalled) && next.startsWith('-') && !argv.some(isHelp)
  for (const each of startCommands) {
    const command = addStart(program, each)
    if (!isStart || isCalled(each)) addSettings(command)
  }
  if (!isStart) (await import('./admin-cli.ts')).addAdminCli(program)
  try {
    await program.parseAsync([...argv], { from: 'user' })
  } catch (error) {
    process.exitCode = exitCodeOf(error)
    // commander has said itself what is wrong with the command line
    if (!(error instanceof CommanderError)) process.stderr.write(`ternmq: ${messageOf(error)}\n`)
  }
}

function exitCodeOf(error: unknown): number {
  if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : USAGE
  return error instanceof MqError && error.kind === 'invalidParameter' ? USAGE : 1
}

const EXAMPLES = `
Examples:
  ternmq start                                    everything on this machine
  ternmq start --flush-disk-type SYNC_FLUSH       answers wait for the disk
  ternmq start --shards auto                      a broker for every core
  ternmq namesrv                                  a NameServer alone
  ternmq broker -c broker.conf -n 10.0.0.1:9876   a broker alone
  ternmq broker -c broker.conf --print-config     the settings that would count
  ternmq topic list                               what is on this machine
  ternmq -n 10.0.0.1:9876 group list              what is elsewhere
  ternmq doctor                                   what is wrong, and what to do`

const HELP_END = `
Each setting is also an environment variable (--listen-port: TERNMQ_LISTEN_PORT) and a key of the file (listenPort).
The first counts: flag, environment, what was changed at run time, file, default.`

/** A command in a list: every one takes options, which says nothing. */
function subcommandTerm(command: Command): string {
  const words = command.registeredArguments.map((each) =>
    each.required ? `<${each.name()}>` : `[${each.name()}]`,
  )
  return [[command.name(), ...command.aliases()].join('|'), ...words].join(' ')
}

/** An entry of a help page; on a narrow terminal a long list of flags has its texts below the flags. */
function formatItem(term: string, termWidth: number, text: string, helper: Help): string {
  const width = helper.helpWidth ?? 80
  if (text === '' || width - termWidth >= TEXT_WIDTH_MIN + 4)
    return Help.prototype.formatItem.call(helper, term, termWidth, text, helper)
  const lines = helper.boxWrap(text, width - 6).split('\n')
  return [`  ${term}`, ...lines.map((line) => `      ${line}`)].join('\n')
}

function isHelp(word: string): boolean {
  return word === '--help' || word === '-h'
}

function addStart(program: Command, { name, alias, about, parts }: StartCommand): Command {
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
    .option('-p, --print-config', 'print all settings as a properties file, and stop', false)
    .option('--insecure-open', 'allow listening beyond loopback without authentication', false)
    .addHelpText('after', HELP_END)
  if (alias !== name) command.alias(alias)
  if (parts.hasNamesrv && parts.hasBroker)
    command.option(
      '--shards <count>',
      'brokers in processes of their own beside the NameServer: a number, or auto for one a core',
    )
  if (name !== 'start') command.argument('[verb]', 'what is asked of one that runs: see the commands below')
  return command.action((...args: unknown[]) => {
    const [own, verb] = args.slice(0, -1).toReversed() as [Record<string, unknown>, string?]
    if (verb !== undefined) command.error(unknownVerb(command, verb))
    const options = { ...command.parent?.opts(), ...own }
    return start(
      {
        flags: flagsOf(options),
        file: typeof options.configFile === 'string' ? options.configFile : undefined,
        isInsecureOpen: options.insecureOpen === true,
        environment: process.env,
      },
      {
        ...parts,
        shards: typeof options.shards === 'string' ? options.shards : undefined,
        isPrintOnly: options.printConfig === true,
      },
    )
  })
}

/** `ternmq broker` alone starts one; behind it may stand what an operator can ask of one. */
function unknownVerb(command: Command, verb: string): string {
  const known = command.commands.map((each) => each.name()).join(', ')
  const isThere = known === '' || command.commands.some((each) => each.name() === verb)
  const said = isThere
    ? 'a verb stands right behind it, before its flags'
    : `there is no verb ${verb}; there are ${known}`
  return `error: ternmq ${command.name()}: ${said}`
}

/** An option for each setting, under the headings of docs/settings.md. */
function addSettings(command: Command): void {
  let heading = ''
  for (const setting of settingNames) {
    const { form, about: text, bounds, fallback, isSecret } = settingOf(setting)
    heading = settingHeadings[setting] ?? heading
    if (isSecret) continue
    const initial = fallback === '' ? '' : `, default ${String(fallback)}`
    command.addOption(
      new Option(
        `--${flagName(setting)} <${form.replace(/[<>]/g, '')}>`,
        `${text} (${bounds}${initial})`,
      ).helpGroup(`${heading}:`),
    )
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
