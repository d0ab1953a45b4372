import { connect, type Socket } from 'node:net'
import { remotingFrame } from './remoting.ts'

/** An answer as it came. */
export interface StreamedAnswer {
  readonly code: number
  readonly opaque: number
  readonly remark?: string
  readonly extFields?: Readonly<Record<string, string>>
}

/** A raw connection on which requests are written one behind the other, and answers heard of as they come. */
export class FrameStream {
  readonly #socket: Socket
  readonly #onAnswer: (answer: StreamedAnswer, body: Buffer) => void
  #received: Buffer = Buffer.alloc(0)

  private constructor(socket: Socket, onAnswer: (answer: StreamedAnswer, body: Buffer) => void) {
    this.#socket = socket
    this.#onAnswer = onAnswer
    socket.on('data', (chunk: Buffer) => this.#take(chunk))
  }

  /** @throws Error when nobody accepts; a connection that is lost later ends the program */
  static open(port: number, onAnswer: (answer: StreamedAnswer, body: Buffer) => void): Promise<FrameStream> {
    return new Promise((resolve, reject) => {
      const socket = connect({ host: '127.0.0.1', port, noDelay: true })
      socket.once('error', reject)
      socket.once('connect', () => resolve(new FrameStream(socket, onAnswer)))
    })
  }

  write(header: object, body: Buffer = Buffer.alloc(0)): void {
    this.#socket.write(remotingFrame(header, body))
  }

  close(): void {
    this.#socket.destroy()
  }

  #take(chunk: Buffer): void {
    this.#received = this.#received.length > 0 ? Buffer.concat([this.#received, chunk]) : chunk
    let at = 0
    while (this.#received.length - at >= 4) {
      const end = at + 4 + this.#received.readUInt32BE(at)
      if (end > this.#received.length) break
      const headerEnd = at + 8 + this.#received.readUIntBE(at + 5, 3)
      const header: StreamedAnswer = JSON.parse(this.#received.toString('utf8', at + 8, headerEnd))
      this.#onAnswer(header, this.#received.subarray(headerEnd, end))
      at = end
    }
    this.#received = this.#received.subarray(at)
  }
}
