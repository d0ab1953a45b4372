import type { Socket } from 'node:net'
import { dial, Publisher } from './publisher.ts'

const TOPIC = 'bench'
const [PRODUCE, METADATA] = [0, 3]
const METADATA_CORRELATION = -1
const ACKS_ALL = -1

/**
 * One record per Produce request: enough to see the first confirmed message. Kafka's throughput comes from its own
 * tool, because a fair client of Kafka batches.
 */
export class KafkaPublisher extends Publisher {
  readonly #body: Buffer

  private constructor(socket: Socket, body: Buffer) {
    super(socket)
    this.#body = body
  }

  /** Asks for the topic's metadata first, which creates the topic. */
  static async open(port: number, body: Buffer): Promise<KafkaPublisher> {
    const publisher = new KafkaPublisher(await dial(port), body)
    await publisher.request(
      request(METADATA, 4, METADATA_CORRELATION, [int32(1), string(TOPIC), Buffer.from([1])]),
    )
    return publisher
  }

  /** Produce v3: transactionalId null, acks, timeout, one topic, one partition, one record batch. */
  publish(id: number): void {
    const batch = recordBatch(this.#body)
    const head = [int16(-1), int16(ACKS_ALL), int32(10_000), int32(1), string(TOPIC), int32(1), int32(0)]
    this.write(request(PRODUCE, 3, id, [...head, int32(batch.length), batch]))
  }

  protected take(received: Buffer): number {
    let at = 0
    while (received.length - at >= 8) {
      const end = at + 4 + received.readInt32BE(at)
      if (received.length < end) break
      const correlation = received.readInt32BE(at + 4)
      if (correlation === METADATA_CORRELATION) this.replied()
      else {
        // correlation, topic count, name, partition count, partition: then the error code
        const errorAt = at + 8 + 4 + 2 + TOPIC.length + 4 + 4
        this.onAnswer(correlation, received.readInt16BE(errorAt) === 0)
      }
      at = end
    }
    return at
  }
}

/** A frame: length, api key, api version, correlation id, client id null, payload. */
function request(key: number, version: number, correlation: number, payload: readonly Buffer[]): Buffer {
  const bytes = Buffer.concat([int16(key), int16(version), int32(correlation), int16(-1), ...payload])
  return Buffer.concat([int32(bytes.length), bytes])
}

/** Record batch v2 of one record without key and headers. */
function recordBatch(body: Buffer): Buffer {
  const nowMs = int64(Date.now())
  const fields = [varint(0), varint(0), varint(-1), varint(body.length), body, varint(0)]
  const record = Buffer.concat([Buffer.from([0]), ...fields])
  const checked = Buffer.concat([
    ...[int16(0), int32(0), nowMs, nowMs, int64(-1), int16(-1), int32(-1), int32(1)],
    ...[varint(record.length), record],
  ])
  const crc = Buffer.alloc(4)
  crc.writeUInt32BE(crc32c(checked))
  const rest = Buffer.concat([int32(-1), Buffer.from([2]), crc, checked])
  return Buffer.concat([int64(0), int32(rest.length), rest])
}

function int16(value: number): Buffer {
  const bytes = Buffer.alloc(2)
  bytes.writeInt16BE(value)
  return bytes
}

function int32(value: number): Buffer {
  const bytes = Buffer.alloc(4)
  bytes.writeInt32BE(value)
  return bytes
}

function int64(value: number): Buffer {
  const bytes = Buffer.alloc(8)
  bytes.writeBigInt64BE(BigInt(value))
  return bytes
}

function string(text: string): Buffer {
  return Buffer.concat([int16(text.length), Buffer.from(text)])
}

/** Zigzag, seven bits a byte, least significant first. */
function varint(value: number): Buffer {
  const bytes: number[] = []
  let rest = value < 0 ? -2 * value - 1 : 2 * value
  for (; rest > 127; rest >>>= 7) bytes.push((rest & 127) | 128)
  return Buffer.from([...bytes, rest])
}

/** CRC-32C (Castagnoli), bit by bit: one record a run. */
function crc32c(bytes: Buffer): number {
  let crc = 0xffffffff
  for (const byte of bytes) {
    crc ^= byte
    for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ 0x82f63b78 : crc >>> 1
  }
  return (crc ^ 0xffffffff) >>> 0
}
