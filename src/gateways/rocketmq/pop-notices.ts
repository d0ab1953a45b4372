import { MqError, messageOf } from '../../base/errors.ts'
import type { Broker } from '../../broker/broker.ts'
import type { PopResult } from '../../broker/pop/pop-request.ts'
import type { Topic } from '../../broker/topic-table.ts'
import { RequestCode } from '../../protocol/request-code.ts'
import { ResponseCode } from '../../protocol/response-code.ts'
import type { FastHandler } from '../../remoting/request-dispatcher.ts'
import { HeldPops, type PopLine, type WaitingPop } from './held-pops.ts'
import { POLL_MS_MAX, pollMsOf } from './pop-fields.ts'

interface Waiting extends WaitingPop {
  readonly request: PopLine & { readonly attemptId: string | undefined }
  readonly topic: Topic
}

/** NOTIFICATION: whether there is something to pop, now or as soon as there is (RocketMQ's NotificationProcessor). */
export class PopNotices {
  readonly #broker: Broker
  /** Those that wait. */
  readonly held: HeldPops<Waiting>
  #isStopped = false

  constructor(broker: Broker) {
    this.#broker = broker
    this.held = new HeldPops(broker, (waiting) => this.#attempt(waiting))
  }

  get handlers(): Readonly<Record<number, FastHandler>> {
    return { [RequestCode.NOTIFICATION]: this.#ask }
  }

  stop(): void {
    this.#isStopped = true
    for (const waiting of this.held.stop()) answer(waiting, { hasMsg: false, pollingFull: false })
  }

  readonly #ask: FastHandler = (connection, header) => {
    if (this.#isStopped) throw new MqError('busy', 'the broker is shutting down')
    const { host, pops } = this.#broker
    const request = {
      group: header.requiredText('consumerGroup'),
      topic: header.requiredText('topic'),
      queueId: header.requiredInteger('queueId'),
      isOrdered: header.optionalBoolean('order') ?? false,
      attemptId: header.optionalText('attemptId'),
    }
    const topic = pops.popper.check(request)
    const pollMs = Math.min(pollMsOf(header, host.clock.nowMs()), POLL_MS_MAX)
    const deadlineMs = host.clock.monoMs() + pollMs
    this.#attempt({ connection, opaque: header.opaque, request, topic, deadlineMs })
  }

  /** @returns whether there is something, or may yet be */
  #attempt(waiting: Waiting): boolean {
    const { popper } = this.#broker.pops
    const look = popper.lookFor(waiting)
    const hasMsg = popper.hasMessages(waiting, look)
    if (!hasMsg && look.isUnfinished) {
      void this.#walk(waiting, look)
      return true
    }
    const waits = hasMsg ? 'late' : this.held.hold(waiting.request, popper.sourcesOf(waiting), waiting)
    if (waits !== 'held') answer(waiting, { hasMsg, pollingFull: waits === 'full' })
    return hasMsg
  }

  /** Goes on with one that looks into very many queues. */
  async #walk(waiting: Waiting, look: PopResult): Promise<void> {
    const { popper } = this.#broker.pops
    const { connection, opaque, request } = waiting
    let hasMsg = false
    try {
      const outcome = await this.held.walk(request, popper.sourcesOf(waiting), waiting, () => {
        if (!connection.isClosed) hasMsg = popper.hasMessages(waiting, look)
        return !connection.isClosed && !hasMsg && look.isUnfinished
      })
      if (this.#isStopped || connection.isClosed) return
      if (hasMsg) {
        this.held.leave(request, waiting)
        answer(waiting, { hasMsg, pollingFull: false })
        // there may be more, for the next of the line
        if (outcome === 'woken') this.held.wake(request)
      } else if (outcome === 'woken') this.#attempt(waiting)
      else if (outcome !== 'held') answer(waiting, { hasMsg, pollingFull: outcome === 'full' })
    } catch (error) {
      connection.reply(opaque, { code: ResponseCode.SYSTEM_ERROR, remark: messageOf(error) })
    }
  }
}

function answer({ connection, opaque }: Waiting, told: { hasMsg: boolean; pollingFull: boolean }): void {
  const { hasMsg, pollingFull } = told
  connection.reply(opaque, { extFields: { hasMsg: String(hasMsg), pollingFull: String(pollingFull) } })
}
