import { errnoOf, MqError, messageOf } from '../../base/errors.ts'
import { type Client, ClientError } from '../../client/index.ts'
import { Cluster } from '../cluster.ts'
import { checkStates, type Output, type Row, type Verb, type VerbContext } from '../verb.ts'
import type { CliEnvironment } from './environment.ts'
import { hintOf } from './hints.ts'
import { printOutput } from './output.ts'
import { ProgressBar } from './progress-bar.ts'
import { proseText } from './table-text.ts'

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
  const progress = new ProgressBar(environment)
  try {
    const input = inputOf(verb, given)
    const word = verb.destroys?.(input)
    if (word !== undefined && !options.isSure) await confirm(word, verb, environment)
    const client = verb.isLocal ? undefined : await environment.connect(options.namesrv)
    const printer = new Printer(environment, options, progress)
    try {
      const output = await verb.run(contextOf(client, environment, printer), input)
      printer.end(output)
      return exitCodeOf(output)
    } finally {
      await client?.close()
    }
  } catch (error) {
    progress.clear()
    if (verb.noun === 'check') return unknownState(error, options, environment)
    const { namesrv } = options
    const said = `ternmq: ${wholeMessageOf(error)}${hintOf(error, { namesrv, verb })}`
    environment.writeError(
      `${proseText(said, { ...environment, isTerminal: environment.isErrorTerminal })}\n`,
    )
    return error instanceof MqError && error.kind === 'invalidParameter' && !isAnswer(error)
      ? ExitCode.USAGE
      : ExitCode.FAILED
  }
}

/** A failure with what it came from, where it does not say that itself: `ENOTFOUND` tells more than that nobody is reached. */
function wholeMessageOf(error: unknown): string {
  const message = messageOf(error)
  if (error instanceof MqError && isAnswer(error)) return message
  const told = error instanceof Error && error.cause !== undefined ? messageOf(error.cause) : ''
  const [cause = ''] = told.split('\n')
  return cause === '' || message.includes(cause) ? message : `${message} (${cause})`
}

function exitCodeOf(output: Output): number {
  if (output.kind === 'check') return checkStates.indexOf(output.state)
  return output.failure === undefined ? ExitCode.OK : ExitCode.FAILED
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

function contextOf(client: Client | undefined, environment: CliEnvironment, printer: Printer): VerbContext {
  const { clock, signal, store } = environment
  return {
    ...{ clock, signal, store },
    get cluster() {
      if (client) return new Cluster(client)
      throw new MqError('internal', 'a local verb asks no cluster')
    },
    readFile: (path) => readNamed(path, environment),
    writeFile: (path, content) => environment.writeFile(path, content),
    print: (row, text) => printer.print(row, text),
    redraw: (output) => printer.redraw(output),
    progress: (done, total, about) => printer.progress(done, total, about),
  }
}

/** @throws MqError notFound that names a file which cannot be read */
function readNamed(path: string, environment: CliEnvironment): Buffer {
  try {
    return environment.readFile(path)
  } catch (cause) {
    const why = errnoOf(cause) === 'ENOENT' ? 'it does not exist' : messageOf(cause)
    throw new MqError('notFound', `cannot read ${path}: ${why}`, { cause })
  }
}

/** What a verb prints while it runs and in the end: for scripts one JSON document, or a line of JSON for each thing that it prints on the way. */
class Printer {
  readonly #environment: CliEnvironment
  readonly #isJson: boolean
  readonly #progress: ProgressBar
  #hasPrinted = false

  constructor(environment: CliEnvironment, { isJson }: RunOptions, progress: ProgressBar) {
    this.#environment = environment
    this.#isJson = isJson
    this.#progress = progress
  }

  print(row: Row, text: string | undefined): void {
    this.#progress.clear()
    this.#hasPrinted = true
    this.#environment.write(`${this.#isJson || text === undefined ? JSON.stringify(row) : text}\n`)
  }

  redraw(output: Output): void {
    if (this.#environment.isTerminal && !this.#isJson) this.#environment.write(CLEAR_SCREEN)
    this.#hasPrinted = true
    this.#write(output)
  }

  progress(done: number, total: number, about: string): void {
    this.#progress.show(done, total, about)
  }

  end(output: Output): void {
    this.#progress.clear()
    this.#write(output)
    if (output.failure !== undefined) this.#environment.writeError(`ternmq: ${output.failure}\n`)
  }

  #write(output: Output): void {
    const [environment, isJson] = [this.#environment, this.#isJson]
    printOutput(output, { isJson, environment, isLine: this.#hasPrinted })
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
