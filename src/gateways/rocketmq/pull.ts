import { MqError, messageOf } from '../../base/errors.ts'
import type { Broker } from '../../broker/broker.ts'
import type { Pull, PullRequest } from '../../broker/message-puller.ts'
import { type HeldPull, PullHold } from '../../broker/pull-hold.ts'
import type { HeaderScan } from '../../protocol/header-scan.ts'
import { RequestCode } from '../../protocol/request-code.ts'
import { ResponseCode } from '../../protocol/response-code.ts'
import { PullSysFlag } from '../../protocol/sys-flag.ts'
import type { RemotingConnection } from '../../remoting/remoting-connection.ts'
import type { FastHandler } from '../../remoting/request-dispatcher.ts'
import { DeadlineTimer } from './deadline-timer.ts'
import { PullReplies, pullCodeOf } from './pull-replies.ts'

/** Longest time a pull may wait for a message. */
const SUSPEND_MS_MAX = 60_000

const SHUTTING_DOWN = 'the broker is shutting down'

const INT32_MAX = 2_147_483_647

interface Waiting {
  readonly connection: RemotingConnection
  readonly opaque: number
  readonly pull: Pull
}

/**
 * PULL_MESSAGE and LITE_PULL_MESSAGE (protocol/requests.md §3): reads, waits where there is nothing and the client allows it, and
 * answers with the bytes of the log.
 */
export class PullHandlers {
  readonly #broker: Broker
  readonly #replies: PullReplies
  readonly #hold = new PullHold<Waiting>()
  readonly #timer: DeadlineTimer
  #isStopped = false

  constructor(broker: Broker) {
    this.#broker = broker
    this.#replies = new PullReplies(broker.store.reader)
    this.#timer = new DeadlineTimer(broker.host.clock, this.#expire)
    broker.arrivals.onPulled = (queue) => {
      for (const held of this.#hold.arrived(queue)) this.#goOn(held)
    }
  }

  get handlers(): Readonly<Record<number, FastHandler>> {
    return { [RequestCode.PULL_MESSAGE]: this.#pull, [RequestCode.LITE_PULL_MESSAGE]: this.#pull }
  }

  connectionClosed(connectionId: number): void {
    this.#hold.connectionClosed(connectionId)
  }

  /**
   * Refuses all that wait, and all that come: the broker is shutting down. A client that were told "nothing there" would ask again on a
   * connection about to close, and 4.9 clients then wait 31 seconds for that answer; told "busy", they come back after three.
   */
  stop(): void {
    this.#isStopped = true
    this.#timer.cancel()
    for (const { waiting } of this.#hold.releaseAll()) {
      waiting.connection.reply(waiting.opaque, { code: ResponseCode.SYSTEM_BUSY, remark: SHUTTING_DOWN })
    }
  }

  readonly #pull: FastHandler = (connection, header) => {
    if (this.#isStopped) throw new MqError('busy', SHUTTING_DOWN)
    const { puller, host, settings } = this.#broker
    const suspendMs = Math.min(header.optionalInteger('suspendTimeoutMillis', 0), SUSPEND_MS_MAX)
    const request = requestOf(header, connection.id)
    const pull = puller.begin(request)
    const maySuspend = (request.sysFlag & PullSysFlag.SUSPEND) !== 0 && suspendMs > 0
    // without long polling a client waits a little all the same: it asks again as soon as it is answered
    const holdMs = settings.longPollingEnable ? suspendMs : settings.shortPollingTimeMills
    const deadlineMs = maySuspend ? host.clock.monoMs() + holdMs : undefined
    this.#attempt({ waiting: { connection, opaque: header.opaque, pull } }, deadlineMs)
  }

  /** Messages have arrived where a pull waits. */
  #goOn(held: HeldPull<Waiting>): void {
    this.#attempt(held, held.deadlineMs)
  }

  /**
   * Reads for a pull and answers it, or holds it.
   * @param deadlineMs until when it may wait; undefined: it is answered whatever is found
   */
  #attempt({ waiting }: { readonly waiting: Waiting }, deadlineMs: number | undefined): void {
    const { connection, opaque, pull } = waiting
    if (connection.isClosed) return
    const { puller, counters } = this.#broker
    let status = puller.read(pull)
    // a pull that waits goes on behind what its filter has not let pass; not where the filter has to read each message, which
    // could hold up a turn: that client is told to come again
    while (status === 'NO_MATCHED_MESSAGE' && deadlineMs !== undefined && !pull.filter?.matchesRecord) {
      pull.queueOffset = this.#broker.store.reader.nextBeginOffset
      status = puller.read(pull)
    }
    if (status === 'loading') {
      // what its filter has passed over is not read again: the blocks may be gone by then
      pull.queueOffset = this.#broker.store.reader.nextBeginOffset
      void this.#load(waiting, deadlineMs)
      return
    }
    const code = pullCodeOf(status, pull.request.queueOffset)
    if (code === ResponseCode.PULL_NOT_FOUND && deadlineMs !== undefined && this.#holds(waiting, deadlineMs))
      return
    if (status === 'FOUND') {
      counters.gotten += this.#broker.store.reader.count
      counters.pullsFound++
    } else counters.pullsMissed++
    this.#replies.send(connection, opaque, pull, status)
  }

  async #load(waiting: Waiting, deadlineMs: number | undefined): Promise<void> {
    const { connection, opaque, pull } = waiting
    const { host, stats } = this.#broker
    const beganMs = host.clock.monoMs()
    connection.began()
    try {
      await this.#broker.store.reader.load()
      stats.loaded(pull.offsets, pull.request.queueId, Math.round(host.clock.monoMs() - beganMs))
      this.#attempt({ waiting }, deadlineMs)
    } catch (error) {
      this.#broker.host.log.error({ error: messageOf(error) }, 'messages could not be read')
      connection.reply(opaque, {
        code: ResponseCode.SYSTEM_ERROR,
        remark: `messages could not be read: ${messageOf(error)}`,
      })
    } finally {
      connection.ended()
    }
  }

