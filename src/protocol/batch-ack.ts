import { MqError } from '../base/errors.ts'
import { fastJsonBytes } from './fastjson-writer.ts'
import { CLIENT_BODY_BYTES_MAX, JsonFields } from './json-fields.ts'

/** Acknowledges messages that one pop took from one queue: an entry of BATCH_ACK_MESSAGE's body. */
export interface BatchAck {
  readonly consumerGroup: string
  /** Without the prefix of a retry topic. */
  readonly topic: string
  /** Where the messages came from (`PopOrigin`). */
  readonly origin: string
  readonly startOffset: number
  readonly queueId: number
  readonly reviveQueueId: number
  readonly popTimeMs: number
  readonly invisibleMs: number
  /** How far behind `startOffset` the messages stand, ascending. */
  readonly offsetDiffs: readonly number[]
}

/** Bytes of the bit set: a pop looks at far fewer entries of a queue. */
const BIT_SET_BYTES_MAX = 8192

/** Writes the body of BATCH_ACK_MESSAGE. */
export function encodeBatchAcks(brokerName: string, acks: readonly BatchAck[]): Buffer {
  return fastJsonBytes({
    acks: acks.map((ack) => ({
      b: bitSetOf(ack.offsetDiffs).toString('base64'),
      c: ack.consumerGroup,
      it: ack.invisibleMs,
      pt: ack.popTimeMs,
      q: ack.queueId,
      r: ack.origin,
      rq: ack.reviveQueueId,
      so: ack.startOffset,
      t: ack.topic,
    })),
    brokerName,
  })
}

/**
 * Reads the body of BATCH_ACK_MESSAGE, whose entries have short names or long ones.
 * @throws MqError badBody when a field is missing or of another type
 */
export function decodeBatchAcks(body: Buffer): BatchAck[] {
  return JsonFields.ofBody(body, 'batch ack', CLIENT_BODY_BYTES_MAX).objects('acks', (fields) => ({
    consumerGroup: fields.optionalText('c') ?? fields.text('consumerGroup'),
    topic: fields.optionalText('t') ?? fields.text('topic'),
    origin: fields.optionalText('r') ?? fields.text('retry'),
    startOffset: fields.optionalInteger('so') ?? fields.integer('startOffset'),
    queueId: fields.optionalInteger('q') ?? fields.integer('queueId'),
    reviveQueueId: fields.optionalInteger('rq') ?? fields.integer('reviveQueueId'),
    popTimeMs: fields.optionalInteger('pt') ?? fields.integer('popTime'),
    invisibleMs: fields.optionalInteger('it') ?? fields.integer('invisibleTime'),
    offsetDiffs: bitsOf(fields.optionalText('b') ?? fields.text('bitSet')),
  }))
}

/** Java's BitSet.toByteArray: bit i is bit i % 8 of byte i / 8. */
function bitSetOf(bits: readonly number[]): Buffer {
  const bytes = Buffer.alloc(Math.floor(Math.max(-1, ...bits) / 8) + 1)
  for (const bit of bits) bytes[bit >> 3] = (bytes[bit >> 3] ?? 0) | (1 << (bit & 7))
  return bytes
}

function bitsOf(base64: string): number[] {
  const bytes = Buffer.from(base64, 'base64')
  if (bytes.length > BIT_SET_BYTES_MAX)
    throw new MqError('badBody', `batch ack: a bit set of ${bytes.length} bytes`)
  const bits: number[] = []
  bytes.forEach((byte, index) => {
    for (let bit = 0; bit < 8; bit++) if ((byte & (1 << bit)) !== 0) bits.push(index * 8 + bit)
  })
  return bits
}
