import { type Command, Option } from 'commander'
import { MqError } from '../../base/errors.ts'
import type { Option as VerbOption } from '../option.ts'
import type { Verb } from '../verb.ts'
import { table } from '../verb.ts'
import { nouns, verbs } from '../verbs.ts'
import { completionScript } from './completion.ts'
import { namesrvOf, readContexts, writeContexts } from './contexts.ts'
import type { CliEnvironment } from './environment.ts'
import { runMqadmin } from './mqadmin.ts'
import { printOutput } from './output.ts'
import { runVerb } from './run-verb.ts'

/** Adds everything an operator can ask to the command line; the exit code goes to `onDone`. */
export function addAdminCommands(
  program: Command,
  environment: CliEnvironment,
  onDone: (exitCode: number) => void,
): void {
  for (const [noun, about] of Object.entries(nouns)) {
    // `ternmq broker` alone starts one
    const started = program.commands.find((each) => each.name() === noun)
    const command = started ?? program.command(noun).description(about)
    for (const verb of verbs) if (verb.noun === noun) addVerb(command, verb, environment, onDone)
  }
  for (const verb of verbs) if (verb.noun === '') addVerb(program, verb, environment, onDone)
  addContexts(program, environment)
  program
    .command('mqadmin')
    .description("run a sub-command of RocketMQ's mqadmin, with its own flags")
    .argument('[words...]', 'sub-command and flags')
    .allowUnknownOption()
    .helpOption(false)
    .action(async (words: string[]) => onDone(await runMqadmin(words, environment)))
  program
    .command('completion')
    .description('print a script that completes commands: bash, zsh or fish')
    .argument('<shell>', 'bash, zsh or fish')
    .action((shell: string) => environment.write(completionScript(program, shell)))
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
  command
    .option('-n, --namesrv <addresses>', 'NameServers of the cluster, host:port joined by ;')
    .option('--context <name>', 'a cluster by its name (ternmq context)')
    .option('--json', 'print JSON')
  if (verb.destroys) command.option('--yes', 'go on without asking')
  command.action(async (...args: unknown[]) => {
    const flags = args[verb.positional.length] as Readonly<Record<string, unknown>>
    const given = givenOf(verb, args.slice(0, verb.positional.length), flags)
    const namesrv = namesrvOf(environment, { namesrv: textOf(flags.namesrv), context: textOf(flags.context) })
    const options = { namesrv, isJson: flags.json === true, isSure: flags.yes === true }
    onDone(await runVerb(verb, given, { options, environment }))
  })
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

function addContexts(program: Command, environment: CliEnvironment): void {
  const command = program
    .command('context')
    .description('clusters by name, so that commands need not say where they go')
  command
    .command('list')
    .description('all contexts')
    .option('--json', 'print JSON')
    .action(({ json }: { json?: boolean }) => {
      const { current, namesrvByName } = readContexts(environment)
      const rows = [...namesrvByName].map(([name, namesrv]) => ({ name, namesrv, current: name === current }))
      printOutput(table(rows, ['name', 'namesrv', 'current']), { isJson: json === true, environment })
    })
  command
    .command('add <name> <namesrv>')
    .description('add a context, or change it')
    .action((name: string, namesrv: string) => {
      const { current, namesrvByName } = readContexts(environment)
      writeContexts(environment, {
        current: current ?? name,
        namesrvByName: new Map([...namesrvByName, [name, namesrv]]),
      })
    })
  command
    .command('use <name>')
    .description('make a context the current one')
    .action((name: string) => {
      const { namesrvByName } = readContexts(environment)
      if (!namesrvByName.has(name)) throw new MqError('notFound', `there is no context ${name}`)
      writeContexts(environment, { current: name, namesrvByName })
    })
  command
    .command('remove <name>')
    .description('forget a context')
    .action((name: string) => {
      const { current, namesrvByName } = readContexts(environment)
      const left = new Map([...namesrvByName].filter(([each]) => each !== name))
      writeContexts(environment, { current: current === name ? undefined : current, namesrvByName: left })
    })
}

/** `readQueues` as a flag: `read-queues`. */
function flagOf(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)
}

function textOf(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined
}
