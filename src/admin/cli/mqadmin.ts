import type { MqadminAlias, Verb } from '../verb.ts'
import { verbs } from '../verbs.ts'
import { namesrvOf } from './contexts.ts'
import type { CliEnvironment } from './environment.ts'
import { ExitCode, runVerb } from './run-verb.ts'

/** What stood before `mqadmin` on the command line. */
interface Before {
  readonly namesrv: string | undefined
  readonly context: string | undefined
  readonly isJson: boolean
}

/** Runs `mqadmin <sub-command> <its flags>` by the verb that does the same. @returns the exit code */
export async function runMqadmin(
  argv: readonly string[],
  before: Before,
  environment: CliEnvironment,
): Promise<number> {
  // `mqadmin help updateTopic` is how RocketMQ's asks for flags
  const [name = 'help', ...rest] = argv[0] === 'help' && argv.length > 1 ? [...argv.slice(1, 2), '-h'] : argv
  const found = findAlias(name)
  if (!found) {
    const isHelp = ['help', '-h', '--help'].includes(name)
    if (isHelp) environment.write(helpText())
    else environment.writeError(`there is no sub-command ${name}: ternmq mqadmin help lists all\n`)
    return isHelp ? ExitCode.OK : ExitCode.USAGE
  }
  const { verb, alias } = found
  const parsed = parseFlags(alias, verb, rest)
  if (parsed === 'help') {
    environment.write(usageOf(alias, verb))
    return ExitCode.OK
  }
  if (typeof parsed === 'string') {
    environment.writeError(`ternmq mqadmin ${name}: ${parsed}\n${usageOf(alias, verb)}`)
    return ExitCode.USAGE
  }
  const namesrv = namesrvOf(environment, {
    namesrv: parsed.namesrv ?? before.namesrv,
    context: before.context,
  })
  const options = { namesrv, isJson: before.isJson, isSure: true }
  return runVerb(verb, parsed.given, { options, environment })
}

/** A sub-command of mqadmin, the verb that answers it, and its flags with what they are there. */
export interface MqadminEntry {
  readonly name: string
  /** `topic create` */
  readonly verb: string
  readonly flags: MqadminAlias['flags']
}

/** Sub-commands of mqadmin that a verb answers, by name. */
export function mqadminEntries(): MqadminEntry[] {
  return verbs
    .flatMap((verb) => mqadminOf(verb))
    .toSorted((one, other) => (one.name.toLowerCase() < other.name.toLowerCase() ? -1 : 1))
}

function mqadminOf({ noun, name, mqadmin }: Verb): MqadminEntry[] {
  return mqadmin.map((alias) => ({ ...alias, verb: noun === '' ? name : `${noun} ${name}` }))
}

function findAlias(name: string): { verb: Verb; alias: MqadminAlias } | undefined {
  const wanted = name.toLowerCase()
  for (const verb of verbs) {
    const alias = verb.mqadmin.find((each) => each.name.toLowerCase() === wanted)
    if (alias) return { verb, alias }
  }
  return undefined
}

/** Flags of every sub-command. */
const HELP_FLAGS: ReadonlySet<string> = new Set(['h', 'help'])
const NAMESRV_FLAGS: ReadonlySet<string> = new Set(['n', 'namesrvAddr'])

interface ParsedFlags {
  readonly given: Readonly<Record<string, string>>
  readonly namesrv: string | undefined
}

/** @returns what is wrong, where something is */
function parseFlags(alias: MqadminAlias, verb: Verb, argv: readonly string[]): ParsedFlags | string {
  const given: Record<string, string> = {}
  let namesrv: string | undefined
  for (const { word, flag, value } of flagsIn(argv)) {
    if (flag === undefined) return `"${word}" belongs to no flag`
    if (HELP_FLAGS.has(flag)) return 'help'
    const name = NAMESRV_FLAGS.has(flag) ? '' : optionOf(alias, flag)
    if (name === undefined) return `there is no flag ${word}`
    if (NAMESRV_FLAGS.has(flag)) namesrv = value
    else if (name !== '') given[name] = givenText(verb, name, value)
  }
  const missing = missingIn(verb, given)
  return missing === undefined ? { given, namesrv } : `${flagOf(alias, missing)} is missing`
}

/** The first required option that was not given. */
function missingIn(verb: Verb, given: Readonly<Record<string, string>>): string | undefined {
  return Object.keys(verb.options).find((name) => verb.options[name]?.isRequired && !(name in given))
}

/** Where mqadmin takes a value, a switch of ours only needs to be there. */
function givenText(verb: Verb, option: string, value: string): string {
  const isSwitch = verb.options[option]?.form === ''
  return isSwitch && value !== 'false' ? 'true' : value
}

/** A flag of a command line, as it was written and without its dashes; a word that belongs to none has no flag. */
interface GivenFlag {
  readonly word: string
  readonly flag: string | undefined
  /** `true` where none was given. */
  readonly value: string
}

/** Takes a command line apart: `-t orders`, `-t=orders`, `--topic orders`, `-s`. A negative number is a value. */
function* flagsIn(argv: readonly string[]): Generator<GivenFlag> {
  for (let at = 0; at < argv.length; at++) {
    const word = argv[at] ?? ''
    const [flag = '', inline] = word.replace(/^--?/, '').split(/=(.*)/s, 2)
    const next = argv[at + 1]
    const hasValue = inline === undefined && next !== undefined && !/^-[A-Za-z-]/.test(next)
    if (hasValue) at++
    yield {
      word,
      flag: word.startsWith('-') ? flag : undefined,
      value: inline ?? (hasValue ? next : 'true'),
    }
  }
}

/** The flag that stands for an option; one without has no flag of mqadmin's. */
function flagOf({ flags }: MqadminAlias, option: string): string {
  const entry = Object.entries(flags).find(([, name]) => name === option)
  return entry ? flagText(entry[0].split(',')[0] ?? '') : option
}

function optionOf(alias: MqadminAlias, flag: string): string | undefined {
  const entry = Object.entries(alias.flags).find(([names]) => names.split(',').includes(flag))
  return entry?.[1]
}

function usageOf({ name, flags }: MqadminAlias, verb: Verb): string {
  const lines = Object.entries(flags).map(([names, option]) => {
    const shown = names.split(',').map(flagText)
    const about = option === '' ? 'taken, without effect' : verb.options[option]?.about
    return `  ${shown.join(', ').padEnd(36)}${about ?? ''}\n`
  })
  return `mqadmin ${name}: ${verb.about} (ternmq ${verb.noun} ${verb.name})\n${lines.join('')}`
}

/** A flag as mqadmin writes it: `-t`, `-qn`, `--topic`. */
export function flagText(flag: string): string {
  return flag.length <= 2 ? `-${flag}` : `--${flag}`
}

function helpText(): string {
  const entries = mqadminEntries()
  const width = Math.max(...entries.map((entry) => entry.name.length))
  const lines = entries.map((entry) => `  ${entry.name.padEnd(width)}  ternmq ${entry.verb}\n`)
  return `ternmq mqadmin <sub-command> <its flags>, or the verb that does it:\n${lines.join('')}`
}
