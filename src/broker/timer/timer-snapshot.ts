import { readNewest, replaceFile } from '../../base/atomic-file.ts'
import type { Disk } from '../../base/host.ts'
import { JsonFields } from '../../protocol/json-fields.ts'
import type { TimerCount } from './timer-counts.ts'
import type { TimerPosition } from './timer-entry.ts'
import type { TimerRunName } from './timer-index.ts'

/** How far the timers are: with the log, all that a start needs. */
export interface TimerSnapshot {
  /** Files of the index; they hold all timers of queue offsets below `indexed` that are not done. */
  readonly runs: readonly TimerRunName[]
  readonly indexed: number
  /** Timers before this place are done. */
  readonly done: TimerPosition
  /** Timers at or behind that place that are done have their copies in the log from here on. */
  readonly logOffset: number
  /** Names of messages that were deleted and whose time has not passed, by their TIMER_OUT_MS. */
  readonly deleted: readonly (readonly [number, readonly string[]])[]
  /** Messages in those files that wait, by topic. */
  readonly counts: readonly TimerCount[]
}

/** @throws MqError badBody when there is a file, and neither it nor its backup can be read */
export function readTimerSnapshot(disk: Disk, path: string): TimerSnapshot | undefined {
  return readNewest(disk, path, decode)?.value
}

/** @throws the disk's error */
export async function writeTimerSnapshot(disk: Disk, path: string, snapshot: TimerSnapshot): Promise<void> {
  const { runs, indexed, done, logOffset, deleted, counts } = snapshot
  const text = JSON.stringify({
    runs: runs.map(({ name, count }) => `${name}:${count}`),
    ...{ indexed, logOffset, dueMs: done.dueMs, queueOffset: done.queueOffset },
    deleted: deleted.flatMap(([outMs, keys]) => keys.map((key) => `${outMs}:${key}`)),
    counts: counts.map(({ topic, count, changedMs }) => `${count}:${changedMs}:${topic}`),
  })
  await replaceFile(disk, path, Buffer.from(text))
}

function decode(content: Buffer): TimerSnapshot {
  const fields = JsonFields.ofBody(content, 'timer snapshot')
  const deleted = new Map<number, string[]>()
  for (const [outMs, key] of fields.texts('deleted').map(cut)) {
    const keys = deleted.get(Number(outMs))
    if (keys) keys.push(key)
    else deleted.set(Number(outMs), [key])
  }
  return {
    runs: fields.texts('runs').map((text) => {
      const [name, count] = cut(text)
      return { name, count: Number(count) }
    }),
    indexed: fields.integer('indexed'),
    done: { dueMs: fields.integer('dueMs'), queueOffset: fields.integer('queueOffset') },
    logOffset: fields.integer('logOffset'),
    deleted: [...deleted],
    // an earlier version has not counted
    counts: fields.texts('counts').map(countOf),
  }
}

function countOf(text: string): TimerCount {
  const [count, rest] = cut(text)
  const [changedMs, topic] = cut(rest)
  return { topic, count: Number(count), changedMs: Number(changedMs) }
}

/** The parts of a text before and behind its first colon. */
function cut(text: string): [string, string] {
  const at = text.indexOf(':')
  return [text.slice(0, at), text.slice(at + 1)]
}