  #holds(waiting: Waiting, deadlineMs: number): boolean {
    const { connection, pull } = waiting
    const { clock } = this.#broker.host
    if (deadlineMs <= clock.monoMs()) return false
    if (!this.#hold.hold({ queue: pull.queue, connectionId: connection.id, deadlineMs, waiting }))
      return false
    this.#timer.fireBy(deadlineMs)
    return true
  }

  readonly #expire = (): number | undefined => {
    for (const held of this.#hold.due(this.#broker.host.clock.monoMs())) this.#attempt(held, undefined)
    return this.#hold.nextDueMs
  }
}

function requestOf(header: HeaderScan, connectionId: number): PullRequest {
  const sysFlag = header.requiredInteger('sysFlag')
  const hasSubscription = (sysFlag & PullSysFlag.SUBSCRIPTION) !== 0
  const subVersion = header.find('subVersion')
  return {
    connectionId,
    group: header.requiredText('consumerGroup'),
    topic: header.requiredText('topic'),
    queueId: header.requiredInteger('queueId'),
    queueOffset: header.requiredInteger('queueOffset'),
    countMax: header.requiredInteger('maxMsgNums'),
    bytesMax: header.optionalInteger('maxMsgBytes', INT32_MAX),
    sysFlag,
    commitOffset: header.optionalInteger('commitOffset', 0),
    subscription: hasSubscription ? header.optionalText('subscription') : undefined,
    subVersion: subVersion < 0 ? 0 : header.integer(subVersion, 'subVersion'),
    expressionType: hasSubscription ? (header.optionalText('expressionType') ?? '') : '',
    isLitePull: header.code === RequestCode.LITE_PULL_MESSAGE,
  }
}
