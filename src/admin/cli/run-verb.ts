import { MqError, messageOf } from '../../base/errors.ts'
import { type Client, ClientError } from '../../client/index.ts'
import { Cluster } from '../cluster.ts'
import { checkStates, type Row, type Verb, type VerbContext } from '../verb.ts'
import type { CliEnvironment } from './environment.ts'
import { printOutput } from './output.ts'

const CLEAR_SCREEN = '\u001b[H\u001b[2J'

/** Exit codes for scripts; `check` has those of Nagios plugins, also where it cannot ask. */
export const ExitCode = { OK: 0, FAILED: 1, USAGE: 2 } as const

/** What stands around a verb on the command line. */
export interface RunOptions {
  readonly namesrv: string
  readonly isJson: boolean
  /** Whether what destroys goes on without a typed word. */
  readonly isSure: boolean
}

/**
 * Runs a verb with the texts that the command line gave it, and prints what it answers.
 * @param given options by name; a switch has `true`
 * @returns the exit code
 */
export async function runVerb(
  verb: Verb,
  given: Readonly<Record<string, string>>,
  { options, environment }: { options: RunOptions; environment: CliEnvironment },
): Promise<number> {
  try {
    const input = inputOf(verb, given)
    const word = verb.destroys?.(input)
    if (word !== undefined && !options.isSure) await confirm(word, verb, environment)
    const client = verb.isLocal ? undefined : await environment.connect(options.namesrv)
    try {
      const output = await verb.run(contextOf(client, environment, options), input)
      printOutput(output, { isJson: options.isJson, environment })
      return output.kind === 'check' ? checkStates.indexOf(output.state) : ExitCode.OK
    } finally {
      await client?.close()
    }
  } catch (error) {
    if (verb.noun === 'check') return unknownState(error, options, environment)
    environment.writeError(`ternmq: ${messageOf(error)}${hintOf(error, options)}\n`)
    return error instanceof MqError && error.kind === 'invalidParameter' && !isAnswer(error)
      ? ExitCode.USAGE
      : ExitCode.FAILED
  }
}

/** What monitoring reads when a check could not be made: one line on standard output, as for the other states. */
function unknownState(error: unknown, { isJson }: RunOptions, environment: CliEnvironment): number {
  const state = 'UNKNOWN'
  printOutput({ kind: 'check', state, text: messageOf(error), figures: {} }, { isJson, environment })
  return checkStates.indexOf(state)
}

/** @throws MqError invalidParameter for what is missing or malformed */
function inputOf(verb: Verb, given: Readonly<Record<string, string>>): Record<string, unknown> {
  const input: Record<string, unknown> = {}
  for (const [name, option] of Object.entries(verb.options)) {
    const text = given[name]
    if (text !== undefined) input[name] = option.parse(name, text)
    else if (option.isRequired)
      throw new MqError('invalidParameter', `${verb.noun} ${verb.name} wants ${name}: ${option.about}`)
    else input[name] = option.fallback
  }
  return input
}

function contextOf(
  client: Client | undefined,
  environment: CliEnvironment,
  { isJson }: RunOptions,
): VerbContext {
  const { clock, signal, store } = environment
  return {
    ...{ clock, signal, store },
    get cluster() {
      if (client) return new Cluster(client)
      throw new MqError('internal', 'a local verb asks no cluster')
    },
    readFile: (path) => environment.readFile(path),
    writeFile: (path, content) => environment.writeFile(path, content),
    print: (row: Row, text?: string) =>
      environment.write(`${isJson || text === undefined ? JSON.stringify(row) : text}\n`),
    redraw: (output) => {
      if (environment.isTerminal && !isJson) environment.write(CLEAR_SCREEN)
      printOutput(output, { isJson, environment })
    },
    progress: (done, total, about) => {
      if (environment.isTerminal)
        environment.writeError(`\r${about} ${done} of ${total}${done === total ? '\n' : ''}`)
    },
  }
}

/** @throws MqError invalidParameter when the word is not typed */
async function confirm(word: string, verb: Verb, environment: CliEnvironment): Promise<void> {
  if (!environment.isTerminal)
    throw new MqError('invalidParameter', `${verb.noun} ${verb.name} destroys ${word}: say --yes`)
  const answer = await environment.ask(`This destroys ${word}. Type its name to go on: `)
  if (answer.trim() !== word) throw new MqError('invalidParameter', 'not confirmed: nothing was done')
}

function isAnswer(error: MqError): boolean {
  return error instanceof ClientError && error.responseCode !== undefined
}

/** What to do next, where that is not plain from the error itself. */
function hintOf(error: unknown, { namesrv }: RunOptions): string {
  if (!(error instanceof ClientError)) return ''
  if (error.code === 'connectionLost')
    return ` (asked ${namesrv}: is it started? -n, --context or NAMESRV_ADDR say where else)`
  if (error.code === 'topicNotExist') return ' (ternmq topic list shows all, topic create makes it)'
  if (error.code === 'groupNotExist') return ' (ternmq group list shows all, group create makes it)'
  return error.retriable ? ' (it may succeed when tried again)' : ''
}
