import { appendFileSync, readFileSync } from 'node:fs'

/** What every line of a result file says of itself. */
export interface Recorded {
  readonly record: string
}

/** Appends one result as a JSON line. */
export function appendRecord(file: string, record: Recorded): void {
  appendFileSync(file, `${JSON.stringify(record)}\n`)
}

/**
 * The records of one kind in result files, in their order.
 * @param isWanted narrows a record by its `record` field; the rest of the line is taken at its word
 */
export function readRecords<R extends Recorded>(
  files: readonly string[],
  isWanted: (record: Recorded) => record is R,
): R[] {
  return files
    .flatMap((file) => readFileSync(file, 'utf8').split('\n'))
    .filter((line) => line !== '')
    .map(parseRecord)
    .filter(isWanted)
}

/** @throws SyntaxError when the line is not a record */
export function parseRecord(line: string): Recorded {
  const parsed: unknown = JSON.parse(line)
  if (
    typeof parsed === 'object' &&
    parsed !== null &&
    'record' in parsed &&
    typeof parsed.record === 'string'
  ) {
    return { ...parsed, record: parsed.record }
  }
  throw new SyntaxError(`not a record: ${line.slice(0, 100)}`)
}
