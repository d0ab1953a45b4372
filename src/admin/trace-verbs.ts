import { SystemTopic } from '../protocol/names.ts'
import { decodeTraceRecords, type TraceRecord } from '../protocol/trace-record.ts'
import { queryMessages } from './message-verbs.ts'
import { moment, required, textOr, timeMs } from './option.ts'
import { localText } from './rows.ts'
import { type Row, table, type Verb, verb } from './verb.ts'

const TIME_MAX = 8_640_000_000_000_000
const MESSAGES_MAX = 64

const show = verb('trace', 'show', {
  about: "a message's way, as clients with message trace have told it",
  options: {
    id: required('id', 'its unique id, or one of its keys'),
    topic: textOr(SystemTopic.TRACE, 'topic', 'topic of the trace'),
    from: moment('told at this time or later'),
    to: moment('told before this time'),
  },
  positional: ['id'],
  needs:
    'brokers keep traces where traceTopicEnable is on, and clients tell them where they are asked to: connect({ trace: true }), or setEnableMsgTrace of the Java client',
  mqadmin: {
    name: 'queryMsgTraceById',
    flags: {
      'i,msgId': 'id',
      't,traceTopic': 'topic',
      'b,beginTimestamp': 'from',
      'e,endTimestamp': 'to',
      'c,maxNum': '',
    },
  },
  async run({ cluster, clock }, { id, topic, from, to }) {
    const nowMs = clock.nowMs()
    const messages = await queryMessages(cluster, {
      ...{ topic, key: id, max: MESSAGES_MAX },
      from: from === undefined ? 0 : timeMs(from, { name: 'from', nowMs }),
      to: to === undefined ? TIME_MAX : timeMs(to, { name: 'to', nowMs }),
    })
    const records = messages
      .flatMap(({ body }) => decodeTraceRecords(body.toString()))
      .filter((record) => record.messageId === id || record.keys.split(' ').includes(id))
      .toSorted((one, other) => one.timeMs - other.timeMs)
    const columns = ['time', 'what', 'group', 'topic', 'client', 'costMs', 'result', 'id']
    return table(
      records.map((record) => rowOf(record, (ms) => localText(clock.localTime(ms)))),
      columns,
    )
  },
})

export const traceVerbs: readonly Verb[] = [show]

function rowOf(record: TraceRecord, timeText: (ms: number) => string): Row {
  const { timeMs: toldMs, group, messageId } = record
  const common = { time: timeText(toldMs), group, id: messageId }
  switch (record.kind) {
    case 'Pub':
      return {
        ...{ ...common, what: `sent (${record.messageType})`, topic: record.topic, client: record.storeHost },
        ...{ costMs: record.costMs, result: record.isSuccess ? 'ok' : 'failed' },
      }
    case 'SubBefore':
      return {
        ...common,
        what: record.retryTimes > 0 ? `handler begins, retry ${record.retryTimes}` : 'handler begins',
      }
    case 'SubAfter':
      return {
        ...common,
        what: 'handler has ended',
        costMs: record.costMs,
        result: record.isSuccess ? 'ok' : 'failed',
      }
  }
}
