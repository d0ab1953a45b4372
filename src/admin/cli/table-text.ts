import Table from 'cli-table3'
import type { Row, Value } from '../verb.ts'
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
export function tableText(rows: readonly Row[], columns: readonly string[], environment: Terminal): string {
  const cells = rows.map((row) => columns.map((column) => cellText(row[column])))
  const widths = columns.map((column, i) => widest([column, ...cells.map((cell) => cell[i] ?? '')]))
  const fitting = environment.isTerminal
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

/** One thing, a field a line; long values go on below where they began. */
export function recordText(record: Row, environment: Terminal): string {
  const names = Object.keys(record).filter((name) => record[name] !== undefined)
  const width = widest(names)
  return names
    .map((name) => {
      const value = cellText(record[name])
      const lines = environment.isTerminal ? chunks(value, environment.width - width - GAP) : [value]
      return `${bold(name.padEnd(width), environment)}  ${lines.join(`\n${' '.repeat(width + GAP)}`)}`
    })
    .join('\n')
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
  let over = widths.reduce((sum, width) => sum + width + GAP, -GAP) - most
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
