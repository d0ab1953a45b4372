import { readFileSync, writeFileSync } from 'node:fs'

/** A Markdown table whose columns line up, so that it reads well on a terminal too. */
export function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const widths = head.map((title, column) =>
    Math.max(3, title.length, ...rows.map((row) => (row[column] ?? '').length)),
  )
  const line = (cells: readonly string[]) =>
    `| ${widths.map((width, column) => (cells[column] ?? '').padEnd(width)).join(' | ')} |`
  return [line(head), line(widths.map((width) => '-'.repeat(width))), ...rows.map(line)].join('\n')
}

/**
 * Puts `content` between the comments `<!-- bench:NAME -->` and `<!-- /bench:NAME -->` of a document.
 * @throws RangeError when the document lacks them
 */
export function replaceSection(document: string, name: string, content: string): string {
  const [opening, closing] = [`<!-- bench:${name} -->`, `<!-- /bench:${name} -->`]
  const from = document.indexOf(opening)
  const to = document.indexOf(closing, from)
  if (from < 0 || to < 0) throw new RangeError(`the document has no ${opening} ... ${closing}`)
  return `${document.slice(0, from)}${opening}\n${content.trim()}\n${document.slice(to)}`
}

/** Progress, on standard error: the report has standard output to itself. */
export function say(line: string): void {
  process.stderr.write(`${line}\n`)
}

/** Where a report goes besides standard output. */
export class ReportTarget {
  readonly #path: string | undefined
  readonly #section: string

  /**
   * @param path document to write into; undefined prints only
   * @throws RangeError at once, not after the measurement, when the document has no place for the section
   */
  constructor(path: string | undefined, section: string) {
    this.#path = path
    this.#section = section
    if (path !== undefined) replaceSection(readFileSync(path, 'utf8'), section, '')
  }

  write(report: string): void {
    process.stdout.write(`\n${report}\n`)
    if (this.#path === undefined) return
    writeFileSync(this.#path, replaceSection(readFileSync(this.#path, 'utf8'), this.#section, report))
  }
}
