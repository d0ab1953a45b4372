import { MqError } from '../base/errors.ts'

const VERSION = 'v1'

/** By what a timer message can be recalled (RocketMQ 5.x RecallMessageHandle). */
export interface RecallHandle {
  readonly topic: string
  readonly brokerName: string
  /** A time in the second in which the message falls due, ms since 1970. */
  readonly deliverMs: number
  /** The message's unique key. */
  readonly messageId: string
}

/** URL-safe Base64, padded, of `v1 topic broker time id`. */
export function recallHandleText({ topic, brokerName, deliverMs, messageId }: RecallHandle): string {
  const text = [VERSION, topic, brokerName, deliverMs, messageId].join(' ')
  return Buffer.from(text).toString('base64').replaceAll('+', '-').replaceAll('/', '_')
}

/** @throws MqError badHandle when the text is no handle */
export function parseRecallHandle(text: string): RecallHandle {
  const [version, topic = '', brokerName = '', time = '', messageId = ''] = Buffer.from(text, 'base64url')
    .toString()
    .split(' ')
  if (version !== VERSION || messageId === '') throw new MqError('badHandle', 'recall handle is invalid')
  // a time that cannot be read is one that has passed
  return { topic, brokerName, deliverMs: /^\d{1,15}$/.test(time) ? Number(time) : -1, messageId }
}
