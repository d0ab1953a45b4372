import type { Output, Row } from '../verb.ts'
import type { CliEnvironment } from './environment.ts'
import { proseText, recordText, tableText } from './table-text.ts'
import { stateText } from './terminal.ts'

/** How an answer is printed. */
interface PrintOptions {
  readonly isJson: boolean
  readonly environment: CliEnvironment
  /** JSON on one line: the last of the lines that the verb has printed before. */
  readonly isLine?: boolean
}

/** Prints what a verb answers: as JSON for scripts, as a table for people. */
export function printOutput(output: Output, { isJson, environment, isLine = false }: PrintOptions): void {
  if (isJson) environment.write(`${JSON.stringify(jsonOf(output), undefined, isLine ? 0 : 2)}\n`)
  else environment.write(`${textOf(output, environment)}\n`)
}

function jsonOf(output: Output): unknown {
  if (output.kind === 'table') return output.rows
  if (output.kind === 'record') return output.record
  if (output.kind === 'check') return { state: output.state, text: output.text, ...output.figures }
  return { done: output.text, ...output.record }
}

function textOf(output: Output, environment: CliEnvironment): string {
  if (output.kind === 'done') return output.text
  if (output.kind === 'check') return checkText(output, environment)
  if (output.kind === 'record') return recordText(output.record, environment)
  const { rows, note } = output
  const body = rows.length === 0 ? 'nothing' : tableText(output, environment)
  return note === undefined ? body : `${body}\n${proseText(note, environment)}`
}

function checkText(
  { state, text, figures }: Output & { kind: 'check' },
  environment: CliEnvironment,
): string {
  const after = figuresText(figures)
  return `${stateText(state, environment)}: ${text}${after && ` | ${after}`}`
}

/** Figures as Nagios plugins give them. */
function figuresText(figures: Row): string {
  return Object.entries(figures)
    .map(([name, value]) => `${name}=${value}`)
    .join(' ')
}
