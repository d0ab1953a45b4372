import { readFileSync } from 'node:fs'
import { homedir } from 'node:os'
import { createInterface } from 'node:readline/promises'
import type { Command } from 'commander'
import { addAdminCommands } from '../admin/cli/commands.ts'
import type { CliEnvironment } from '../admin/cli/environment.ts'
import { replaceFileSync } from '../base/atomic-file.ts'
import { errnoOf } from '../base/errors.ts'
import { realHost } from '../base/host/real-host.ts'
import type { Logger } from '../base/host.ts'
import { type ConnectOptions, connect } from '../client/index.ts'
import { storeTool } from './store-tool.ts'

/** What a command says it says itself: the client's log would stand in between. */
const SILENT: Logger = {
  debug: () => undefined,
  info: () => undefined,
  warn: () => undefined,
  error: () => undefined,
}

/** Adds what an operator can ask, with this process as its environment. */
export function addAdminCli(program: Command): void {
  addAdminCommands(program, processEnvironment(), (exitCode) => {
    process.exitCode = exitCode
  })
}

function processEnvironment(): CliEnvironment {
  const host = realHost(SILENT)
  const { clock, disk } = host
  const { XDG_CONFIG_HOME } = process.env
  const interrupt = new AbortController()
  process.once('SIGINT', () => interrupt.abort())
  return {
    variables: process.env,
    configDir: `${XDG_CONFIG_HOME || `${homedir()}/.config`}/ternmq`,
    clock,
    log: SILENT,
    isTerminal: process.stdout.isTTY === true,
    isErrorTerminal: process.stderr.isTTY === true,
    width: process.stdout.columns ?? process.stderr.columns ?? 80,
    signal: interrupt.signal,
    write: (text) => process.stdout.write(text),
    writeError: (text) => process.stderr.write(text),
    ask,
    readFile: (path) => readFileSync(path),
    readFileIfThere: (path) => {
      try {
        return readFileSync(path)
      } catch (error) {
        if (errnoOf(error) === 'ENOENT') return undefined
        throw error
      }
    },
    writeFile: (path, content) => {
      const folder = path.slice(0, path.lastIndexOf('/'))
      if (folder !== '') disk.mkdirSync(folder)
      replaceFileSync(disk, path, Buffer.from(content))
    },
    store: storeTool(host),
    connect: (namesrv) => connect({ namesrv, log: SILENT, ...securityOf(process.env) }),
  }
}

/** Who asks, and how: secrets come by the environment, so that no list of processes shows them. */
function securityOf(variables: NodeJS.ProcessEnv): Pick<ConnectOptions, 'accessKey' | 'secretKey' | 'tls'> {
  const { TERNMQ_ACCESS_KEY: accessKey, TERNMQ_SECRET_KEY: secretKey, TERNMQ_TLS: tls } = variables
  return {
    ...(accessKey && { accessKey }),
    ...(secretKey && { secretKey }),
    ...(tls && tls !== 'false' && { tls: tls === 'true' ? true : { ca: readFileSync(tls, 'utf8') } }),
  }
}

async function ask(question: string): Promise<string> {
  const lines = createInterface({ input: process.stdin, output: process.stderr })
  try {
    return await lines.question(question)
  } finally {
    lines.close()
  }
}
