import { MqError, messageOf } from '../../base/errors.ts'
import type { Broker } from '../../broker/broker.ts'
import type { OrderedQueue } from '../../broker/pop/pop-order.ts'
import { type Pop, PopResult } from '../../broker/pop/pop-request.ts'
import { RequestCode } from '../../protocol/request-code.ts'
import { ResponseCode } from '../../protocol/response-code.ts'
import type { FastHandler } from '../../remoting/request-dispatcher.ts'
import { HeldPops, type WaitingPop } from './held-pops.ts'
import { POLL_MS_MAX, pollMsOf, popFieldsOf, popRequestOf } from './pop-fields.ts'

/** A pop that comes this much after its client has given up is not looked at (PopMessageRequestHeader.isTimeoutTooMuch). */
const LATE_MS = 500

const SHUTTING_DOWN = 'the broker is shutting down'

interface Waiting extends WaitingPop {
  readonly pop: Pop
}

/** POP_MESSAGE (protocol/requests.md §3): takes messages, waits where there are none, and answers when the log has who holds them. */
export class PopHandlers {
  readonly #broker: Broker
  /** Those that wait for messages. */
  readonly held: HeldPops<Waiting>
  #isStopped = false

  constructor(broker: Broker) {
    this.#broker = broker
    this.held = new HeldPops(broker, (waiting) => this.#goOn(waiting))
  }

  get handlers(): Readonly<Record<number, FastHandler>> {
    return { [RequestCode.POP_MESSAGE]: this.#pop }
  }

  /** Pops that wait for a group and queue; -1 for those that take any queue. */
  countOf(queue: OrderedQueue): number {
    return (
      this.held.countOf({ ...queue, isOrdered: false }) + this.held.countOf({ ...queue, isOrdered: true })
    )
  }

  /** Refuses all that wait, and all that come, as `PullHandlers.stop` does. */
  stop(): void {
    this.#isStopped = true
    for (const { connection, opaque } of this.held.stop()) {
      connection.reply(opaque, { code: ResponseCode.SYSTEM_BUSY, remark: SHUTTING_DOWN })
    }
  }

  readonly #pop: FastHandler = (connection, header) => {
    if (this.#isStopped) throw new MqError('busy', SHUTTING_DOWN)
    const { clock } = this.#broker.host
    const pollMs = pollMsOf(header, clock.nowMs())
    const { opaque } = header
    if (pollMs < -LATE_MS) {
      connection.reply(opaque, { code: ResponseCode.POLLING_TIMEOUT, remark: 'the client no longer waits' })
      return
    }
    const pop = this.#broker.pops.popper.begin(popRequestOf(header))
    const mayWait = header.requiredInteger('pollTime') > 0
    const deadlineMs = clock.monoMs() + (mayWait ? Math.min(pollMs, POLL_MS_MAX) : 0)
    this.#attempt({ connection, opaque, pop, deadlineMs })
  }

  /** As `#attempt` for one that has waited: whatever fails is its answer. */
  #goOn(waiting: Waiting): boolean {
    try {
      return this.#attempt(waiting)
    } catch (error) {
      this.#failed(waiting, error)
      return false
    }
  }

  /**
   * Takes messages for a pop, or lets it wait.
   * @returns whether it found something
   * @throws MqError badRecord
   */
  #attempt(waiting: Waiting): boolean {
    const { connection, pop } = waiting
    connection.began()
    let result: PopResult
    try {
      result = this.#broker.pops.pop(pop, (found, isStored) => this.#answer(waiting, found, isStored))
    } catch (error) {
      connection.ended()
      throw error
    }
    if (result.count > 0) return true
    connection.ended()
    if (result.isLoading) void this.#load(waiting)
    else this.#wait(waiting)
    return false
  }

  #answer({ connection, opaque, pop }: Waiting, result: PopResult, isStored: boolean): void {
    connection.ended()
    if (!isStored) {
      const remark = `the pop is not recorded: ${this.#broker.store.refusal ?? 'the log cannot be written'}`
      connection.reply(opaque, { code: ResponseCode.SERVICE_NOT_AVAILABLE, remark })
      return
    }
    const { counters } = this.#broker
    counters.gotten += result.count
    counters.pullsFound++
    connection.reply(opaque, {
      code: ResponseCode.SUCCESS,
      remark: 'FOUND',
      extFields: popFieldsOf(pop.request, result),
      body: Buffer.concat(result.bodies),
    })
    // the next of the line may find what was left
    if (result.restCount > 0 && !this.#isStopped) this.held.wake(pop.request)
  }

  #wait(waiting: Waiting): void {
    const { connection, opaque, pop } = waiting
    const waits = this.held.hold(pop.request, this.#broker.pops.popper.queuesOf(pop), waiting)
    if (waits === 'held') return
    this.#broker.counters.pullsMissed++
    connection.reply(opaque, {
      code: waits === 'full' ? ResponseCode.POLLING_FULL : ResponseCode.POLLING_TIMEOUT,
      remark: 'NO_MESSAGE_IN_QUEUE',
      extFields: popFieldsOf(pop.request, new PopResult(this.#broker.host.clock.nowMs())),
    })
  }

  async #load(waiting: Waiting): Promise<void> {
    const { connection } = waiting
    connection.began()
    try {
      await this.#broker.store.reader.load()
      if (!connection.isClosed) this.#attempt(waiting)
    } catch (error) {
      this.#failed(waiting, error)
    } finally {
      connection.ended()
    }
  }

  #failed({ connection, opaque }: Waiting, error: unknown): void {
    const remark = `messages could not be read: ${messageOf(error)}`
    this.#broker.host.log.error({ error: messageOf(error) }, 'messages could not be read')
    connection.reply(opaque, { code: ResponseCode.SYSTEM_ERROR, remark })
  }
}
