import type { Clock } from '../base/host.ts'
import type { RemotingClient } from '../remoting/remoting-client.ts'
import type { RemotingConnection } from '../remoting/remoting-connection.ts'
import { ClientError } from './client-error.ts'
import type { ClientInstance } from './client-instance.ts'
import { LatencyFaults } from './latency-faults.ts'
import type { PreparedMessage } from './prepared-message.ts'
import { PublishView, type SendTarget } from './publish-view.ts'
import type { RouteCache } from './route-cache.ts'
import { SendFrameWriter } from './send-frame.ts'
import { type GateEntry, type GateLimits, SendGate } from './send-gate.ts'
import {
  OnewayOperation,
  type RequestNumber,
  SendOperation,
  type SendOrder,
  type SendPort,
  type SendSelector,
} from './send-operation.ts'
import type { SendResult } from './send-result.ts'

export interface SenderOptions extends GateLimits {
  readonly group: string
  /** How often a send that failed at one broker is tried at another. */
  readonly retries: number
  /** Whether brokers that were slow or gone are passed over for some time. */
  readonly isAvoidingSlow: boolean
}

/** Sends prepared messages: finds queues and connections, bounds what is under way, tries again elsewhere. */
export class Sender implements SendPort {
  readonly clock: Clock
  readonly routes: RouteCache
  readonly remoting: RemotingClient
  readonly #instance: ClientInstance
  readonly #options: SenderOptions
  readonly #gate: SendGate
  readonly #faults = new LatencyFaults()
  readonly #views = new Map<string, PublishView>()
  readonly #writer: SendFrameWriter
  #isClosed = false
  #idle: (() => void) | undefined

  constructor(instance: ClientInstance, options: SenderOptions) {
    this.#instance = instance
    this.clock = instance.host.clock
    this.routes = instance.routes
    this.remoting = instance.remoting
    this.#writer = new SendFrameWriter(instance.signer)
    this.#options = options
    this.#gate = new SendGate(options)
  }

  /** Sends under way or waiting. */
  get pendingCount(): number {
    return this.#gate.count + this.#gate.waitingCount
  }

  get retries(): number {
    return this.#options.retries
  }

  /**
   * Sends a message and waits for the broker's answer.
   * @throws ClientError; the signal's reason
   */
  send(message: PreparedMessage, order: SendOrder): Promise<SendResult> {
    if (this.#isClosed) return Promise.reject(new ClientError('closed', 'the producer is closed'))
    return new Promise((resolve, reject) => {
      this.#gate.enter(new SendOperation(this, message, order, { resolve, reject }))
    })
  }

  /**
   * Sends a message without an answer: done when it is on its way out.
   * @throws ClientError when there is no route or connection; the signal's reason
   */
  sendOneway(message: PreparedMessage, order: SendOrder): Promise<void> {
    if (this.#isClosed) return Promise.reject(new ClientError('closed', 'the producer is closed'))
    return new Promise((resolve, reject) => {
      this.#gate.enter(new OnewayOperation(this, message, order, { resolve, reject }))
    })
  }

  /** Takes no more sends, and waits for those under way. */
  async close(): Promise<void> {
    this.#isClosed = true
    if (this.pendingCount === 0) return
    await new Promise<void>((resolve) => {
      this.#idle = resolve
    })
  }

  leave(entry: GateEntry): void {
    this.#gate.leave(entry)
    if (this.pendingCount === 0) this.#idle?.()
  }

  view(topic: string): PublishView | undefined {
    const route = this.routes.get(topic)
    if (!route) return undefined
    const known = this.#views.get(topic)
    if (known?.route === route) return known
    const start = this.#instance.host.random.u32()
    const made = new PublishView(route, this.routes, { group: this.#options.group, start })
    this.#views.set(topic, made)
    return made
  }

  target(view: PublishView, selector: SendSelector | undefined, avoided: string | undefined): SendTarget {
    const { topic, writeQueues } = view.route
    const target = selector
      ? view.targetOf(selector(writeQueues))
      : view.next(avoided, this.#faults, this.clock.monoMs())
    if (target) return target
    const what =
      writeQueues.length === 0 ? 'has no queue that takes messages' : 'does not have the chosen queue'
    throw new ClientError('topicNotExist', `topic ${topic} ${what}`)
  }

  write(
    connection: RemotingConnection,
    target: SendTarget,
    message: PreparedMessage,
    { opaque, isOneway }: RequestNumber,
  ): void {
    const { fields: targetFields } = target
    const request = { opaque, flag: isOneway ? 2 : 0, nowMs: this.clock.nowMs(), targetFields }
    this.#writer.write(connection.output, message, request)
    connection.markDirty()
  }

  noteLatency(target: SendTarget, latencyMs: number): void {
    if (!this.#options.isAvoidingSlow) return
    this.#faults.note(target.queue.brokerName, latencyMs, this.clock.monoMs())
  }
}
