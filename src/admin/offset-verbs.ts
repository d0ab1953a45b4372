import type { Clock } from '../base/host.ts'
import { ClientError } from '../client/index.ts'
import type { MessageQueue } from '../protocol/message-queue.ts'
import { decodeOffsetChanges, type OffsetChange } from '../protocol/offset-moves.ts'
import { decodeOffsetTable } from '../protocol/offset-table.ts'
import { RequestCode } from '../protocol/request-code.ts'
import type { BrokerAddress, Cluster, Fields } from './cluster.ts'
import { mustExist } from './group-progress.ts'
import {
  flag,
  moment,
  type Option,
  optionalInteger,
  required,
  requiredInteger,
  text,
  timeMs,
} from './option.ts'
import { byBrokerAndQueue, localText } from './rows.ts'
import { done, type Output, type Row, table, type Verb, verb } from './verb.ts'

const ALL_QUEUES = -1
const END = -1

/** Offsets that have moved are kept by brokers of TernMQ alone. */
const needs =
  'only brokers of TernMQ keep what groups had committed before: on RocketMQ note it by ternmq offset show before a reset, and go back by ternmq offset reset --queue N --offset N --broker NAME'

const whose = {
  group: required('group', 'name of the consumer group'),
  topic: required('topic', 'name of the topic'),
}

const show = verb('offset', 'show', {
  about: 'what a group has committed of a topic',
  options: whose,
  positional: ['group', 'topic'],
  async run({ cluster }, { group, topic }) {
    return table(await committedRows(cluster, group, topic))
  },
})

const reset = verb('offset', 'reset', {
  about: 'move a group to a time, to the beginning, to the end, or to an offset of one queue',
  options: {
    ...whose,
    to: place('where to: earliest, latest, or a time'),
    queue: optionalInteger({ min: 0, max: 65_536 }, 'this queue only'),
    offset: optionalInteger({ min: 0, max: Number.MAX_SAFE_INTEGER }, 'with --queue: this offset'),
    broker: text('broker', 'with --queue: its broker, by name or host:port'),
    preview: flag('only show what would change'),
  },
  positional: ['group', 'topic'],
  mqadmin: {
    name: 'resetOffsetByTime',
    flags: {
      ...{
        'g,group': 'group',
        't,topic': 'topic',
        's,timestamp': 'to',
        'b,broker': 'broker',
        'q,queue': 'queue',
      },
      ...{ 'o,offset': 'offset', 'f,force': '', 'c,cplus': '' },
    },
  },
  async run({ cluster, clock }, input) {
    const { group, topic, to, queue, offset } = input
    if (to === undefined && offset === undefined)
      throw new ClientError('invalidParameter', 'say where to: --to <time>, or --queue with --offset')
    const timestampMs = to === undefined ? 0 : placeMs(to, clock.nowMs())
    const before = await committedRows(cluster, group, topic)
    if (before.every(({ committed }) => committed === undefined)) await mustExist(cluster, group, {})
    if (input.preview) return table(await previewRows(cluster, before, { topic, timestampMs, queue, offset }))
    const brokers = input.broker === undefined ? await cluster.mastersOf(topic) : await cluster.masters(input)
    const fields = { topic, group, timestamp: timestampMs, queueId: queue ?? ALL_QUEUES, offset }
    return move(cluster, { group, topic, before }, { brokers, fields })
  },
})

const skip = verb('offset', 'skip', {
  about: 'move a group to the end: what has piled up is never consumed',
  options: whose,
  positional: ['group', 'topic'],
  destroys: ({ group }) => group,
  mqadmin: {
    name: 'skipAccumulatedMessage',
    flags: { 'g,group': 'group', 't,topic': 'topic', 'f,force': '', 'c,cluster': '' },
  },
  async run({ cluster }, { group, topic }) {
    const before = await committedRows(cluster, group, topic)
    const fields = { topic, group, timestamp: END }
    return move(cluster, { group, topic, before }, { brokers: await cluster.mastersOf(topic), fields })
  },
})

