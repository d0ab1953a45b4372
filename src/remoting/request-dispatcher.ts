import { MqError, messageOf } from '../base/errors.ts'
import type { Logger } from '../base/host.ts'
import { ClientVersion } from '../protocol/client-version.ts'
import type { HeaderScan } from '../protocol/header-scan.ts'
import { commandOf } from '../protocol/remoting-command.ts'
import { type Handler, type HandlerFamily, type Reply, Request } from '../protocol/request.ts'
import { requestCodeName } from '../protocol/request-code.ts'
import type { RemotingConnection, RequestSink } from './remoting-connection.ts'
import { responseCodeOf } from './response-code-of.ts'

/**
 * Handles a hot request straight from its bytes and answers through the connection, now or later. The header and the buffer
 * are good until it returns. Throws MqError for what is refused.
 */
export type FastHandler = (
  connection: RemotingConnection,
  header: HeaderScan,
  bodyAt: number,
  bodyEnd: number,
) => void

/** Decides before any handler sees a request. */
export interface Guard {
  /** @throws MqError when the request is not to be handled */
  check(connection: RemotingConnection, header: HeaderScan, bodyAt: number, bodyEnd: number): void
}

/** Slows down who asks for too much. */
export interface Throttle {
  /**
   * @returns whether it keeps the request, of which it has a copy, to dispatch it later
   * @throws MqError busy when the sender is to come again
   */
  holds(connection: RemotingConnection, header: HeaderScan, bodyAt: number, bodyEnd: number): boolean
}

/** Takes requests to their handlers, and is the one place where errors become replies. */
export class RequestDispatcher implements RequestSink {
  /** Header fields put into error replies of some codes, as the Java broker's processors do. */
  errorFields: Readonly<Record<number, Readonly<Record<string, string>>>> = {}
  /** Who may ask for what; everybody for everything while there is none. */
  guard: Guard | undefined
  /** Nobody is slowed down while there is none. */
  throttle: Throttle | undefined
  /** Most bytes of a body by code, where handlers read it as a whole: a large JSON text holds the loop for seconds. */
  bodyBytesMax: (code: number) => number = () => Number.POSITIVE_INFINITY
  /** Newer clients are told to go elsewhere (GO_AWAY); requests of others are still answered. */
  isShuttingDown = false
  readonly #log: Logger
  readonly #handlers = new Map<number, Handler>()
  readonly #fastHandlers = new Map<number, FastHandler>()

  constructor(log: Logger) {
    this.#log = log
  }

  /** @throws MqError internal when a code is claimed twice */
  add(family: HandlerFamily): void {
    for (const [code, handler] of Object.entries(family)) {
      this.#claim(Number(code))
      this.#handlers.set(Number(code), handler)
    }
  }

  /** As `add`, for hot requests. */
  addFast(family: Readonly<Record<number, FastHandler>>): void {
    for (const [code, handler] of Object.entries(family)) {
      this.#claim(Number(code))
      this.#fastHandlers.set(Number(code), handler)
    }
  }

  get codes(): number[] {
    return [...this.#handlers.keys(), ...this.#fastHandlers.keys()].sort((a, b) => a - b)
  }

  /** Dispatches the request whose header was just scanned. */
  dispatch(connection: RemotingConnection, header: HeaderScan, bodyAt: number, bodyEnd: number): void {
    const fast = this.#fastHandlers.get(header.code)
    try {
      if (this.isShuttingDown && header.version > ClientVersion.V5_3_1) {
        throw new MqError('shuttingDown', 'please go away')
      }
      if (this.guard !== undefined) this.guard.check(connection, header, bodyAt, bodyEnd)
      if (this.throttle?.holds(connection, header, bodyAt, bodyEnd)) return
      if (fast) fast(connection, header, bodyAt, bodyEnd)
      else this.#dispatchSlow(connection, header, bodyAt, bodyEnd)
    } catch (error) {
      // the stream is lost: the connection ends
      if (error instanceof MqError && (error.kind === 'badFrame' || error.kind === 'badHeader')) throw error
      this.#refuse(connection, header.code, header, error)
    }
  }

  #dispatchSlow(connection: RemotingConnection, header: HeaderScan, bodyAt: number, bodyEnd: number): void {
    const { code, opaque, isOneway } = header
    const handler = this.#handlers.get(code)
    if (!handler) throw new MqError('notSupported', `request type ${code} not supported`)
    const bytesMax = this.bodyBytesMax(code)
    if (bodyEnd - bodyAt > bytesMax)
      throw new MqError('badBody', `a body of ${bodyEnd - bodyAt} bytes, more than ${bytesMax}`)
    // the handler may keep it for longer than the buffer is good
    const body = Buffer.from(header.buffer.subarray(bodyAt, bodyEnd))
    const request = new Request(commandOf(header, body), connection)
    const result = handler(request)
    if (result instanceof Promise) void this.#answerLater(connection, code, { opaque, isOneway }, result)
    else if (!isOneway) connection.reply(opaque, result)
  }

  async #answerLater(
    connection: RemotingConnection,
    code: number,
    origin: { opaque: number; isOneway: boolean },
    result: Promise<Reply>,
  ): Promise<void> {
    connection.began()
    try {
      const reply = await result
      if (!origin.isOneway) connection.reply(origin.opaque, reply)
    } catch (error) {
      this.#refuse(connection, code, origin, error)
    } finally {
      connection.ended()
    }
  }

  #refuse(
    connection: RemotingConnection,
    code: number,
    origin: { readonly opaque: number; readonly isOneway: boolean },
    error: unknown,
  ): void {
    const isExpected = error instanceof MqError && error.kind !== 'internal'
    if (!isExpected)
      this.#log.error(
        { err: error, code: requestCodeName(code) ?? code, peer: connection.address },
        'a request failed unexpectedly',
      )
    if (origin.isOneway) return
    const extFields = (error instanceof MqError && error.fields) || this.errorFields[code]
    const responseCode = responseCodeOf(error instanceof MqError ? error.kind : 'internal')
    connection.reply(origin.opaque, {
      code: responseCode,
      remark: messageOf(error),
      ...(extFields && { extFields }),
    })
  }

  #claim(code: number): void {
    if (this.#handlers.has(code) || this.#fastHandlers.has(code)) {
      throw new MqError('internal', `request code ${code} is claimed by two handlers`)
    }
  }
}
