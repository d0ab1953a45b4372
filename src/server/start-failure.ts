import { errnoOf, MqError } from '../base/errors.ts'

/** What to do about failures whose own text does not say it. */
const advice: Readonly<Partial<Record<MqError['kind'], string>>> = {
  storeLocked: 'stop that process, or choose another folder by --store-path-root-dir',
  storeUnreadable:
    'nothing was cut away; see that --store-path-root-dir and the --mapped-file-size-... settings are those that the store was ' +
    'written with, restore the file, or choose an empty folder',
}

/** The line a user gets for a start that failed; a stack only for what is not his to mend. */
export function startFailureText(error: unknown): string {
  if (error instanceof MqError && error.kind !== 'internal') {
    const toDo = advice[error.kind]
    return toDo === undefined ? error.message : `${error.message}: ${toDo}`
  }
  if (!(error instanceof Error)) return String(error)
  // what the disk says of a folder that may not be written, a read-only file system, a full one
  if (errnoOf(error) !== undefined)
    return `the store cannot be used: ${error.message}: see --store-path-root-dir`
  return error.stack ?? error.message
}
