import { type DataVersion, decodeDataVersion, isSameVersion } from '../protocol/data-version.ts'

/** Most entries of one page (splitMetadataSize). */
const PAGE_ENTRIES_MAX = 2000

/** Which part of a table a tool or slave asks for (RocketMQ 5.3.4 and later). */
export interface PageRequest {
  /** Number of the first entry, in the order of names. */
  readonly seq: number
  readonly countMax: number
  /** The version of the table whose page came before, as JSON; '' for the first. */
  readonly dataVersion: string
}

/**
 * A part of a table, in the order of names. One that has changed since the page before begins anew: its
 * version tells the asker.
 * @throws MqError badBody when the version is none
 */
export function pageOf<Entry>(
  table: ReadonlyMap<string, Entry>,
  version: DataVersion,
  request: PageRequest,
): Map<string, Entry> {
  const { seq, countMax, dataVersion } = request
  const isSame = dataVersion !== '' && isSameVersion(decodeDataVersion(Buffer.from(dataVersion)), version)
  const begin = isSame ? Math.max(seq, 0) : 0
  const end = begin + Math.max(1, Math.min(countMax, PAGE_ENTRIES_MAX))
  const names = [...table.keys()].sort().slice(begin, end)
  const page = new Map<string, Entry>()
  for (const name of names) page.set(name, table.get(name) as Entry)
  return page
}
