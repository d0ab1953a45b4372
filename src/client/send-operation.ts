import type { MqError } from '../base/errors.ts'
import type { Clock } from '../base/host.ts'
import type { HeaderScan } from '../protocol/header-scan.ts'
import type { MessageQueue } from '../protocol/message-queue.ts'
import { ResponseCode } from '../protocol/response-code.ts'
import type { ResponseListener } from '../remoting/pending-requests.ts'
import type { RemotingClient } from '../remoting/remoting-client.ts'
import type { RemotingConnection } from '../remoting/remoting-connection.ts'
import { ClientError, clientErrorOf, refusalOf } from './client-error.ts'
import type { PreparedMessage } from './prepared-message.ts'
import type { PublishView, SendTarget } from './publish-view.ts'
import type { RouteCache } from './route-cache.ts'
import type { GateEntry } from './send-gate.ts'
import { retryOnOtherBroker, type SendResult, type SendStatus, sendStatusOf } from './send-result.ts'

/** Bytes that the kernel has not taken, above which oneway sends wait: nothing else would slow them down. */
const ONEWAY_UNSENT_BYTES_MAX = 1024 * 1024

/** A send that found no connection, or no answer, counts as this slow. */
const LOST_LATENCY_MS = 10_000

/** Chooses among the queues of the topic that take messages. */
export type SendSelector = (queues: readonly MessageQueue[]) => MessageQueue

/** How one message is to be sent. */
export interface SendOrder {
  readonly selector: SendSelector | undefined
  /** For all attempts together, from the moment that the first begins. */
  readonly timeoutMs: number
  readonly signal: AbortSignal | undefined
}

/** What a send needs of its sender. */
export interface SendPort {
  readonly clock: Clock
  readonly routes: RouteCache
  readonly remoting: RemotingClient
  /** How often a send that failed at one broker is tried at another. */
  readonly retries: number
  /** The topic's queues when they are known. */
  view(topic: string): PublishView | undefined
  /** @throws ClientError topicNotExist when there is none */
  target(view: PublishView, selector: SendSelector | undefined, avoided: string | undefined): SendTarget
  /** Writes the request; it leaves at the end of this turn. */
  write(
    connection: RemotingConnection,
    target: SendTarget,
    message: PreparedMessage,
    number: RequestNumber,
  ): void
  noteLatency(target: SendTarget, latencyMs: number): void
  /** The operation has ended, or never began. */
  leave(entry: GateEntry): void
}

export interface RequestNumber {
  readonly opaque: number
  readonly isOneway: boolean
}

/** The two ends of a promise. */
export interface Settle<Value> {
  resolve(value: Value): void
  reject(error: unknown): void
}

/** What sends with and without an answer have in common: a route, a queue, a connection. */
abstract class Operation<Value> implements GateEntry {
  readonly bytes: number
  protected readonly port: SendPort
  protected readonly message: PreparedMessage
  protected readonly order: SendOrder
  protected deadlineMs = 0
  protected target: SendTarget | undefined
  protected isSettled = false
  #settle: Settle<Value>
  #abort: (() => void) | undefined

  constructor(port: SendPort, message: PreparedMessage, order: SendOrder, settle: Settle<Value>) {
    this.port = port
    this.message = message
    this.order = order
    this.bytes = message.body.length + message.properties.length + 256
    this.#settle = settle
    if (order.signal) this.#listen(order.signal)
  }

  begin(): void {
    if (this.isSettled) {
      this.port.leave(this)
      return
    }
    this.deadlineMs = this.port.clock.monoMs() + this.order.timeoutMs
    this.attempt(undefined)
  }

  /** The message goes out by this connection. */
  protected abstract write(connection: RemotingConnection): void

  /** A connection or a route could not be had. */
  protected abstract lost(error: ClientError): void

  protected attempt(avoided: string | undefined): void {
    if (this.isSettled) {
      this.port.leave(this)
      return
    }
    const view = this.port.view(this.message.topic)
    if (!view) {
      this.port.routes.loadForSend(this.message.topic).then(
        () => this.attempt(avoided),
        (error: unknown) => this.fail(error),
      )
      return
    }
    try {
      this.target = this.port.target(view, this.order.selector, avoided)
    } catch (error) {
      this.fail(error)
      return
    }
    const connection = this.port.remoting.connected(this.target.address)
    if (connection) this.write(connection)
    else this.#connect(this.target.address)
  }

  protected succeed(value: Value): void {
    this.port.leave(this)
    if (this.isSettled) return
    this.#end()
    this.#settle.resolve(value)
  }

  protected fail(error: unknown): void {
    this.port.leave(this)
    if (this.isSettled) return
    this.#end()
    this.#settle.reject(clientErrorOf(error))
  }

