import { styleText } from 'node:util'
import Table from 'cli-table3'
import type { Output, Row, Value } from '../verb.ts'
import type { CliEnvironment } from './environment.ts'

/** Prints what a verb answers: as JSON for scripts, as a table for people. */
export function printOutput(
  output: Output,
  { isJson, environment }: { isJson: boolean; environment: CliEnvironment },
): void {
  if (isJson) environment.write(`${JSON.stringify(jsonOf(output), undefined, 2)}\n`)
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
  if (output.kind === 'check') return checkText(output)
  if (output.kind === 'record') return recordText(output.record, environment)
  const { rows, columns, note } = output
  const body = rows.length === 0 ? 'nothing' : tableText(rows, columns, environment)
  return note === undefined ? body : `${body}\n${note}`
}

function checkText({ state, text, figures }: Output & { kind: 'check' }): string {
  const after = figuresText(figures)
  return `${state}: ${text}${after && ` | ${after}`}`
}

function tableText(rows: readonly Row[], columns: readonly string[], environment: CliEnvironment): string {
  const cells = rows.map((row) => columns.map((column) => cellText(row[column])))
  const widths = fitted(
    columns.map((column, i) => widest([column, ...cells.map((cell) => cell[i] ?? '')])),
    environment,
  )
  const table = new Table({
    head: columns.map((column) => headText(column, environment)),
    colAligns: columns.map((column) =>
      rows.some((row) => typeof row[column] === 'number') ? 'right' : 'left',
    ),
    ...(widths && { colWidths: widths.map((width) => width + 2) }),
    style: { head: [], border: [], 'padding-left': 0, 'padding-right': 2 },
    chars: NO_LINES,
  })
  table.push(...cells)
  return table
    .toString()
    .split('\n')
    .map((line) => line.trimEnd())
    .join('\n')
}

function recordText(record: Row, environment: CliEnvironment): string {
  const names = Object.keys(record)
  const width = widest(names)
  return names
    .filter((name) => record[name] !== undefined)
    .map((name) => `${headText(name.padEnd(width), environment)}  ${cellText(record[name])}`)
    .join('\n')
}

/** Figures as Nagios plugins give them. */
function figuresText(figures: Row): string {
  return Object.entries(figures)
    .map(([name, value]) => `${name}=${value}`)
    .join(' ')
}

/** Widths that fit a terminal, taken from the widest column; undefined where they fit, or nobody looks. */
function fitted(widths: readonly number[], { isTerminal, width }: CliEnvironment): number[] | undefined {
  const over = widths.reduce((sum, each) => sum + each + 2, 0) - width
  if (!isTerminal || over <= 0) return undefined
  const most = Math.max(...widths)
  return widths.map((each) => (each === most ? Math.max(8, each - over) : each))
}

function headText(text: string, { isTerminal }: CliEnvironment): string {
  return isTerminal ? styleText('bold', text) : text
}

function cellText(value: Value): string {
  if (value === undefined) return ''
  // what others have sent must not drive the terminal
  return typeof value === 'string' ? value.replace(/\p{Cc}/gu, '.') : String(value)
}

function widest(texts: readonly string[]): number {
  return Math.max(...texts.map((text) => text.length))
}

const NO_LINES = {
  ...{
    top: '',
    'top-mid': '',
    'top-left': '',
    'top-right': '',
    bottom: '',
    'bottom-mid': '',
    'bottom-left': '',
  },
  ...{
    'bottom-right': '',
    left: '',
    'left-mid': '',
    mid: '',
    'mid-mid': '',
    right: '',
    'right-mid': '',
    middle: '',
  },
}
