import { JsonFields, readInteger } from './json-fields.ts'

/** Tags of the messages in the revive log (PopAckConstants). */
export const PopTag = { CHECK_POINT: 'ck', ACK: 'ack', BATCH_ACK: 'bAck' } as const

/** Messages that one pop took from one queue: the body of a `ck` message (RocketMQ's PopCheckPoint). */
export interface PopCheckPoint {
  readonly group: string
  readonly topic: string
  readonly queueId: number
  /** Where the read began. */
  readonly startOffset: number
  /** Queue offsets of the messages, ascending. */
  readonly queueOffsets: readonly number[]
  /** Wall clock. */
  readonly popTimeMs: number
  readonly invisibleMs: number
}

/** Messages of a check point that are settled: the body of an `ack` or `bAck` message (AckMsg, BatchAckMsg). */
export type PopAck = Omit<PopCheckPoint, 'invisibleMs'>

/** Writes the body of a `ck` message; its fields in fastjson's order. */
export function encodePopCheckPoint(point: PopCheckPoint, brokerName: string): Buffer {
  const { group, invisibleMs, popTimeMs, queueId, queueOffsets, startOffset, topic } = point
  return Buffer.from(
    JSON.stringify({
      bm: 0,
      bn: brokerName,
      c: group,
      d: queueOffsets.map((offset) => offset - startOffset),
      it: invisibleMs,
      n: queueOffsets.length,
      pt: popTimeMs,
      q: queueId,
      ro: 0,
      so: startOffset,
      t: topic,
    }),
  )
}

/**
 * Reads the body of a `ck` message; those of old RocketMQ brokers only count their messages.
 * @throws MqError badBody
 */
export function decodePopCheckPoint(body: Buffer): PopCheckPoint {
  const fields = JsonFields.ofBody(body, 'check point')
  const startOffset = fields.integer('so')
  const diffs = fields.list('d', readInteger)
  const count = fields.int32('n', 0)
  const offsets = diffs.length > 0 ? diffs : Array.from({ length: Math.min(count, 127) }, (_, index) => index)
  return {
    group: fields.text('c'),
    topic: fields.text('t'),
    queueId: fields.int32('q', 0),
    startOffset,
    queueOffsets: offsets.map((diff) => startOffset + diff),
    popTimeMs: fields.integer('pt'),
    invisibleMs: fields.integer('it'),
  }
}

/** Writes the body of an `ack` message, for one offset, or a `bAck` message. */
export function encodePopAck(ack: PopAck, brokerName: string): Buffer {
  const [first = -1] = ack.queueOffsets
  const isBatch = ack.queueOffsets.length > 1
  return Buffer.from(
    JSON.stringify({
      ao: isBatch ? -1 : first,
      ...(isBatch && { aol: ack.queueOffsets }),
      bn: brokerName,
      c: ack.group,
      pt: ack.popTimeMs,
      q: ack.queueId,
      so: ack.startOffset,
      t: ack.topic,
    }),
  )
}

/** Reads the body of an `ack` or `bAck` message. @throws MqError badBody */
export function decodePopAck(body: Buffer): PopAck {
  const fields = JsonFields.ofBody(body, 'acknowledgement')
  const list = fields.list('aol', readInteger)
  return {
    group: fields.optionalText('c') ?? fields.text('consumerGroup'),
    topic: fields.optionalText('t') ?? fields.text('topic'),
    queueId: fields.optionalInteger('q') ?? fields.integer('queueId', 0),
    startOffset: fields.optionalInteger('so') ?? fields.integer('startOffset', 0),
    queueOffsets: list.length > 0 ? list : [fields.optionalInteger('ao') ?? fields.integer('ackOffset')],
    popTimeMs: fields.optionalInteger('pt') ?? fields.integer('popTime'),
  }
}
