import { below } from '#ternmq/base/host/random-range.ts'
import type { Random } from '#ternmq/base/host.ts'
import { RequestCode } from '#ternmq/protocol/request-code.ts'
import { bodySamples } from './body-samples.ts'
import { withBytesChanged, withTokensChanged } from './mutation.ts'
import { type RequestSample, requestSamples } from './request-samples.ts'

/** A request as a client could write it, whatever it says. */
export interface OddRequest {
  readonly code: number
  readonly extFields: Readonly<Record<string, string>>
  readonly body: Buffer
}

const topics = [
  ...['orders', 'orders', 'orders', 'timed', 'ordered', 'absent', 'TBW102', '*', '', ' ', '../x', 'täglich'],
  ...['%RETRY%g', '%DLQ%g', '%RETRY%absent', '%RETRY%g_orders', '%RETRY%g+orders', 'SCHEDULE_TOPIC_XXXX'],
  ...['RMQ_SYS_TRANS_HALF_TOPIC', 'RMQ_SYS_TRANS_OP_HALF_TOPIC', 'TRANS_CHECK_MAX_TIME_TOPIC'],
  ...['rmq_sys_wheel_timer', 'rmq_sys_REVIVE_LOG_DefaultCluster', 'RMQ_SYS_TRACE_TOPIC', 'broker-a'],
  ...['x'.repeat(127), 'x'.repeat(128), 'x'.repeat(5000), 'a b', 'a\u0000b', '__proto__', 'constructor'],
]
const groups = [
  ...['g', 'g', 'g', 'other', 'absent', 'TOOLS_CONSUMER', 'CID_RMQ_SYS_TRANS', 'CID_ONSAPI_OWNER', '', ' '],
  ...['%RETRY%g', '../g', 'g'.repeat(255), 'g'.repeat(256), 'g'.repeat(5000), '__proto__', 'ü'],
]
const numbers = [
  ...['0', '0', '1', '1', '2', '3', '7', '31', '32', '64', '1000', '60000', '-1', '-2', '-0', '1e3', '0x1'],
  ...['2147483647', '2147483648', '-2147483648', '9007199254740991', '9007199254740993', '', ' ', 'null'],
  ...[
    '9223372036854775807',
    '-9223372036854775808',
    '9'.repeat(30),
    'NaN',
    'true',
    'false',
    '1.5',
    '+1',
    '٣',
  ],
]
const expressions = [
  ...[
    '*',
    'TagA',
    'TagA || TagB',
    '||',
    '',
    '|||',
    'a'.repeat(5000),
    'a = 1',
    'a >',
    "a IN ('x')",
    '('.repeat(40),
  ],
  ...["a BETWEEN 1 AND 'x'", 'NOT NOT NOT a', "a CONTAINS 'x' AND b IS NOT NULL", 'TRUE', 'NULL', '1 = 1'],
]
const property = [
  ...['TAGS', 'KEYS', 'DELAY', 'TIMER_DELAY_SEC', 'TIMER_DELAY_MS', 'TIMER_DELIVER_MS', 'TIMER_DEL_UNIQKEY'],
  ...['TRAN_MSG', 'PGROUP', 'UNIQ_KEY', 'RETRY_TOPIC', 'REAL_TOPIC', 'REAL_QID', 'POP_CK', 'RECONSUME_TIME'],
  ...['MAX_RECONSUME_TIMES', 'INNER_MULTI_DISPATCH', 'INNER_MULTI_QUEUE_OFFSET', 'TERN_DEDUP_KEY', 'WAIT'],
  ...['CHECK_IMMUNITY_TIME_IN_SECONDS', 'TRANSACTION_CHECK_TIMES', '__SHARDINGKEY', 'CORRELATION_ID', 'TTL'],
  ...[
    'REPLY_TO_CLIENT',
    'MSG_TYPE',
    'cluster',
    'DLQ_ORIGIN_TOPIC',
    '__CRC32#',
    'TERN_SEQUENCE',
    'ORIGIN_MESSAGE_ID',
  ],
]

/** Names of the fields that any request of the protocol has, and a pool of what each may hold. */
const fieldNames = [
  ...['topic', 'consumerGroup', 'group', 'groupName', 'producerGroup', 'clientID', 'clientId', 'clientAddr'],
  ...[
    'queueId',
    'offset',
    'queueOffset',
    'maxMsgNums',
    'maxMsgBytes',
    'sysFlag',
    'commitOffset',
    'flag',
    'subVersion',
  ],
  ...[
    'suspendTimeoutMillis',
    'subscription',
    'expressionType',
    'invisibleTime',
    'pollTime',
    'bornTime',
    'initMode',
  ],
  ...['exp', 'expType', 'order', 'attemptId', 'extraInfo', 'delayLevel', 'maxReconsumeTimes', 'originMsgId'],
  ...[
    'originTopic',
    'unitMode',
    'tranStateTableOffset',
    'commitLogOffset',
    'commitOrRollback',
    'fromTransactionCheck',
  ],
  ...[
    'msgId',
    'transactionId',
    'timestamp',
    'beginTimestamp',
    'endTimestamp',
    'boundaryType',
    'key',
    'maxNum',
  ],
  ...[
    'indexType',
    'lastKey',
    'isForce',
    'isC',
    'isOrder',
    'index',
    'count',
    'statsName',
    'statsKey',
    'srcGroup',
  ],
  ...['destGroup', 'offline', 'recallHandle', 'readQueueNums', 'writeQueueNums', 'perm', 'topicFilterType'],
  ...[
    'topicSysFlag',
    'attributes',
    'defaultTopic',
    'defaultTopicQueueNums',
    'properties',
    'bornTimestamp',
    'batch',
  ],
  ...[
    'reconsumeTimes',
    'brokerName',
    'bname',
    'brokerId',
    'brokerAddr',
    'clusterName',
    'username',
    'subject',
  ],
  ...[
    'policyType',
    'resource',
    'filter',
    'subjectFilter',
    'resourceFilter',
    'readable',
    'cleanOffset',
    'namespace',
  ],
  ...[
    'value',
    'dataVersion',
    'topicSeq',
    'maxTopicNum',
    'groupSeq',
    'maxGroupNum',
    'popTime',
    'setZeroIfNotFound',
  ],
  ...[
    'jstackEnable',
    'topicList',
    'force',
    'lo',
    'phyOffset',
    'ns',
    'a',
    'b',
    'c',
    'd',
    'e',
    'f',
    'g',
    'h',
    'i',
  ],
  ...['j', 'k', 'l', 'm', 'n', '__proto__', 'AccessKey', 'Signature', 'x'.repeat(300)],
]

