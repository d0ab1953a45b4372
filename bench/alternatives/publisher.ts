import { connect, type Socket } from 'node:net'

/** Told of every message that the server confirmed (`stored`) or refused. */
export type OnAnswer = (id: number, stored: boolean) => void

const REPLY_MS_MAX = 3000

/**
 * One connection that publishes messages of one size and hears their confirmations: raw sockets, so that the load is
 * light and alike whatever the protocol. What is published in one turn of the event loop leaves in one write.
 */
export abstract class Publisher {
  readonly #socket: Socket
  #received: Buffer = Buffer.alloc(0)
  #outgoing: Buffer[] = []
  #reply: { resolve: () => void; reject: (error: Error) => void } | undefined
  #isClosed = false
  onAnswer: OnAnswer = () => {}

  protected constructor(socket: Socket) {
    this.#socket = socket
    socket.on('data', (chunk: Buffer) => {
      this.#received = this.#received.length > 0 ? Buffer.concat([this.#received, chunk]) : chunk
      this.#received = this.#received.subarray(this.take(this.#received))
    })
    socket.on('close', () => {
      this.#isClosed = true
      this.#reply?.reject(new Error('the connection was lost'))
    })
    socket.on('error', () => {}) // 'close' follows
  }

  get isClosed(): boolean {
    return this.#isClosed
  }

  /** Publishes the message; `onAnswer` will get its id. */
  abstract publish(id: number): void

  /** Reads whole answers off the buffer and returns the bytes they took. */
  protected abstract take(received: Buffer): number

  close(): void {
    this.#socket.destroy()
  }

  protected write(bytes: Buffer): void {
    if (this.#outgoing.length === 0) setImmediate(() => this.#flush())
    this.#outgoing.push(bytes)
  }

  /** Waits until the subclass calls `replied`. */
  protected async request(bytes: Buffer): Promise<void> {
    this.write(bytes)
    await new Promise<void>((resolve, reject) => {
      const timer = setTimeout(() => reject(new Error('no reply')), REPLY_MS_MAX)
      this.#reply = { resolve, reject }
      this.#socket.once('close', () => clearTimeout(timer))
      this.#reply.resolve = () => {
        clearTimeout(timer)
        resolve()
      }
    })
  }

  protected replied(): void {
    this.#reply?.resolve()
  }

  #flush(): void {
    const outgoing = this.#outgoing
    this.#outgoing = []
    if (!this.#isClosed) this.#socket.write(Buffer.concat(outgoing))
  }
}

/** Publishes one message and waits for its confirmation. @throws Error when it is refused or there is none in time */
export function publishOne(publisher: Publisher): Promise<void> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error('no confirmation')), REPLY_MS_MAX)
    publisher.onAnswer = (_id, stored) => {
      clearTimeout(timer)
      if (stored) resolve()
      else reject(new Error('the message was refused'))
    }
    publisher.publish(1)
  })
}

/** @throws Error when nobody accepts */
export function dial(port: number): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host: '127.0.0.1', port, noDelay: true })
    socket.once('error', reject)
    socket.once('connect', () => resolve(socket))
  })
}
