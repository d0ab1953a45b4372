import { readFileSync } from 'node:fs'

/** Files that the store, logs and outgoing connections may need, which a flood of connections must not take. */
const RESERVE = 1024

/** How many files this process may have open; undefined where the system does not say. */
function openFilesLimit(): number | undefined {
  try {
    const [, text] = /^Max open files\s+(\d+)/m.exec(readFileSync('/proc/self/limits', 'utf8')) ?? []
    return text === undefined ? undefined : Number(text)
  } catch {
    // no Linux: the setting alone counts
    return undefined
  }
}

/** How many connections leave files for the rest, of as many as are wanted. */
export function connectionsPossible(wanted: number, limit: number | undefined = openFilesLimit()): number {
  if (limit === undefined) return wanted
  return Math.max(1, Math.min(wanted, limit - Math.min(RESERVE, Math.floor(limit / 2))))
}
