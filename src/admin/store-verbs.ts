import { PropertyName } from '../protocol/message-properties.ts'
import { lineOf, messageRow } from './message-text.ts'
import { integer, optionalInteger, required, text } from './option.ts'
import { localText } from './rows.ts'
import type { StoreReport } from './store-tool.ts'
import { done, type Row, table, type Verb, verb } from './verb.ts'

const dir = required('folder', 'storePathRootDir of a broker that is stopped')
const OFFSET = { min: 0, max: Number.MAX_SAFE_INTEGER }

const check = verb('store', 'check', {
  about: 'look through a store directory, of TernMQ or RocketMQ, and compare log and queues',
  options: { dir, topic: text('topic', 'rows of this topic only') },
  positional: ['dir'],
  isLocal: true,
  async run({ store, clock }, input) {
    const report = store.check(input.dir)
    const rows = report.queues
      .filter(({ topic }) => input.topic === undefined || input.topic === topic)
      .map(({ topic, queueId, messages, minOffset, maxOffset, holes, wrongEntries }): Row => {
        const [firstOffset, lastOffset] = [minOffset, maxOffset]
        return { topic, queue: queueId, messages, firstOffset, lastOffset, holes, wrongEntries }
      })
    const columns = ['topic', 'queue', 'messages', 'firstOffset', 'lastOffset', 'holes', 'wrongEntries']
    const note = noteOf(report, (ms) => localText(clock.localTime(ms)))
    return { ...table(rows, columns, note), failure: failureOf(report) }
  },
})

const dump = verb('store', 'dump', {
  about: 'print messages of a store directory in the order of its log',
  options: {
    dir,
    topic: text('topic', 'of this topic only'),
    key: text('key', 'with this key, or unique id, only'),
    from: integer(0, OFFSET, 'begin at this offset of the log'),
    max: optionalInteger({ min: 1, max: Number.MAX_SAFE_INTEGER }, 'end after so many'),
  },
  positional: ['dir'],
  isLocal: true,
  async run({ store, clock, signal, print }, input) {
    let shown = 0
    store.dump(input.dir, input.from, (message) => {
      const { topic, properties, commitLogOffset } = message
      const keys = [
        properties.get(PropertyName.UNIQ_KEY),
        ...(properties.get(PropertyName.KEYS) ?? '').split(' '),
      ]
      const isWanted =
        (input.topic === undefined || input.topic === topic) &&
        (input.key === undefined || keys.includes(input.key))
      if (isWanted) {
        const row: Row = { logOffset: commitLogOffset, ...messageRow(message, clock, { isWhole: true }) }
        print(row, `${commitLogOffset} ${topic}/${lineOf(row, row.id)}`)
        shown++
      }
      return shown !== input.max && !signal.aborted
    })
    return done(`${shown} messages`)
  },
})

const rebuild = verb('store', 'rebuild', {
  about: 'delete queues and key index of a store directory and build them again from its log',
  options: { dir },
  positional: ['dir'],
  isLocal: true,
  destroys: (input) => input.dir,
  async run({ store }, input) {
    const records = await store.rebuild(input.dir)
    return done(`queues and index are built again from ${records} messages`, { records })
  },
})

export const storeVerbs: readonly Verb[] = [check, dump, rebuild]

/** What is wrong with a store, and what mends it; undefined where it is sound. */
function failureOf({ end, isDamaged, queues, reason, wasKilled }: StoreReport): string | undefined {
  if (isDamaged) return `the log is damaged at ${end}: ${reason}; a start cuts it there and keeps a copy`
  const wrong = queues.reduce((sum, { wrongEntries }) => sum + wrongEntries, 0)
  if (wrong === 0 || wasKilled) return undefined
  return `${wrong} entries of queues do not fit the log: ternmq store rebuild mends them`
}

function noteOf(report: StoreReport, timeText: (ms: number) => string): string {
  const { records, minOffset, end, logFileBytes, wasKilled, firstStoredMs, lastStoredMs } = report
  const times = records === 0 ? '' : `, stored from ${timeText(firstStoredMs)} to ${timeText(lastStoredMs)}`
  const killed = wasKilled ? '; it was not stopped cleanly: the next start recovers it' : ''
  return `${records} messages from ${minOffset} to ${end}, files of ${logFileBytes} bytes${times}${killed}`
}
