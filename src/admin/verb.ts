import type { Clock } from '../base/host.ts'
import type { Cluster } from './cluster.ts'
import type { InputOf, OptionTable } from './option.ts'
import type { StoreTool } from './store-tool.ts'

/** A cell of an answer. */
export type Value = string | number | boolean | undefined

/** What a verb answers: a table, the fields of one thing, or words; and what JSON is made of. */
export type Output = Answer & {
  /** What went wrong although there is an answer: it is said too, and scripts see it by the exit code. */
  readonly failure?: string | undefined
}

type Answer =
  | {
      readonly kind: 'table'
      readonly columns: readonly string[]
      readonly rows: readonly Row[]
      readonly note?: string
      /** Whether its texts are sentences: they are broken where the terminal is narrow, not cut. */
      readonly isProse?: boolean
    }
  | { readonly kind: 'record'; readonly record: Row }
  | { readonly kind: 'done'; readonly text: string; readonly record?: Row }
  | { readonly kind: 'check'; readonly state: CheckState; readonly text: string; readonly figures: Row }

/** What a monitoring system makes of an answer (Nagios plugin states, and their exit codes in this order). */
export const checkStates = ['OK', 'WARNING', 'CRITICAL', 'UNKNOWN'] as const

export type CheckState = (typeof checkStates)[number]

export type Row = Readonly<Record<string, Value>>

/** What a verb works with. */
export interface VerbContext {
  /** Where a verb is not local. */
  readonly cluster: Cluster
  readonly store: StoreTool
  readonly clock: Clock
  /** Ends what would go on for ever, or for long. */
  readonly signal: AbortSignal
  /** Says something while the verb runs: a row of a stream, as text and as JSON. */
  print(row: Row, text?: string): void
  /** Shows an answer that takes the place of the one before, for what is watched. */
  redraw(output: Output): void
  /** How far long work is. */
  progress(done: number, total: number, about: string): void
  /** The text of a file that an option names. @throws the disk's error */
  readFile(path: string): Buffer
  writeFile(path: string, content: string): void
}

/** The same verb as RocketMQ's mqadmin knows it: its name there, and our option for each of its flags. */
export interface MqadminAlias<Name extends PropertyKey = string> {
  readonly name: string
  /** By `short` or `short,long`; an empty name takes the flag and does nothing with it. */
  readonly flags: Readonly<Record<string, Name | ''>>
}

/** Something an operator can ask, once for command line, REST and dashboard. */
export interface Verb {
  /** `topic`, `group`, `message`: verbs stand together by it. */
  readonly noun: string
  readonly name: string
  readonly about: string
  readonly options: OptionTable
  /** Names of options that stand on the command line without a flag, in this order. */
  readonly positional: readonly string[]
  /** For what destroys: the text that has to be typed to go on, as what would be lost; undefined where nothing is. */
  readonly destroys?: (input: Readonly<Record<string, unknown>>) => string | undefined
  /** What a server must be or have for it, and what to do where it is not so; undefined where every RocketMQ broker will do. */
  readonly needs: string | undefined
  /** Whether it works on this machine's files and asks no cluster. */
  readonly isLocal: boolean
  readonly mqadmin: readonly MqadminAlias[]
  readonly run: (context: VerbContext, input: Readonly<Record<string, unknown>>) => Promise<Output>
}

/** Makes a verb whose input has the types of its options. */
export function verb<Options extends OptionTable>(
  noun: string,
  name: string,
  parts: {
    readonly about: string
    readonly options: Options
    readonly positional?: readonly (keyof Options & string)[]
    readonly destroys?: (input: InputOf<Options>) => string | undefined
    readonly needs?: string
    readonly isLocal?: boolean
    readonly mqadmin?: MqadminAlias<keyof Options> | readonly MqadminAlias<keyof Options>[]
    readonly run: (context: VerbContext, input: InputOf<Options>) => Promise<Output>
  },
): Verb {
  const { about, options, positional = [], destroys, needs, isLocal = false, mqadmin = [], run } = parts
  return {
    ...{ noun, name, about, options, positional, needs, isLocal },
    mqadmin: (Array.isArray(mqadmin) ? mqadmin : [mqadmin]) as readonly MqadminAlias[],
    ...(destroys && { destroys: (input) => destroys(input as InputOf<Options>) }),
    run: (context, input) => run(context, input as InputOf<Options>),
  }
}

/** A table whose columns are those of its first row, unless given. */
export function table(
  rows: readonly Row[],
  columns?: readonly string[],
  note?: string,
): Output & { kind: 'table' } {
  return {
    kind: 'table',
    rows,
    columns: columns ?? Object.keys(rows[0] ?? {}),
    ...(note !== undefined && { note }),
  }
}

export function record(fields: Row): Output {
  return { kind: 'record', record: fields }
}

/** Waits, or until the verb is to end. */
export async function pause({ clock, signal }: VerbContext, ms: number): Promise<void> {
  if (signal.aborted) return
  await new Promise<void>((resolve) => {
    const end = (): void => {
      timer.cancel()
      signal.removeEventListener('abort', end)
      resolve()
    }
    const timer = clock.after(ms, end)
    signal.addEventListener('abort', end)
  })
}

export function done(words: string, fields?: Row): Output {
  return { kind: 'done', text: words, ...(fields && { record: fields }) }
}
