import { fastJsonBytes } from './fastjson-writer.ts'
import { JsonFields } from './json-fields.ts'

/** What a listener made of a message. */
export const consumeResults = [
  'CR_SUCCESS',
  'CR_LATER',
  'CR_ROLLBACK',
  'CR_COMMIT',
  'CR_THROW_EXCEPTION',
  'CR_RETURN_NULL',
] as const

/**
 * How a client fared with one message it was told to consume: the body of CONSUME_MESSAGE_DIRECTLY's answer.
 */
export interface ConsumeMessageDirectlyResult {
  readonly order: boolean
  readonly autoCommit: boolean
  readonly consumeResult: (typeof consumeResults)[number]
  readonly remark?: string
  /** RocketMQ's spelling: milliseconds. */
  readonly spentTimeMills: number
}

/** Writes the answer of CONSUME_MESSAGE_DIRECTLY. */
export function encodeConsumeResult(result: ConsumeMessageDirectlyResult): Buffer {
  const { autoCommit, consumeResult, order, remark, spentTimeMills } = result
  return fastJsonBytes({ autoCommit, consumeResult, order, remark, spentTimeMills })
}

/** @throws MqError badBody when a field is missing or of another type */
export function decodeConsumeResult(body: Buffer): ConsumeMessageDirectlyResult {
  const fields = JsonFields.ofBody(body, 'consume result')
  const remark = fields.optionalText('remark')
  return {
    order: fields.flag('order', false),
    autoCommit: fields.flag('autoCommit', true),
    consumeResult: fields.word('consumeResult', consumeResults),
    spentTimeMills: fields.integer('spentTimeMills', 0),
    ...(remark === undefined ? {} : { remark }),
  }
}