const clone = verb('offset', 'clone', {
  about: 'give a group the offsets of another',
  options: {
    from: required('group', 'whose offsets are copied'),
    to: required('group', 'who gets them'),
    topic: required('topic', 'name of the topic'),
  },
  positional: ['from', 'to', 'topic'],
  mqadmin: {
    name: 'cloneGroupOffset',
    flags: { 's,srcGroup': 'from', 'd,destGroup': 'to', 't,topic': 'topic', 'o,offline': '' },
  },
  async run({ cluster }, { from, to, topic }) {
    const brokers = await cluster.mastersOf(topic)
    for (const { address } of brokers) {
      const fields = { srcGroup: from, destGroup: to, topic, offline: false }
      await cluster.broker(address, RequestCode.CLONE_GROUP_OFFSET, fields)
    }
    return done(`group ${to} is where group ${from} is in ${topic}`, { from, to, topic })
  },
})

const changes = verb('offset', 'changes', {
  about: 'resets and clones of offsets that can be undone, newest first; TernMQ brokers keep them',
  options: {
    group: text('group', 'of this consumer group only'),
    topic: text('topic', 'in this topic only'),
    broker: text('broker', 'on this broker only, by name or host:port'),
  },
  needs,
  async run({ cluster, clock }, { group, topic, broker }) {
    const rows: Row[] = []
    for (const { address, brokerName } of await cluster.masters({ broker })) {
      const { body } = await cluster.broker(address, RequestCode.TERN_LIST_OFFSET_CHANGES, { group, topic })
      for (const change of decodeOffsetChanges(body)) rows.push(changeRow(change, brokerName, clock))
    }
    return table(rows, ['broker', 'id', 'kind', 'group', 'topic', 'queues', 'at'])
  },
})

const undo = verb('offset', 'undo', {
  about: 'take a group back to where it was before a reset, a clone or an undo (see `offset changes`)',
  options: {
    id: requiredInteger({ min: 1, max: Number.MAX_SAFE_INTEGER }, 'number of the change'),
    broker: text('broker', 'its broker, by name or host:port; needed where there are several'),
  },
  positional: ['id'],
  needs,
  async run({ cluster }, { id, broker }) {
    const [only, ...others] = await cluster.masters({ broker })
    if (!only || others.length > 0)
      throw new ClientError('invalidParameter', 'say which broker: each counts its changes by itself')
    const { body } = await cluster.broker(only.address, RequestCode.TERN_UNDO_OFFSET_CHANGE, { id })
    const rows = decodeOffsetChanges(body).flatMap(({ moves }) =>
      moves.map(({ queueId, before, after }) => ({
        broker: only.brokerName,
        queue: queueId,
        before,
        now: after,
      })),
    )
    return table(rows, ['broker', 'queue', 'before', 'now'])
  },
})

export const offsetVerbs: readonly Verb[] = [show, reset, skip, clone, changes, undo]

/** `earliest` and `latest`, as mqadmin's 0 and -1, beside moments. */
function place(about: string): Option<string | undefined> {
  const { parse, ...rest } = moment(about)
  return { ...rest, parse: (name, value) => (value in places ? value : parse(name, value)) }
}

const places: Readonly<Record<string, number>> = { earliest: 0, latest: END, '-1': END }

function placeMs(to: string, nowMs: number): number {
  return places[to] ?? timeMs(to, { name: 'to', nowMs })
}

/** Where a group is to be moved, and from where. */
interface Moving {
  readonly group: string
  readonly topic: string
  readonly before: readonly Row[]
}

