import Table from 'cli-table3'
import type { Output, Row, Value } from '../verb.ts'
import type { Terminal } from './environment.ts'
import { bold } from './terminal.ts'

/** Spaces between columns. */
const GAP = 2

/** Texts longer than this, or with spaces in them, may be cut where the terminal is narrow: names and ids may not. */
const WHOLE_MAX = 40
const CUT_MIN = 12

const TIME = /^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d/

/**
 * Rows as a table. On a terminal that is too narrow for it long texts are cut; where that is not enough, each row is shown as a
 * list of its fields.
 */
export function tableText(
  { rows, columns, isProse = false }: Output & { kind: 'table' },
  environment: Terminal,
): string {
  const whole = rows.map((row) => columns.map((column) => cellText(row[column])))
  const isWide = environment.isTerminal && sumOf(widthsOf(columns, whole)) > environment.width
  const cells = isWide ? whole.map((row) => row.map(withoutFraction)) : whole
  const widths = widthsOf(columns, cells)
  const fitting = isWide
    ? fitted(widths, {
        most: environment.width,
        isCuttable: (i) => cells.some((cell) => isFree(cell[i] ?? '')),
      })
    : widths
  if (!fitting) return rows.map((row) => recordText(pick(row, columns), environment)).join('\n\n')
  const table = new Table({
    head: columns.map((column) => bold(column, environment)),
    colAligns: columns.map((column) =>
      rows.some((row) => typeof row[column] === 'number') ? 'right' : 'left',
    ),
    colWidths: fitting.map((width) => width + GAP),
    wordWrap: isProse,
    style: { head: [], border: [], 'padding-left': 0, 'padding-right': GAP },
    chars: NO_LINES,
  })
  table.push(...cells)
  return table
    .toString()
    .split('\n')
    .map((line) => line.trimEnd())
    .join('\n')
}

/** One thing, a field a line, but for those that are empty; long values go on below where they began. */
export function recordText(record: Row, environment: Terminal): string {
  const names = Object.keys(record).filter((name) => record[name] !== undefined && record[name] !== '')
  const width = widest(names)
  return names
    .map((name) => {
      const value = cellText(record[name])
      const lines = environment.isTerminal ? chunks(value, environment.width - width - GAP) : [value]
      return `${bold(name.padEnd(width), environment)}  ${lines.join(`\n${' '.repeat(width + GAP)}`)}`
    })
    .join('\n')
}

/** Sentences, broken between words where a terminal would break them anywhere; what is indented stays so. */
export function proseText(text: string, { isTerminal, width }: Terminal): string {
  if (!isTerminal) return text
  return text
    .split('\n')
    .flatMap((line) => proseLines(line, width))
    .join('\n')
}

function proseLines(line: string, width: number): string[] {
  const indent = /^ */.exec(line)?.[0] ?? ''
  const lines: string[] = []
  let last = ''
  for (const word of line.slice(indent.length).split(' ')) {
    const longer = last === '' ? word : `${last} ${word}`
    if (last !== '' && indent.length + displayWidth(longer) > width) {
      lines.push(indent + last)
      last = word
    } else last = longer
  }
  return [...lines, indent + last]
}

/** A value as a terminal may show it: what others have sent must not drive the terminal. */
export function cellText(value: Value): string {
  if (value === undefined) return ''
  return typeof value === 'string' ? value.replace(/\p{Cc}/gu, '.') : String(value)
}

/** Columns of a terminal that a text takes. */
export function displayWidth(text: string): number {
  let width = 0
  for (const character of text) width += WIDE.test(character) ? 2 : NO_WIDTH.test(character) ? 0 : 1
  return width
}

const WIDE =
  /[\u1100-\u115f\u2e80-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6]|\p{Emoji_Presentation}|[\u{20000}-\u{3fffd}]/u
const NO_WIDTH = /\p{Mn}|\p{Me}|\p{Cf}/u

/** Widths that fit, taken from the widest column that may be cut; undefined where that is not enough. */
function fitted(
  widths: readonly number[],
  { most, isCuttable }: { most: number; isCuttable: (column: number) => boolean },
): number[] | undefined {
  const fitting = [...widths]
  const cuttable = widths.map((_, i) => i).filter(isCuttable)
  let over = sumOf(widths) - most
  while (over > 0) {
    const widestOne = cuttable.reduce<number | undefined>(
      (best, i) => (best === undefined || (fitting[i] ?? 0) > (fitting[best] ?? 0) ? i : best),
      undefined,
    )
    const width = widestOne === undefined ? 0 : (fitting[widestOne] ?? 0)
    if (widestOne === undefined || width <= CUT_MIN) return undefined
    fitting[widestOne] = width - 1
    over--
  }
  return fitting
}

function widthsOf(columns: readonly string[], cells: readonly (readonly string[])[]): number[] {
  return columns.map((column, i) => widest([column, ...cells.map((row) => row[i] ?? '')]))
}

/** What columns and the gaps between them take. */
function sumOf(widths: readonly number[]): number {
  return widths.reduce((sum, width) => sum + width + GAP, -GAP)
}

/** A time to the second. */
function withoutFraction(cell: string): string {
  return TIME.test(cell) ? cell.replace(/\.\d{3}$/, '') : cell
}

function isFree(cell: string): boolean {
  return (cell.includes(' ') && !TIME.test(cell)) || displayWidth(cell) > WHOLE_MAX
}

function pick(row: Row, columns: readonly string[]): Row {
  return Object.fromEntries(columns.map((column) => [column, row[column]]))
}

function chunks(text: string, size: number): string[] {
  const lines: string[] = []
  let line = ''
  for (const character of text) {
    if (displayWidth(line + character) > Math.max(size, CUT_MIN)) {
      lines.push(line)
      line = ''
    }
    line += character
  }
  return [...lines, line]
}

function widest(texts: readonly string[]): number {
  return Math.max(0, ...texts.map(displayWidth))
}

const NO_LINES = {
  ...{ top: '', 'top-mid': '', 'top-left': '', 'top-right': '', bottom: '', 'bottom-mid': '' },
  ...{ 'bottom-left': '', 'bottom-right': '', left: '', 'left-mid': '', mid: '', 'mid-mid': '' },
  ...{ right: '', 'right-mid': '', middle: '' },
}
