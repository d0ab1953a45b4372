import { Command } from 'commander'
import { addAdminCommands } from '#ternmq/admin/cli/commands.ts'
import type { CliEnvironment } from '#ternmq/admin/cli/environment.ts'
import { RealClock } from '#ternmq/base/host/real-clock.ts'
import { realHost } from '#ternmq/base/host/real-host.ts'
import type { Clock } from '#ternmq/base/host.ts'
import { connect } from '#ternmq/client/index.ts'
import { storeTool } from '#ternmq/server/store-tool.ts'
import { FaultLog, type TestSystem } from './test-system.ts'

/** What a command printed, and its exit code. */
export interface CliRun {
  readonly out: string
  readonly error: string
  readonly exitCode: number
}

/** The command line of operators against a system in this process, with files in memory. */
export class TestCli {
  readonly files = new Map<string, string>()
  /** What is typed when a command asks. */
  typed = ''
  isTerminal = false
  /** Columns of the terminal. */
  width = 80
  clock: Clock = new RealClock()
  /** Who asks. */
  credentials: { accessKey: string; secretKey: string } | undefined
  readonly #variables: Record<string, string>

  /** @param system none: for what asks no cluster */
  constructor(system?: TestSystem) {
    this.#variables = system ? { NAMESRV_ADDR: system.namesrv } : {}
  }

  async run(...words: readonly string[]): Promise<CliRun> {
    const printed = { out: '', error: '' }
    let exitCode = 0
    const program = new Command('ternmq').exitOverride()
    const environment: CliEnvironment = {
      variables: this.#variables,
      configDir: '/config',
      clock: this.clock,
      log: new FaultLog(),
      isTerminal: this.isTerminal,
      isErrorTerminal: this.isTerminal,
      width: this.width,
      signal: new AbortController().signal,
      write: (text) => {
        printed.out += text
      },
      writeError: (text) => {
        printed.error += text
      },
      ask: async () => this.typed,
      readFile: (path) => Buffer.from(this.files.get(path) ?? raise(path)),
      readFileIfThere: (path) => {
        const content = this.files.get(path)
        return content === undefined ? undefined : Buffer.from(content)
      },
      writeFile: (path, content) => {
        this.files.set(path, content)
      },
      store: storeTool(realHost(new FaultLog())),
      connect: (namesrv) => connect({ namesrv, ...this.credentials }),
    }
    addAdminCommands(program, environment, (code) => {
      exitCode = code
    })
    await program.parseAsync([...words], { from: 'user' })
    return { ...printed, exitCode }
  }

  /** Runs with `--json`. @throws Error when the command fails */
  async json<Answer>(...words: readonly string[]): Promise<Answer> {
    const { out, error, exitCode } = await this.run(...words, '--json')
    if (exitCode !== 0) throw new Error(`ternmq ${words.join(' ')}: ${error}`)
    return JSON.parse(out)
  }
}

function raise(path: string): never {
  throw Object.assign(new Error(`ENOENT: ${path}`), { code: 'ENOENT' })
}
