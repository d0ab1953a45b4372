// The command line of this project in the process of a check, with its files in memory: what a verb prints comes back as
// the values of its JSON.
import assert from 'node:assert/strict'
import { Command } from 'commander'
import { addAdminCommands } from '../../../dist/admin/cli/commands.js'
import { verbs } from '../../../dist/admin/verbs.js'
import { RealClock } from '../../../dist/base/host/real-clock.js'
import { connect } from '../../../dist/client/index.js'

const VERB_MS_MAX = 120_000
const silent = { debug() {}, info() {}, warn() {}, error() {} }

export class CommandLine {
  files = new Map()
  #namesrv
  #credentials
  #asked = new Set()

  /** @param credentials who asks */
  constructor(namesrv, credentials) {
    this.#namesrv = namesrv
    this.#credentials = credentials
  }

  /** Verbs that nobody has asked for yet, but for those that ask no cluster. */
  get unasked() {
    const names = verbs.filter(({ isLocal }) => !isLocal).map(({ noun, name }) => `${noun} ${name}`.trim())
    return names.filter((name) => !this.#asked.has(name))
  }

  /** @returns the exit code, the values printed, and what was said on standard error */
  async run(...words) {
    this.#note(words)
    const [printed, said] = [[], []]
    let exitCode = 0
    const program = new Command('ternmq').exitOverride()
    addAdminCommands(program, this.#environment(printed, said), (code) => {
      exitCode = code
    })
    await program.parseAsync([...words, '--json'], { from: 'user' })
    return { exitCode, values: valuesOf(printed.join('')), error: said.join('') }
  }

  /** The values that a verb prints. @throws Error when it fails */
  async values(...words) {
    const { exitCode, values, error } = await this.run(...words)
    assert.equal(exitCode, 0, `ternmq ${words.join(' ')}: ${error}`)
    return values
  }

  /** The one answer of a verb: rows, or a record. @throws Error when it fails */
  async ask(...words) {
    return (await this.values(...words)).at(-1)
  }

  /** What a verb says that fails. @throws Error when it does not */
  async fail(...words) {
    const { exitCode, values, error } = await this.run(...words)
    assert.notEqual(exitCode, 0, `ternmq ${words.join(' ')}: ${JSON.stringify(values)}`)
    return error
  }

  #note([noun, name]) {
    const isAlone = verbs.some((verb) => verb.noun === '' && verb.name === noun)
    this.#asked.add(isAlone ? noun : `${noun} ${name}`)
  }

  #environment(printed, said) {
    return {
      variables: { NAMESRV_ADDR: this.#namesrv },
      configDir: '/config',
      clock: new RealClock(),
      log: silent,
      isTerminal: false,
      isErrorTerminal: false,
      width: 80,
      signal: AbortSignal.timeout(VERB_MS_MAX),
      write: (text) => printed.push(text),
      writeError: (text) => said.push(text),
      ask: async () => '',
      readFile: (path) => Buffer.from(this.files.get(path)),
      readFileIfThere: (path) => this.files.has(path) && Buffer.from(this.files.get(path)),
      writeFile: (path, content) => this.files.set(path, content),
      connect: (namesrv) => connect({ namesrv, log: silent, ...this.#credentials }),
    }
  }
}

/** One JSON document, or one a line. */
function valuesOf(printed) {
  try {
    return [JSON.parse(printed)]
  } catch {
    const lines = printed.split('\n').filter((line) => line !== '')
    return lines.map((line) => JSON.parse(line))
  }
}
