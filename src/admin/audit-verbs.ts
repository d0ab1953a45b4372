import { LossAudit, type NumberRange, type SequenceReport } from '../client/index.ts'
import type { Cluster } from './cluster.ts'
import { required, text } from './option.ts'
import { type QueueReader, readersOf } from './queue-reader.ts'
import { type Row, table, type Verb, verb } from './verb.ts'

/** Messages read at once. */
const COUNT_MAX = 32

const audit = verb('', 'audit', {
  about: 'what of the messages that producers have numbered was acknowledged, is stored and was consumed',
  options: {
    topic: required('topic', 'name of the topic'),
    group: text('group', 'whose consumption is looked at'),
  },
  positional: ['topic'],
  async run({ cluster, progress, signal }, { topic, group }) {
    const readers = await readersOf(cluster, topic, { from: 'begin' })
    const rows: Row[] = []
    for (const [done, reader] of readers.entries()) {
      for (const report of await auditQueue(cluster, reader, { group, signal }))
        rows.push(rowOf(reader, report))
      progress(done + 1, readers.length, 'queues')
    }
    const columns = ['broker', 'queue', 'producer', 'last', 'stored', 'lost', 'missing', 'duplicated']
    const lost = rows.filter((row) => row.lost !== '').length
    return {
      ...table(rows, group === undefined ? columns : [...columns, 'consumed']),
      failure: lost > 0 ? `acknowledged messages are gone in ${lost} of these rows: see lost` : undefined,
    }
  },
})

export const auditVerbs: readonly Verb[] = [audit]

/** Reads a queue to its present end. */
async function auditQueue(
  cluster: Cluster,
  reader: QueueReader,
  { group, signal }: { group: string | undefined; signal: AbortSignal },
): Promise<SequenceReport[]> {
  const { admin } = cluster.client
  const end = await admin.maxOffset(reader.queue)
  const consumedTo = group === undefined ? 0 : ((await admin.committedOffset(group, reader.queue)) ?? 0)
  const sequences = new LossAudit({ isWhole: reader.offset === 0, consumedTo })
  while (reader.offset < end) {
    signal.throwIfAborted()
    const messages = await reader.next(COUNT_MAX)
    if (messages.length === 0) break
    for (const message of messages) sequences.add(message)
  }
  return sequences.report()
}

function rowOf({ queue }: QueueReader, report: SequenceReport): Row {
  const { consumed, duplicated, last, lost, missing, producer, stored } = report
  return {
    ...{ broker: queue.brokerName, queue: queue.queueId, producer, last, stored },
    ...{ lost: rangesText(lost), missing: rangesText(missing), duplicated: duplicated.join(), consumed },
  }
}

/** `3,7-9` */
function rangesText(ranges: readonly NumberRange[]): string {
  return ranges.map(({ first, last }) => (first === last ? String(first) : `${first}-${last}`)).join()
}