const bodies = bodySamples().map(({ body }) => body)
const sources = requestSamples()

/** Codes that would make a run say nothing: they change what the broker takes at all. */
const leftOut: ReadonlySet<number> = new Set([RequestCode.UPDATE_BROKER_CONFIG])

/**
 * A request of one of these codes: a captured one that was changed, or one made of any fields.
 * @param codes what the server says it answers
 */
export function oddRequest(random: Random, codes: readonly number[]): OddRequest {
  const known = codes.filter((code) => !leftOut.has(code))
  const code = below(random, 40) === 0 ? random.u32() & 0xffff : (known[below(random, known.length)] ?? 0)
  const captured = sources.get(code) ?? []
  const source = below(random, 4) === 0 ? undefined : captured[below(random, captured.length)]
  return { code, extFields: fieldsOf(random, source), body: bodyOf(random, source) }
}

function fieldsOf(random: Random, source: RequestSample | undefined): Record<string, string> {
  const fields: Record<string, string> = Object.create(null)
  if (source) {
    for (const [name, value] of Object.entries(source.fields)) {
      if (below(random, 12) === 0) continue
      fields[name] = below(random, 4) === 0 ? fieldValueOf(random, name) : ownNameOf(random, name, value)
    }
    for (let more = below(random, 3); more > 0; more--) put(random, fields)
  } else {
    for (let count = below(random, 30); count > 0; count--) put(random, fields)
  }
  return fields
}

function put(random: Random, fields: Record<string, string>): void {
  const name = oneOf(random, fieldNames)
  fields[name] = fieldValueOf(random, name)
}

/** Captured requests are about topics and groups of their day. */
function ownNameOf(random: Random, name: string, value: string): string {
  if (/^(topic|b|originTopic)$/.test(name)) return oneOf(random, topics.slice(0, 5))
  if (/^(consumerGroup|group)$/.test(name)) return 'g'
  return value
}

function fieldValueOf(random: Random, name: string): string {
  if (/^(i|properties)$/.test(name)) return propertiesOf(random)
  if (/topic$|^(b|c|key)$|Topic/i.test(name)) return oneOf(random, topics)
  if (/group|^a$/i.test(name)) return oneOf(random, groups)
  if (/subscription|^exp$/.test(name)) return oneOf(random, expressions)
  if (/expressionType|expType/.test(name)) return oneOf(random, ['TAG', 'SQL92', 'sql92', 'CLASS', '', 'x'])
  if (name === 'extraInfo') return extraInfoOf(random)
  if (name === 'recallHandle') return Buffer.from(handleOf(random)).toString('base64url')
  if (/subject/i.test(name)) return oneOf(random, ['User:u', 'User:', 'user', '*', ':', 'Group:g', ''])
  if (/resource/i.test(name)) return oneOf(random, ['Topic:*', 'Topic:orders', '*', 'Any:x', 'Topic:a*b', ''])
  if (name === 'attributes')
    return oneOf(random, ['+message.type=FIFO', '-message.type', '+x=y', '+', ',,,', '='])
  return below(random, 8) === 0 ? oneOf(random, topics) : numberOf(random)
}

function numberOf(random: Random): string {
  const now = 1_790_000_000_000 + below(random, 10_000_000_000)
  return below(random, 6) === 0 ? String(now) : oneOf(random, numbers)
}

function propertiesOf(random: Random): string {
  let text = below(random, 20) === 0 ? '\u0001\u0002\u0001' : ''
  for (let count = below(random, 5); count > 0; count--) {
    text += `${oneOf(random, property)}\u0001${below(random, 3) === 0 ? oneOf(random, topics) : numberOf(random)}\u0002`
  }
  return text
}

/** `ckQueueOffset popTime invisibleTime reviveQid retry brokerName queueId msgQueueOffset`, or nearly so. */
function extraInfoOf(random: Random): string {
  const parts = Array.from({ length: 6 + below(random, 4) }, () => numberOf(random))
  if (parts.length > 5) parts[5] = 'broker-a'
  return parts.join(' ')
}

/** `v1 topic brokerName timestamp messageId`, or nearly so. */
function handleOf(random: Random): string {
  return ['v1', oneOf(random, topics), 'broker-a', numberOf(random), oneOf(random, groups)].join(' ')
}

function bodyOf(random: Random, source: RequestSample | undefined): Buffer {
  const body = source && below(random, 4) !== 0 ? source.body : oneOf(random, bodies)
  switch (below(random, 6)) {
    case 0:
      return Buffer.alloc(0)
    case 1:
      return withBytesChanged(random, body)
    case 2:
    case 3:
      return withTokensChanged(random, body)
    default:
      return body
  }
}

function oneOf<T>(random: Random, pool: readonly T[]): T {
  return pool[below(random, pool.length)] as T
}
