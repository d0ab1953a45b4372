import type { Clock, Logger } from '../../base/host.ts'
import type { Client } from '../../client/index.ts'
import type { StoreTool } from '../store-tool.ts'

/** What is printed on. */
export interface Terminal {
  readonly variables: Readonly<Record<string, string | undefined>>
  /** Whether somebody reads along: then tables fit the width and are coloured, and destroying wants a typed word. */
  readonly isTerminal: boolean
  /** Columns of the terminal. */
  readonly width: number
}

/** What the command line has of the world: `server` fulfils it with the process, a test with whatever it likes. */
export interface CliEnvironment extends Terminal {
  /** Folder for contexts: `$XDG_CONFIG_HOME/ternmq`, else `~/.config/ternmq`. */
  readonly configDir: string
  readonly clock: Clock
  readonly log: Logger
  /** Whether somebody reads what is said on standard error: then long work shows how far it is. */
  readonly isErrorTerminal: boolean
  /** Aborted when the user interrupts. */
  readonly signal: AbortSignal
  write(text: string): void
  writeError(text: string): void
  /** Asks for a line. */
  ask(question: string): Promise<string>
  /** @throws the disk's error */
  readFile(path: string): Buffer
  /** The file if it is there. */
  readFileIfThere(path: string): Buffer | undefined
  /** Makes its folder too. @throws the disk's error */
  writeFile(path: string, content: string): void
  readonly store: StoreTool
  connect(namesrv: string): Promise<Client>
}
