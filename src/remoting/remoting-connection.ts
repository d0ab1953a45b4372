import { MqError, messageOf } from '../base/errors.ts'
import type { Clock, Connection, ConnectionEvents, Endpoint, Logger } from '../base/host.ts'
import type { Turn } from '../base/turn.ts'
import { FRAME_LENGTH_MAX, FrameReader, HEADER_BYTES_MAX, SerializeType } from '../protocol/frame.ts'
import type { HeaderScan } from '../protocol/header-scan.ts'
import { Language } from '../protocol/language.ts'
import {
  type CommandParts,
  commandOf,
  encodeCommand,
  type RemotingCommand,
} from '../protocol/remoting-command.ts'
import type { Peer, Reply } from '../protocol/request.ts'
import { ResponseCode } from '../protocol/response-code.ts'
import type { RequestSigner } from '../protocol/signature.ts'
import type { BufferPool } from './buffer-pool.ts'
import { Output } from './output.ts'
import { PendingRequests, type ResponseListener } from './pending-requests.ts'

/** Most bytes of an answer's body: it goes into a frame with any header. */
const ANSWER_BODY_BYTES_MAX = FRAME_LENGTH_MAX - HEADER_BYTES_MAX

/** Caps of one connection (reliability rules against hostile input). */
export interface ConnectionLimits {
  /** Most bytes behind the length field of a frame. */
  readonly frameLengthMax: number
  /** Requests under way above which nothing is read; those that wait for messages do not count. */
  readonly inFlightMax: number
  /** Bytes of the frames that came while any request was under way, above which nothing is read until all are answered. */
  readonly inFlightBytesMax: number
  /** Bytes that the peer does not read above which nothing is read from it; at twice as many it is closed. */
  readonly unreadBytesMax: number
}

export const CONNECTION_LIMITS: ConnectionLimits = {
  frameLengthMax: 16_777_216,
  inFlightMax: 4096,
  inFlightBytesMax: 16 * 1024 * 1024,
  unreadBytesMax: 8 * 1024 * 1024,
}

/** Where a connection takes the requests that come in. */
export interface RequestSink {
  /**
   * Handles the request whose header was just scanned, and answers it through the connection, now or later.
   * @throws MqError badFrame, badHeader when the connection is to be closed
   */
  dispatch(connection: RemotingConnection, header: HeaderScan, bodyAt: number, bodyEnd: number): void
}

/** What all connections of one end share. */
export interface RemotingParts {
  readonly clock: Clock
  readonly turn: Turn
  readonly log: Logger
  readonly pool: BufferPool
  /** One for all: a header is handled before the next is read. */
  readonly scan: HeaderScan
  readonly dispatcher: RequestSink
  readonly limits: ConnectionLimits
  /** Number of the language that requests which go out say they are written in; Java's by default. */
  readonly language?: number | undefined
  /** Signs the requests that go out; none is signed without it. */
  readonly signer?: RequestSigner | undefined
}

/**
 * A connection that carries RocketMQ frames, for either end: requests come in and are answered, requests of
 * our own go out and their responses are matched. All that is written in one turn leaves in one write.
 */
export class RemotingConnection implements Peer {
  readonly id: number
  readonly address: string
  readonly remote: Endpoint
  readonly local: Endpoint
  /** What is to be sent; call `markDirty` after writing to it. */
  readonly output: Output
  /** How the peer wrote its last frame; it is answered alike. */
  serializeType: number = SerializeType.JSON
  /** Number of the peer's language, and ordinal of its release, from its last request. */
  language: number = Language.JAVA
  version = 0
  /** Monotonic time of the last bytes read, or handed over. */
  lastActiveMs: number
  /** For the handlers of one door: what it knows about this peer. */
  attachment: object | undefined
  readonly #parts: RemotingParts
  readonly #connection: Connection
  readonly #reader: FrameReader
  readonly #pending: PendingRequests
  readonly #onClosed: (connection: RemotingConnection) => void
  #nextOpaque = 0
  #inFlight = 0
  #inFlightBytes = 0
  #isDirty = false
  #isPaused = false
  /** Set where no more requests are taken: called when those under way are answered, or the connection is lost. */
  #onFinished: (() => void) | undefined
  #isClosed = false
  #frameBeganMs = 0
  #writtenCallbacks: (() => void)[] = []

  constructor(
    id: number,
    connection: Connection,
    parts: RemotingParts,
    onClosed: (connection: RemotingConnection) => void,
  ) {
    this.id = id
    this.#connection = connection
    this.#parts = parts
    this.#onClosed = onClosed
    this.remote = connection.remote
    this.local = connection.local
    this.address = `${connection.remote.host}:${connection.remote.port}`
    this.output = new Output(parts.pool)
    this.lastActiveMs = parts.clock.monoMs()
    this.#reader = new FrameReader(parts.limits.frameLengthMax)
    this.#pending = new PendingRequests(parts.clock)
    const events: ConnectionEvents = {
      data: (chunk) => this.#data(chunk),
      drained: () => this.#drained(),
      closed: (error) => this.#closed(error),
    }
    connection.start(events)
  }

