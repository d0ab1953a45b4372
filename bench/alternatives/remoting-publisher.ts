import type { Socket } from 'node:net'
import { remotingFrame, sendHeader } from '../peer/remoting.ts'
import { dial, Publisher } from './publisher.ts'

const TOPIC = 'bench_alternatives'
const QUEUES = 4
/** Opaques have as many digits as this, so that a frame is copied and only digits change. */
const FIRST_OPAQUE = 1_000_000_000
const CODE = Buffer.from('"code":')
const DIGIT_0 = 48
const OPAQUE = Buffer.from('"opaque":')

/** Publishes to a broker of RocketMQ's protocol by SEND_MESSAGE_V2; the answer is the confirmation. */
export class RemotingPublisher extends Publisher {
  readonly #frames: Buffer[] = []
  readonly #opaqueAt: number

  private constructor(socket: Socket, body: Buffer) {
    super(socket)
    for (let queueId = 0; queueId < QUEUES; queueId++) {
      this.#frames.push(remotingFrame(sendHeader(TOPIC, queueId, FIRST_OPAQUE), body))
    }
    this.#opaqueAt = (this.#frames[0] ?? body).indexOf(OPAQUE) + OPAQUE.length
  }

  static async open(port: number, body: Buffer): Promise<RemotingPublisher> {
    return new RemotingPublisher(await dial(port), body)
  }

  publish(id: number): void {
    const frame = Buffer.from(this.#frames[id % QUEUES] ?? [])
    frame.write(String(FIRST_OPAQUE + id), this.#opaqueAt, 'latin1')
    this.write(frame)
  }

  protected take(received: Buffer): number {
    let at = 0
    while (received.length - at >= 8) {
      const end = at + 4 + received.readUInt32BE(at)
      if (received.length < end) break
      const header = received.subarray(at + 8, at + 8 + received.readUIntBE(at + 5, 3))
      const opaqueAt = header.indexOf(OPAQUE) + OPAQUE.length
      const opaque = Number(header.toString('latin1', opaqueAt, opaqueAt + 10))
      this.onAnswer(opaque - FIRST_OPAQUE, header[header.indexOf(CODE) + CODE.length] === DIGIT_0)
      at = end
    }
    return at
  }
}
