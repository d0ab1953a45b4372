import type { Socket } from 'node:net'
import { dial, Publisher } from './publisher.ts'

const QUEUE = 'bench'
const FRAME_END = 0xce
/** Frame types (AMQP 0-9-1 §4.2). */
const [METHOD, HEADER, BODY] = [1, 2, 3]
/** Type, channel and length before a frame's payload, the end mark behind it. */
const FRAME_BYTES = 8
/** Class and method in one number, as the specification lists them. */
const START = 10_010
const TUNE = 10_030
const OPEN_OK = 10_041
const CHANNEL_OPEN_OK = 20_011
const DECLARE_OK = 50_011
const SELECT_OK = 85_011
const ACK = 60_080
const [CONNECTION_CLOSE, CHANNEL_CLOSE] = [10_050, 20_040]

/** Publishes persistent messages to a durable queue (AMQP 0-9-1 with RabbitMQ's publisher confirms). */
export class AmqpPublisher extends Publisher {
  readonly #message: Buffer
  #awaited = START
  #published = 0
  /** Id of each message, by its delivery tag. */
  readonly #ids = new Map<number, number>()
  #firstUnconfirmed = 1

  private constructor(socket: Socket, body: Buffer) {
    super(socket)
    const publish = method(60, 40, int16(0), shortText(''), shortText(QUEUE), Buffer.of(0))
    // delivery mode 2: kept through a restart
    const header = Buffer.concat([
      int16(60),
      int16(0),
      int32(0),
      int32(body.length),
      int16(0x1000),
      Buffer.of(2),
    ])
    this.#message = Buffer.concat([frame(METHOD, 1, publish), frame(HEADER, 1, header), frame(BODY, 1, body)])
  }

  static async open(port: number, body: Buffer): Promise<AmqpPublisher> {
    const publisher = new AmqpPublisher(await dial(port), body)
    const login = [longText(''), shortText('PLAIN'), longText('\0guest\0guest'), shortText('en_US')]
    await publisher.#ask(Buffer.from('AMQP\0\0\x09\x01', 'latin1'), START)
    await publisher.#ask(frame(METHOD, 0, method(10, 11, ...login)), TUNE)
    const tuned = frame(METHOD, 0, method(10, 31, int16(2047), int32(131_072), int16(0)))
    const opened = frame(METHOD, 0, method(10, 40, shortText('/'), Buffer.of(0, 0)))
    await publisher.#ask(Buffer.concat([tuned, opened]), OPEN_OK)
    await publisher.#ask(frame(METHOD, 1, method(20, 10, Buffer.of(0))), CHANNEL_OPEN_OK)
    const durable = 2
    const declared = method(50, 10, int16(0), shortText(QUEUE), Buffer.of(durable), int32(0))
    await publisher.#ask(frame(METHOD, 1, declared), DECLARE_OK)
    await publisher.#ask(frame(METHOD, 1, method(85, 10, Buffer.of(0))), SELECT_OK)
    return publisher
  }

  publish(id: number): void {
    this.#ids.set(++this.#published, id)
    this.write(this.#message)
  }

  protected take(received: Buffer): number {
    let at = 0
    while (received.length - at >= FRAME_BYTES) {
      const end = at + FRAME_BYTES + received.readUInt32BE(at + 3)
      if (received.length < end) break
      if (received[at] === METHOD) this.#method(received.subarray(at + 7, end - 1))
      at = end
    }
    return at
  }

  #method(payload: Buffer): void {
    const name = payload.readUInt16BE(0) * 1000 + payload.readUInt16BE(2)
    if (name === ACK) this.#confirmed(Number(payload.readBigUInt64BE(4)), payload[12] === 1)
    else if (name === this.#awaited) this.replied()
    else if (name === CONNECTION_CLOSE || name === CHANNEL_CLOSE) this.close()
  }

  /** @param isMultiple whether all before it are confirmed as well */
  #confirmed(tag: number, isMultiple: boolean): void {
    for (let each = isMultiple ? this.#firstUnconfirmed : tag; each <= tag; each++) {
      const id = this.#ids.get(each)
      if (id === undefined) continue
      this.#ids.delete(each)
      this.onAnswer(id, true)
    }
    if (isMultiple) this.#firstUnconfirmed = tag + 1
  }

  async #ask(bytes: Buffer, answer: number): Promise<void> {
    this.#awaited = answer
    await this.request(bytes)
  }
}

function frame(type: number, channel: number, payload: Buffer): Buffer {
  return Buffer.concat([
    Buffer.of(type),
    int16(channel),
    int32(payload.length),
    payload,
    Buffer.of(FRAME_END),
  ])
}

function method(classId: number, id: number, ...fields: readonly Buffer[]): Buffer {
  return Buffer.concat([int16(classId), int16(id), ...fields])
}

function shortText(text: string): Buffer {
  return Buffer.concat([Buffer.of(text.length), Buffer.from(text)])
}

function longText(text: string): Buffer {
  return Buffer.concat([int32(text.length), Buffer.from(text)])
}

function int16(value: number): Buffer {
  const bytes = Buffer.alloc(2)
  bytes.writeUInt16BE(value)
  return bytes
}

function int32(value: number): Buffer {
  const bytes = Buffer.alloc(4)
  bytes.writeUInt32BE(value)
  return bytes
}