  get isClosed(): boolean {
    return this.#isClosed
  }

  /** Bytes that were sent and that the kernel has not taken. */
  get unsentBytes(): number {
    return this.output.bytes + this.#connection.bufferedBytes
  }

  /** Monotonic time since which a frame has been incomplete; undefined while none is. */
  get frameBeganMs(): number | undefined {
    return this.#reader.restBytes > 0 ? this.#frameBeganMs : undefined
  }

  /** A request was taken whose answer comes later. */
  began(): void {
    this.#inFlight++
  }

  /** A request that `began` has been answered. */
  ended(): void {
    this.#inFlight--
    if (this.#inFlight === 0) this.#inFlightBytes = 0
    if (this.#onFinished) this.#finishIfAnswered()
    else if (this.#isPaused) this.#resumeIfPossible()
  }

  /** Answers a request. */
  reply(opaque: number, reply: Reply): void {
    const { code = ResponseCode.SUCCESS, remark, extFields, body } = fitting(reply)
    this.send({
      code,
      opaque,
      flag: 1,
      ...(remark !== undefined && { remark }),
      ...(extFields && { extFields }),
      ...(body && { body }),
    })
  }

  /** Sends a command as it is, in the form that the peer uses. */
  send(command: CommandParts): void {
    if (this.#isClosed) return
    this.output.append(encodeCommand(command, this.serializeType))
    this.markDirty()
  }

  /** Sends a request; the listener hears of its response, its time-out or the loss of the connection. */
  request(command: Omit<CommandParts, 'opaque'>, timeoutMs: number, listener: ResponseListener): void {
    if (this.#isClosed) {
      listener.failed(new MqError('connectionLost', `the connection to ${this.address} is closed`))
      return
    }
    const opaque = this.expectResponse(timeoutMs, listener)
    try {
      this.send(this.#ours({ ...command, opaque }))
    } catch (error) {
      this.#pending.forget(opaque)
      throw error
    }
  }

  /**
   * Begins a request whose frame the caller writes into `output` himself, in this turn; the connection must
   * not be closed.
   * @returns the opaque number that the frame must carry
   */
  expectResponse(timeoutMs: number, listener: ResponseListener): number {
    const opaque = this.takeOpaque()
    this.#pending.add(opaque, timeoutMs, listener)
    return opaque
  }

  /** As `request`. @throws MqError timeout, connectionLost */
  invoke(command: Omit<CommandParts, 'opaque'>, timeoutMs: number): Promise<RemotingCommand> {
    return new Promise((resolve, failed) =>
      this.request(command, timeoutMs, {
        answered: (header, bodyAt, bodyEnd) =>
          resolve(commandOf(header, Buffer.from(header.buffer.subarray(bodyAt, bodyEnd)))),
        failed,
      }),
    )
  }

  /** Sends a request that gets no response. */
  sendOneway(command: Omit<CommandParts, 'opaque' | 'flag'>): void {
    this.send(this.#ours({ ...command, opaque: this.takeOpaque(), flag: 2 }))
  }

  /**
   * Calls back once the kernel has taken all that was sent so far, or the connection is closed: never within
   * this call.
   */
  whenWritten(callback: () => void): void {
    this.#writtenCallbacks.push(callback)
    this.markDirty()
  }

  /** `output` has bytes: they leave at the end of this turn. */
  markDirty(): void {
    if (this.#isDirty) return
    this.#isDirty = true
    this.#parts.turn.atSend(this.#flush)
  }

  /** Takes no more requests, and ends when those under way are answered; pulls that wait for messages are not. */
  finish(): Promise<void> {
    this.#connection.pause()
    return new Promise((resolve) => {
      this.#onFinished = () => {
        this.end()
        resolve()
      }
      if (this.#inFlight === 0) this.#onFinished()
    })
  }

  /** Sends what is there, then closes. */
  end(): void {
    if (this.#isClosed) return
    this.#flush()
    this.#connection.end()
  }

  /** Closes at once. */
  destroy(): void {
    this.#connection.destroy()
  }

  /** A request of our own, with who we are. */
  #ours(command: CommandParts): CommandParts {
    const { language, signer } = this.#parts
    return {
      ...command,
      ...(language !== undefined && { language }),
      ...(signer && { extFields: signer.signed(command.extFields, command.body) }),
    }
  }

  #data(chunk: Buffer): void {
    const nowMs = this.#parts.clock.monoMs()
    this.lastActiveMs = nowMs
    if (this.#reader.restBytes === 0) this.#frameBeganMs = nowMs
    this.#reader.push(chunk)
    this.#readFrames()
  }

  /** An answer is written in the turn in which its request ends, before or after that. */
  #finishIfAnswered(): void {
    if (this.#inFlight === 0 && this.#onFinished) this.#parts.turn.atSend(this.#onFinished)
  }

  #drained(): void {
    if (this.#connection.bufferedBytes === 0) this.output.drained()
    this.#resumeIfPossible()
    this.#callWritten()
  }

  #readFrames(): void {
    const reader = this.#reader
    try {
      while (!this.#isFull()) {
        if (!reader.next()) return
        // what follows of this chunk began to come now: a peer always in the middle of a frame is not slow
        this.#frameBeganMs = this.lastActiveMs
        this.#handleFrame()
      }
      this.#isPaused = true
      reader.hold()
      this.#connection.pause()
    } catch (error) {
      this.#parts.log.warn(
        { peer: this.address, error: messageOf(error) },
        'connection closed: it sent what is no frame',
      )
      this.destroy()
    }
  }

  #handleFrame(): void {
    const reader = this.#reader
    const { scan, dispatcher } = this.#parts
    scan.read(reader.buffer, reader.headerAt, reader.headerEnd, reader.serializeType)
    this.serializeType = reader.serializeType
    if (scan.isResponse) {
      this.#pending.answered(scan, reader.headerEnd, reader.bodyEnd)
      return
    }
    this.language = scan.language
    this.version = scan.version
    const bytes = reader.bodyEnd - reader.headerAt
    dispatcher.dispatch(this, scan, reader.headerEnd, reader.bodyEnd)
    if (this.#inFlight > 0) this.#inFlightBytes += bytes
  }

  /** Whether more requests would be more than this peer may have under way. */
  #isFull(): boolean {
    const { limits } = this.#parts
    return (
      this.#inFlight >= limits.inFlightMax ||
      this.#inFlightBytes > limits.inFlightBytesMax ||
      this.unsentBytes > limits.unreadBytesMax ||
      this.#onFinished !== undefined ||
      this.#isClosed
    )
  }

  /** Goes on at half of the caps, so that a connection at its caps does not stop and go with every answer. */
  #resumeIfPossible(): void {
    const { inFlightMax, inFlightBytesMax, unreadBytesMax } = this.#parts.limits
    if (!this.#isPaused || this.#isClosed || this.#onFinished || this.#inFlightBytes > inFlightBytesMax)
      return
    if (this.#inFlight > inFlightMax / 2 || this.unsentBytes > unreadBytesMax / 2) return
    this.#isPaused = false
    this.#readFrames()
    if (!this.#isPaused) this.#connection.resume()
  }

  readonly #flush = (): void => {
    this.#isDirty = false
    if (this.#isClosed) {
      this.#callWritten()
      return
    }
    this.lastActiveMs = this.#parts.clock.monoMs()
    this.output.flush(this.#connection)
    if (this.#connection.bufferedBytes > 2 * this.#parts.limits.unreadBytesMax) {
      this.#parts.log.warn(
        { peer: this.address, bytes: this.#connection.bufferedBytes },
        'connection closed: it does not read',
      )
      this.destroy()
    }
    // when the kernel took all at once, no `drained` follows
    this.#drained()
  }

  #callWritten(): void {
    if (this.#writtenCallbacks.length === 0 || (!this.#isClosed && this.unsentBytes > 0)) return
    const callbacks = this.#writtenCallbacks
    this.#writtenCallbacks = []
    for (const callback of callbacks) callback()
  }

  #closed(error: Error | undefined): void {
    if (this.#isClosed) return
    this.#isClosed = true
    this.#pending.failAll(
      new MqError('connectionLost', `the connection to ${this.address} was lost`, { cause: error }),
    )
    this.#callWritten()
    this.#onFinished?.()
    this.#onClosed(this)
  }

  /** The number of a request of our own. */
  takeOpaque(): number {
    this.#nextOpaque = (this.#nextOpaque + 1) & 0x7fffffff
    return this.#nextOpaque
  }
}

/** An answer that no peer would read, as frames have their limit on the other side too, becomes a refusal. */
function fitting(reply: Reply): Reply {
  const bytes = reply.body?.length ?? 0
  if (bytes <= ANSWER_BODY_BYTES_MAX) return reply
  const remark = `an answer of ${bytes} bytes, more than ${ANSWER_BODY_BYTES_MAX}`
  return { code: ResponseCode.SYSTEM_ERROR, remark }
}
