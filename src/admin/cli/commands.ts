import { type Command, Option } from 'commander'
import type { Option as VerbOption } from '../option.ts'
import type { Verb } from '../verb.ts'
import { nouns, verbs } from '../verbs.ts'
import { completionScript } from './completion.ts'
import { addContexts } from './context-commands.ts'
import { namesrvOf } from './contexts.ts'
import type { CliEnvironment } from './environment.ts'
import { runMqadmin } from './mqadmin.ts'
import { runVerb } from './run-verb.ts'

/** Adds everything an operator can ask to the command line; the exit code goes to `onDone`. */
export function addAdminCommands(
  program: Command,
  environment: CliEnvironment,
  onDone: (exitCode: number) => void,
): void {
  program.enablePositionalOptions()
  for (const option of sharedOptions()) program.addOption(option)
  for (const [noun, about] of Object.entries(nouns)) {
    program.commandsGroup(rocketmqNouns.has(noun) ? 'Of RocketMQ alone:' : 'What can be asked of a cluster:')
    // `ternmq broker` alone starts one
    const started = program.commands.find((each) => each.name() === noun)
    const command = started ?? addNoun(program, noun, about)
    for (const verb of verbs) if (verb.noun === noun) addVerb(command, verb, environment, onDone)
  }
  program.commandsGroup('At once:')
  for (const verb of verbs) if (verb.noun === '') addVerb(program, verb, environment, onDone)
  program.commandsGroup('The command line itself:').helpCommand('help [command]', 'what a command does')
  addContexts(program, environment)
  addMqadmin(program, environment, onDone)
  program
    .command('completion')
    .description('print a script that completes commands: bash, zsh or fish')
    .argument('<shell>', 'bash, zsh or fish')
    .action((shell: string) => environment.write(completionScript(program, shell)))
}

function addNoun(program: Command, noun: string, about: string): Command {
  const command = program.command(noun).description(about)
  command.showHelpAfterError(`(ternmq ${noun} --help lists its verbs)`)
  // `ternmq topic -n ... list` is understood too
  for (const option of sharedOptions()) command.addOption(option.hideHelp())
  return command
}

function addMqadmin(program: Command, environment: CliEnvironment, onDone: (exitCode: number) => void): void {
  program
    .command('mqadmin')
    .description("run a sub-command of RocketMQ's mqadmin, with its own flags")
    .argument('[words...]', 'sub-command and flags')
    .allowUnknownOption()
    .helpOption(false)
    .action(async (words: string[]) => {
      const { namesrv, context, json } = program.opts<SharedFlags>()
      const where = { namesrv, context, isJson: json === true }
      onDone(await runMqadmin(words, where, environment))
    })
}

/** What TernMQ has not; these stand last. */
const rocketmqNouns: ReadonlySet<string> = new Set([
  'controller',
  'container',
  'cold-read',
  'rocksdb',
  'lite',
])

/** Options of every verb, which may also stand before it. */
interface SharedFlags {
  readonly namesrv?: string
  readonly context?: string
  readonly json?: boolean
}

function sharedOptions(): Option[] {
  return [
    new Option('-n, --namesrv <addresses>', 'NameServers of the cluster, host:port joined by ;'),
    new Option('--context <name>', 'a cluster by its name (ternmq context)'),
    new Option('--json', 'print JSON'),
  ]
}

function addVerb(
  parent: Command,
  verb: Verb,
  environment: CliEnvironment,
  onDone: (exitCode: number) => void,
): void {
  const command = parent.command(verb.name).description(verb.about)
  for (const name of verb.positional) {
    const option = verb.options[name] as VerbOption<unknown>
    const shown = flagOf(name)
    command.argument(option.isRequired ? `<${shown}>` : `[${shown}]`, option.about)
  }
  for (const [name, option] of Object.entries(verb.options))
    if (!verb.positional.includes(name)) command.addOption(commandOption(name, option))
  for (const option of sharedOptions()) command.addOption(option)
  command.showHelpAfterError(`(${usageOf(parent, command)}; --help says more)`)
  if (verb.destroys) command.option('--yes', 'go on without asking')
  command.action(async (...args: unknown[]) => {
    const own = args[verb.positional.length] as Readonly<Record<string, unknown>>
    const flags = { ...parent.parent?.opts(), ...parent.opts(), ...own }
    const given = givenOf(verb, args.slice(0, verb.positional.length), flags)
    const namesrv = namesrvOf(environment, { namesrv: textOf(flags.namesrv), context: textOf(flags.context) })
    const options = { namesrv, isJson: flags.json === true, isSure: flags.yes === true }
    onDone(await runVerb(verb, given, { options, environment }))
  })
}

function usageOf(parent: Command, command: Command): string {
  const words = command.registeredArguments.map((each) =>
    each.required ? `<${each.name()}>` : `[${each.name()}]`,
  )
  return ['usage: ternmq', parent.parent ? parent.name() : '', command.name(), ...words]
    .filter(Boolean)
    .join(' ')
}

function commandOption(name: string, { about, form, fallback, isRequired }: VerbOption<unknown>): Option {
  const initial =
    fallback === undefined || fallback === '' || form === '' ? '' : ` (default ${String(fallback)})`
  const value = form === '' ? '' : ` <${form.replace(/[<>]/g, '')}>`
  const option = new Option(`--${flagOf(name)}${value}`, `${about}${initial}`)
  return isRequired ? option.makeOptionMandatory() : option
}

function givenOf(
  verb: Verb,
  positional: readonly unknown[],
  flags: Readonly<Record<string, unknown>>,
): Record<string, string> {
  const given: Record<string, string> = {}
  for (const [index, name] of verb.positional.entries()) {
    const value = textOf(positional[index])
    if (value !== undefined) given[name] = value
  }
  for (const name of Object.keys(verb.options)) {
    const value = flags[name]
    if (typeof value === 'string') given[name] = value
    else if (value === true) given[name] = 'true'
  }
  return given
}

/** `readQueues` as a flag: `read-queues`. */
function flagOf(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)
}

function textOf(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined
}