/** Has brokers move a group. @returns a row a queue, with what takes it back */
async function move(
  cluster: Cluster,
  { group, topic, before }: Moving,
  { brokers, fields }: { brokers: readonly BrokerAddress[]; fields: Fields },
): Promise<Output> {
  const moved = new Map<string, number>()
  for (const { address } of brokers) {
    const request = { ...fields, isForce: true }
    const { body } = await cluster.broker(address, RequestCode.INVOKE_BROKER_TO_RESET_OFFSET, request)
    if (body.length === 0) continue
    for (const [{ brokerName, queueId }, now] of decodeOffsetTable(body))
      moved.set(`${brokerName}/${queueId}`, now)
  }
  const rows = movedRows(before, moved)
  const hasMoved = rows.some(({ before: was, now }) => was !== now)
  const note = hasMoved ? await backNote(cluster, { group, topic, before: rows }, brokers) : undefined
  return table(rows, ['broker', 'queue', 'before', 'now', 'messages'], note)
}

/** Commands that take a group back: an undo where brokers keep what was before, else a reset of each queue. */
async function backNote(
  cluster: Cluster,
  { group, topic, before }: Moving,
  brokers: readonly BrokerAddress[],
): Promise<string | undefined> {
  try {
    const lines: string[] = []
    for (const { address, brokerName } of brokers) {
      const { body } = await cluster.broker(address, RequestCode.TERN_LIST_OFFSET_CHANGES, { group, topic })
      const [newest] = decodeOffsetChanges(body)
      if (newest) lines.push(`back by: ternmq offset undo ${newest.id} --broker ${brokerName}`)
    }
    return lines.length > 0 ? lines.join('\n') : undefined
  } catch (error) {
    if (!(error instanceof ClientError) || error.code !== 'notSupported') throw error
    const lines = before
      .filter((row) => row.before !== undefined && row.before !== row.now)
      .map(({ broker, queue, before: offset }) => `--broker ${broker} --queue ${queue} --offset ${offset}`)
    return lines.length > 0
      ? lines.map((line) => `back by: ternmq offset reset ${group} ${topic} ${line}`).join('\n')
      : undefined
  }
}

function changeRow(change: OffsetChange, broker: string, clock: Clock): Row {
  const { group, id, kind, moves, timestampMs, topic } = change
  return { broker, id, kind, group, topic, queues: moves.length, at: localText(clock.localTime(timestampMs)) }
}

async function committedRows(cluster: Cluster, group: string, topic: string): Promise<Row[]> {
  const { admin } = cluster.client
  const rows: Row[] = []
  for (const queue of await admin.queues(topic)) {
    const [committed, minOffset, maxOffset] = await Promise.all([
      admin.committedOffset(group, queue),
      admin.minOffset(queue),
      admin.maxOffset(queue),
    ])
    const lag = committed === undefined ? undefined : maxOffset - committed
    rows.push({ broker: queue.brokerName, queue: queue.queueId, committed, minOffset, maxOffset, lag })
  }
  return rows.toSorted(byBrokerAndQueue)
}

/** Where each queue would be, by the brokers' own search. */
async function previewRows(
  cluster: Cluster,
  before: readonly Row[],
  to: { topic: string; timestampMs: number; queue: number | undefined; offset: number | undefined },
): Promise<Row[]> {
  const rows: Row[] = []
  for (const { broker, queue: queueId, committed } of before) {
    if (to.queue !== undefined && to.queue !== queueId) continue
    const queue: MessageQueue = { topic: to.topic, brokerName: String(broker), queueId: Number(queueId) }
    const { admin } = cluster.client
    const isEnd = to.timestampMs === END
    const now =
      to.offset ?? (isEnd ? await admin.maxOffset(queue) : await admin.searchOffset(queue, to.timestampMs))
    rows.push(movedRow({ broker, queue: queueId, committed }, now))
  }
  return rows
}

function movedRows(before: readonly Row[], moved: ReadonlyMap<string, number>): Row[] {
  return before.flatMap((row) => {
    const now = moved.get(`${row.broker}/${row.queue}`)
    return now === undefined ? [] : [movedRow(row, now)]
  })
}

/** How many messages come again (positive) or are left out (negative). */
function movedRow({ broker, queue, committed }: Row, now: number): Row {
  return { broker, queue, before: committed, now, messages: Number(committed ?? 0) - now }
}
