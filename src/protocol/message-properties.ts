import { MqError } from '../base/errors.ts'

/**
 * Names of the properties that RocketMQ's brokers and clients give a meaning to, by the name on the wire
 * where it allows.
 */
export const PropertyName = {
  KEYS: 'KEYS',
  TAGS: 'TAGS',
  WAIT: 'WAIT',
  DELAY: 'DELAY',
  RETRY_TOPIC: 'RETRY_TOPIC',
  REAL_TOPIC: 'REAL_TOPIC',
  REAL_QID: 'REAL_QID',
  TRAN_MSG: 'TRAN_MSG',
  PGROUP: 'PGROUP',
  MIN_OFFSET: 'MIN_OFFSET',
  MAX_OFFSET: 'MAX_OFFSET',
  BUYER_ID: 'BUYER_ID',
  ORIGIN_MESSAGE_ID: 'ORIGIN_MESSAGE_ID',
  TRANSFER_FLAG: 'TRANSFER_FLAG',
  CORRECTION_FLAG: 'CORRECTION_FLAG',
  MQ2_FLAG: 'MQ2_FLAG',
  RECONSUME_TIME: 'RECONSUME_TIME',
  MSG_REGION: 'MSG_REGION',
  TRACE_ON: 'TRACE_ON',
  UNIQ_KEY: 'UNIQ_KEY',
  EXTEND_UNIQ_INFO: 'EXTEND_UNIQ_INFO',
  MAX_RECONSUME_TIMES: 'MAX_RECONSUME_TIMES',
  CONSUME_START_TIME: 'CONSUME_START_TIME',
  INNER_NUM: 'INNER_NUM',
  INNER_BASE: 'INNER_BASE',
  DUP_INFO: 'DUP_INFO',
  CHECK_IMMUNITY_TIME_IN_SECONDS: 'CHECK_IMMUNITY_TIME_IN_SECONDS',
  TRAN_PREPARED_QUEUE_OFFSET: 'TRAN_PREPARED_QUEUE_OFFSET',
  TRANSACTION_ID: '__transactionId__',
  TRANSACTION_CHECK_TIMES: 'TRANSACTION_CHECK_TIMES',
  INSTANCE_ID: 'INSTANCE_ID',
  CORRELATION_ID: 'CORRELATION_ID',
  REPLY_TO_CLIENT: 'REPLY_TO_CLIENT',
  TTL: 'TTL',
  ARRIVE_TIME: 'ARRIVE_TIME',
  PUSH_REPLY_TIME: 'PUSH_REPLY_TIME',
  CLUSTER: 'CLUSTER',
  MSG_TYPE: 'MSG_TYPE',
  POP_CK: 'POP_CK',
  POP_CK_OFFSET: 'POP_CK_OFFSET',
  FIRST_POP_TIME: '1ST_POP_TIME',
  SHARDING_KEY: '__SHARDINGKEY',
  FORWARD_QUEUE_ID: 'PROPERTY_FORWARD_QUEUE_ID',
  REDIRECT: 'REDIRECT',
  INNER_MULTI_DISPATCH: 'INNER_MULTI_DISPATCH',
  INNER_MULTI_QUEUE_OFFSET: 'INNER_MULTI_QUEUE_OFFSET',
  TRACE_CONTEXT: 'TRACE_CONTEXT',
  TIMER_DELAY_SEC: 'TIMER_DELAY_SEC',
  TIMER_DELAY_MS: 'TIMER_DELAY_MS',
  TIMER_DELIVER_MS: 'TIMER_DELIVER_MS',
  TIMER_ENQUEUE_MS: 'TIMER_ENQUEUE_MS',
  TIMER_DEQUEUE_MS: 'TIMER_DEQUEUE_MS',
  TIMER_ROLL_TIMES: 'TIMER_ROLL_TIMES',
  TIMER_OUT_MS: 'TIMER_OUT_MS',
  TIMER_DEL_UNIQKEY: 'TIMER_DEL_UNIQKEY',
  TIMER_DELAY_LEVEL: 'TIMER_DELAY_LEVEL',
  BORN_HOST: '__BORNHOST',
  BORN_TIMESTAMP: 'BORN_TIMESTAMP',
  CRC32: '__CRC32#',
  DLQ_ORIGIN_TOPIC: 'DLQ_ORIGIN_TOPIC',
  DLQ_ORIGIN_MESSAGE_ID: 'DLQ_ORIGIN_MESSAGE_ID',
} as const

/** Stands between a property's name and its value. */
export const NAME_VALUE_SEPARATOR = '\u0001'

/** Ends a property; the last one may go without. */
export const PROPERTY_SEPARATOR = '\u0002'

/** The shortest property: a character of name, the separator, a character of value. */
const PROPERTY_LENGTH_MIN = 3

/**
 * Reads a property text as RocketMQ's MessageDecoder does: of duplicate names the last wins, properties
 * without a name or a value vanish, the end of the text ends a property too.
 */
export function parseProperties(text: string): Map<string, string> {
  const properties = new Map<string, string>()
  let separatorAt = -1
  for (let at = 0; at < text.length; ) {
    let end = text.indexOf(PROPERTY_SEPARATOR, at)
    if (end < 0) end = text.length
    if (end - at >= PROPERTY_LENGTH_MIN) {
      // A separator found further on is kept: looking for it again at every property would be quadratic.
      if (separatorAt < at) separatorAt = text.indexOf(NAME_VALUE_SEPARATOR, at)
      if (separatorAt < 0) break
      if (separatorAt > at && separatorAt < end - 1) {
        properties.set(text.slice(at, separatorAt), text.slice(separatorAt + 1, end))
      }
    }
    at = end + 1
  }
  return properties
}

/**
 * Writes properties in the order of the map, each ended by its separator.
 * @throws MqError messageIllegal when a name or a value holds one of the separators
 */
export function propertiesText(properties: Iterable<readonly [string, string]>): string {
  let text = ''
  for (const [name, value] of properties) {
    if (hasSeparator(name) || hasSeparator(value)) {
      throw new MqError('messageIllegal', `property ${JSON.stringify(name)} holds a separator character`)
    }
    text += name + NAME_VALUE_SEPARATOR + value + PROPERTY_SEPARATOR
  }
  return text
}

function hasSeparator(text: string): boolean {
  return text.includes(NAME_VALUE_SEPARATOR) || text.includes(PROPERTY_SEPARATOR)
}
