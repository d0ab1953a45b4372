import type { Disk, File } from '../../base/host.ts'
import {
  behindTimer,
  compareTimers,
  putTimerEntry,
  TIMER_ENTRY_BYTES,
  type TimerEntry,
  type TimerPosition,
} from './timer-entry.ts'
import { TimerRun } from './timer-run.ts'

/** Entries written at once. */
const CHUNK_ENTRIES = 2048

/**
 * Writes a run of what several durable runs hold from a place on, and makes it durable.
 * @param pause called now and then, so that others have their turns
 * @throws the disk's error
 */
export async function mergeRuns(parts: {
  disk: Disk
  dir: string
  runs: readonly TimerRun[]
  from: TimerPosition
  /** Name of the new run. */
  to: string
  pause: () => Promise<void>
}): Promise<TimerRun> {
  const { disk, dir, from, to, pause } = parts
  // cursors of its own: the runs are read on while they are merged
  const sources = parts.runs.map(({ name, count }) => TimerRun.open(disk, dir, name, count))
  const runs = sources.filter((run) => run !== undefined)
  const file = disk.openSync(`${dir}/${to}`, 'create')
  try {
    for (const run of runs) run.seek(from)
    let count = 0
    for (let done = false; !done; await pause()) {
      const chunk = await nextEntries(runs)
      await writeEntries(file, count, chunk)
      count += chunk.length
      done = chunk.length < CHUNK_ENTRIES
    }
    await file.datasync()
    disk.syncDirSync(dir)
    return TimerRun.open(disk, dir, to, count) as TimerRun
  } finally {
    file.closeSync()
    for (const run of runs) run.close()
  }
}

async function nextEntries(runs: readonly TimerRun[]): Promise<TimerEntry[]> {
  const entries: TimerEntry[] = []
  while (entries.length < CHUNK_ENTRIES) {
    for (const run of runs) if (!run.isLoaded) await run.load()
    const first = runs.reduce<TimerEntry | undefined>((least, { first: entry }) => {
      return entry && (!least || compareTimers(entry, least) < 0) ? entry : least
    }, undefined)
    if (!first) break
    entries.push(first)
    const behind = behindTimer(first)
    // the same timer may be in two of them
    for (const run of runs) {
      for (let entry = run.first; entry && compareTimers(entry, behind) < 0; entry = run.first) run.shift()
    }
  }
  return entries
}

async function writeEntries(file: File, count: number, entries: readonly TimerEntry[]): Promise<void> {
  const bytes = Buffer.allocUnsafe(entries.length * TIMER_ENTRY_BYTES)
  for (const [index, entry] of entries.entries()) putTimerEntry(bytes, index * TIMER_ENTRY_BYTES, entry)
  const start = count * TIMER_ENTRY_BYTES
  for (let at = 0; at < bytes.length; ) at += await file.write([bytes.subarray(at)], start + at)
}
