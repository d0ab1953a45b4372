import { MqError, messageOf } from '../../base/errors.ts'
import type { Broker } from '../../broker/broker.ts'
import type { OrderedQueue } from '../../broker/pop/pop-order.ts'
import { type Pop, PopResult } from '../../broker/pop/pop-request.ts'
import { WorkSlices } from '../../broker/work-slices.ts'
import { RequestCode } from '../../protocol/request-code.ts'
import { ResponseCode } from '../../protocol/response-code.ts'
import type { FastHandler } from '../../remoting/request-dispatcher.ts'
import { HeldPops, type HoldOutcome, type WaitingPop } from './held-pops.ts'
import { POLL_MS_MAX, pollMsOf, popFieldsOf, popRequestOf } from './pop-fields.ts'

/** A pop that comes this much after its client has given up is not looked at (PopMessageRequestHeader.isTimeoutTooMuch). */
const LATE_MS = 500

const SHUTTING_DOWN = 'the broker is shutting down'

interface Waiting extends WaitingPop {
  readonly pop: Pop
  /** Whether it was woken while it went through very many queues. */
  isWoken?: boolean
}

/** POP_MESSAGE (protocol/requests.md §3): takes messages, waits where there are none, and answers when the log has who holds them. */
export class PopHandlers {
  readonly #broker: Broker
  /** Those that wait for messages. */
  readonly held: HeldPops<Waiting>
  /** Those that are going through very many queues, a part of them a turn. */
  readonly #walking = new Set<Waiting>()
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
    for (const waiting of new Set([...this.held.stop(), ...this.#walking])) refuse(waiting)
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
    if (this.#walking.has(waiting)) {
      waiting.isWoken = true
      return true
    }
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
    else this.#missed(waiting, this.#hold(waiting))
    return false
  }

  #take(waiting: Waiting, begun?: PopResult): PopResult {
    const { pops } = this.#broker
    return pops.pop(waiting.pop, (found, isStored) => this.#answer(waiting, found, isStored), begun)
  }

  #hold(waiting: Waiting): HoldOutcome {
    const { pop } = waiting
    return this.held.hold(pop.request, this.#broker.pops.popper.sourcesOf(pop), waiting)
  }

  /**
   * Goes on, a part a turn, with a pop that looks into very many queues. Meanwhile it waits in its line: what arrives where
   * it has been wakes it.
   */
  async #walk(waiting: Waiting, result: PopResult): Promise<void> {
    const { connection, pop } = waiting
    const slices = new WorkSlices(this.#broker.host.clock)
    this.#walking.add(waiting)
    waiting.isWoken = false
    const outcome = this.#hold(waiting)
    try {
      while (result.isUnfinished) {
        await slices.pause()
        if (this.#isStopped || (connection.isClosed && result.count === 0)) break
        this.#take(waiting, result)
      }
      this.#walking.delete(waiting)
      if (result.count > 0) {
        // it is answered when the log has who holds what
        this.held.leave(pop.request, waiting)
        return
      }
      connection.ended()
      if (!this.#isStopped && !connection.isClosed) this.#walked(waiting, result, outcome)
    } catch (error) {
      this.#walking.delete(waiting)
      this.held.leave(pop.request, waiting)
      connection.ended()
      this.#failed(waiting, error)
    }
  }

  /** It has found nothing. */
  #walked(waiting: Waiting, result: PopResult, outcome: HoldOutcome): void {
    if (result.isLoading) {
      this.held.leave(waiting.pop.request, waiting)
      void this.#load(waiting)
    } else if (waiting.isWoken) this.#goOn(waiting)
    else this.#missed(waiting, outcome)
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
    // the next of the line may find what was left, or came behind this one's back
    if ((result.restCount > 0 || waiting.isWoken) && !this.#isStopped) this.held.wake(pop.request)
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
