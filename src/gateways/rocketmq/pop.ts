import { MqError, messageOf } from '../../base/errors.ts'
import type { Broker } from '../../broker/broker.ts'
import type { OrderedQueue } from '../../broker/pop/pop-order.ts'
import { type Pop, PopResult } from '../../broker/pop/pop-request.ts'
import { RequestCode } from '../../protocol/request-code.ts'
import { ResponseCode } from '../../protocol/response-code.ts'
import type { FastHandler } from '../../remoting/request-dispatcher.ts'
import type { Awaited } from '../../store/consume-queue.ts'
import { HeldPops, type HoldOutcome, type WaitingPop } from './held-pops.ts'
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
    for (const waiting of this.held.stop()) refuse(waiting)
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
   * @returns whether it found something, or may yet
   * @throws MqError badRecord
   */
  #attempt(waiting: Waiting): boolean {
    const { connection } = waiting
    connection.began()
    let result: PopResult
    try {
      result = this.#take(waiting)
    } catch (error) {
      connection.ended()
      throw error
    }
    if (result.isUnfinished) {
      void this.#walk(waiting, result)
      return true
    }
    if (result.count > 0) return true
    connection.ended()
    if (result.isLoading) void this.#load(waiting)
    else this.#missed(waiting, this.held.hold(waiting.pop.request, this.#sourcesOf(waiting), waiting))
    return false
  }

  #take(waiting: Waiting, begun?: PopResult): PopResult {
    const { pops } = this.#broker
    return pops.pop(waiting.pop, (found, isStored) => this.#answer(waiting, found, isStored), begun)
  }

  #sourcesOf({ pop }: Waiting): readonly Awaited[] {
    return this.#broker.pops.popper.sourcesOf(pop)
  }

  /** Goes on with a pop that looks into very many queues. */
  async #walk(waiting: Waiting, result: PopResult): Promise<void> {
    const { connection, pop } = waiting
    try {
      const outcome = await this.held.walk(pop.request, this.#sourcesOf(waiting), waiting, () => {
        // nobody is there to get anything
        if (connection.isClosed && result.count === 0) return false
        this.#take(waiting, result)
        return result.isUnfinished
      })
      // it is answered when the log has who holds what
      if (result.count > 0) this.held.leave(pop.request, waiting)
      else connection.ended()
      if (this.#isStopped || connection.isClosed) return
      if (result.count > 0) {
        // what came behind its back is for the next
        if (outcome === 'woken') this.held.wake(pop.request)
      } else if (result.isLoading) {
        this.held.leave(pop.request, waiting)
        void this.#load(waiting)
      } else if (outcome === 'woken') this.#goOn(waiting)
      else this.#missed(waiting, outcome)
    } catch (error) {
      connection.ended()
      this.#failed(waiting, error)
    }
  }

  #answer(waiting: Waiting, result: PopResult, isStored: boolean): void {
    const { connection, opaque, pop } = waiting
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

  #missed({ connection, opaque, pop }: Waiting, outcome: HoldOutcome): void {
    if (outcome === 'held') return
    this.#broker.counters.pullsMissed++
    connection.reply(opaque, {
      code: outcome === 'full' ? ResponseCode.POLLING_FULL : ResponseCode.POLLING_TIMEOUT,
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

function refuse({ connection, opaque }: Waiting): void {
  connection.reply(opaque, { code: ResponseCode.SYSTEM_BUSY, remark: SHUTTING_DOWN })
}