  #connect(address: string): void {
    this.port.remoting.connection(address).then(
      (connection) => {
        if (this.isSettled) this.port.leave(this)
        else this.write(connection)
      },
      (error: unknown) => this.lost(clientErrorOf(error)),
    )
  }

  /** The caller is told at once; the place in the gate is given back when what is under way has ended. */
  #listen(signal: AbortSignal): void {
    const abort = (): void => {
      if (this.isSettled) return
      this.#end()
      this.#settle.reject(signal.reason)
    }
    if (signal.aborted) {
      abort()
      return
    }
    signal.addEventListener('abort', abort, { once: true })
    this.#abort = () => signal.removeEventListener('abort', abort)
  }

  #end(): void {
    this.isSettled = true
    this.#abort?.()
  }
}

/** One send with its retries. It hears of its answer itself: no promise or timer for an attempt. */
export class SendOperation extends Operation<SendResult> implements ResponseListener {
  #attempts = 0
  #startedMs = 0

  answered(header: HeaderScan): void {
    const target = this.target as SendTarget
    this.port.noteLatency(target, this.port.clock.monoMs() - this.#startedMs)
    const { code, remark } = header
    const status = sendStatusOf(code)
    if (status) {
      this.#stored(status, header, target)
      return
    }
    const error = refusalOf({ code, remark }, `broker ${target.queue.brokerName}`)
    if (code === ResponseCode.TOPIC_NOT_EXIST || code === ResponseCode.GO_AWAY) this.#refreshRoute()
    if (retryOnOtherBroker.has(code)) this.#retry(error)
    else this.fail(error)
  }

  failed(error: MqError): void {
    this.lost(clientErrorOf(error))
  }

  protected write(connection: RemotingConnection): void {
    const { clock } = this.port
    this.#startedMs = clock.monoMs()
    const timeoutMs = this.deadlineMs - this.#startedMs
    if (connection.isClosed) {
      this.lost(new ClientError('connectionLost', `the connection to ${connection.address} is closed`))
    } else if (timeoutMs <= 0) {
      this.fail(new ClientError('timeout', `not sent within ${this.order.timeoutMs} ms`))
    } else {
      const opaque = connection.expectResponse(timeoutMs, this)
      const number = { opaque, isOneway: false }
      this.port.write(connection, this.target as SendTarget, this.message, number)
    }
  }

  protected lost(error: ClientError): void {
    if (this.target) this.port.noteLatency(this.target, LOST_LATENCY_MS)
    this.#refreshRoute()
    this.#retry(error)
  }

  /** With a queue of the program's choice there is no other: the order of messages would suffer. */
  #retry(error: ClientError): void {
    const { clock } = this.port
    const hasAnother = this.order.selector === undefined && ++this.#attempts <= this.port.retries
    if (hasAnother && !this.isSettled && clock.monoMs() < this.deadlineMs) {
      this.attempt(this.target?.queue.brokerName)
    } else this.fail(error)
  }

  #refreshRoute(): void {
    this.port.routes.refreshAfterError(this.message.topic)
  }

  #stored(status: SendStatus, header: HeaderScan, target: SendTarget): void {
    let result: SendResult
    try {
      // the broker's word: a repetition is answered as the message that it repeats
      const queueId = header.requiredInteger('queueId')
      result = {
        status,
        messageId: this.message.ids[0] ?? '',
        offsetMessageId: header.requiredText('msgId'),
        queue: queueId === target.queue.queueId ? target.queue : { ...target.queue, queueId },
        queueOffset: header.requiredInteger('queueOffset'),
      }
      if (this.message.isTimed) result = { ...result, recallHandle: header.optionalText('recallHandle') }
    } catch (error) {
      // stored, but nobody can say where: not to be sent again
      this.fail(error)
      return
    }
    const { routes } = this.port
    if (routes.get(this.message.topic)?.isTemplate) routes.expectNewTopic(this.message.topic)
    this.succeed(result)
  }
}

/** One message without an answer. */
export class OnewayOperation extends Operation<void> {
  protected write(connection: RemotingConnection): void {
    const number = { opaque: connection.takeOpaque(), isOneway: true }
    this.port.write(connection, this.target as SendTarget, this.message, number)
    const { routes } = this.port
    if (routes.get(this.message.topic)?.isTemplate) routes.expectNewTopic(this.message.topic)
    if (connection.unsentBytes <= ONEWAY_UNSENT_BYTES_MAX) this.succeed()
    else connection.whenWritten(() => this.succeed())
  }

  protected lost(error: ClientError): void {
    this.port.routes.refreshAfterError(this.message.topic)
    this.fail(error)
  }
}
