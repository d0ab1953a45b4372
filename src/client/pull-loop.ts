import { type MqError, messageOf } from '../base/errors.ts'
import type { HeaderScan } from '../protocol/header-scan.ts'
import { messageQueueKey } from '../protocol/message-queue.ts'
import { RequestCode } from '../protocol/request-code.ts'
import { ResponseCode } from '../protocol/response-code.ts'
import { PullSysFlag } from '../protocol/sys-flag.ts'
import type { RemotingConnection } from '../remoting/remoting-connection.ts'
import { ClientError, clientErrorOf, refusalOf } from './client-error.ts'
import type { ClientInstance } from './client-instance.ts'
import type { ConsumeCounts } from './consume-counts.ts'
import type { ProcessQueue } from './process-queue.ts'
import { type ReceivedMessage, readMessages } from './received-message.ts'
import type { Subscription } from './subscription.ts'
import { Wakeup } from './wakeup.ts'

/** A queue that could not be read is tried again after this long (pullTimeDelayMillsWhenException). */
const ERROR_DELAY_MS = 1000

/** A pull that brought nothing and was not held is repeated after this long. */
const EMPTY_DELAY_MS = 100

/** How much longer than it may be held a pull may take (RocketMQ: 15 s held, 30 s in all). */
const ANSWER_MS_MAX = 15_000

export interface PullSettings {
  /** Most messages of one pull. */
  readonly batchMax: number
  /** How long a broker may hold a pull for which it has nothing. */
  readonly suspendMs: number
  /** By LITE_PULL_MESSAGE, with the filter in each request. */
  readonly isLite: boolean
  /** Whether pulls carry the offset to commit. */
  readonly isCommitting: boolean
}

export interface PullLoopParts {
  readonly instance: ClientInstance
  readonly group: string
  readonly subscription: Subscription
  readonly queue: ProcessQueue
  readonly settings: PullSettings
  readonly consumeCounts: ConsumeCounts
}

/** Hears what a loop does. */
export interface PullEar {
  /** Messages are there. */
  pulled(queue: ProcessQueue, messages: readonly ReceivedMessage[], nextOffset: number): void
  /** The broker has taken the commit that the pull carried. */
  committed(queue: ProcessQueue, offset: number): void
  /**
   * The queue does not hold the offset, or an operator has moved the group: the queue is to begin anew there.
   */
  moved(queue: ProcessQueue, offset: number): void
  /** It is tried again. */
  stalled(queue: ProcessQueue, error: ClientError): void
}

interface PullAnswer {
  readonly code: number
  readonly nextOffset: number
  readonly brokerId: number
  readonly messages: readonly ReceivedMessage[]
}

/** Pulls one queue again and again, as long as it belongs to the consumer and there is room for more. */
export class PullLoop {
  readonly #parts: PullLoopParts
  readonly #ear: PullEar
  readonly #wakeup: Wakeup
  #isPaused = false

  constructor(parts: PullLoopParts, ear: PullEar) {
    this.#parts = parts
    this.#ear = ear
    this.#wakeup = new Wakeup(parts.instance.host.clock)
    parts.queue.onRoom = () => this.wake()
  }

  /** Runs until the queue is dropped. Never rejects. */
  async run(): Promise<void> {
    const { queue } = this.#parts
    while (!queue.isDropped) {
      if (this.#isPaused || queue.isFull || !this.#isLocked) {
        await this.#wakeup.sleep()
        continue
      }
      try {
        await this.#pullOnce()
      } catch (error) {
        if (queue.isDropped) return
        await this.#recover(error)
      }
    }
  }

  /** Something has changed: room, a lock, or the queue is dropped. */
  wake(): void {
    this.#wakeup.wake()
  }

  pause(): void {
    this.#isPaused = true
  }

  resume(): void {
    this.#isPaused = false
    this.wake()
  }

  get #isLocked(): boolean {
    const { queue, instance } = this.#parts
    return queue.lockedUntilMs > instance.host.clock.monoMs()
  }

  async #pullOnce(): Promise<void> {
    const { queue, instance } = this.#parts
    const { brokerName } = queue.queue
    const address = instance.routes.addressOf(brokerName, queue.brokerId)
    if (address === undefined) {
      throw new ClientError('connectionLost', `no address of broker ${brokerName} is known`)
    }
    const connection = await instance.heartbeats.connection(address)
    if (queue.isDropped) return
    const commitOffset = this.#parts.settings.isCommitting && queue.brokerId === 0 ? queue.commitOffset : 0
    const startMs = instance.host.clock.monoMs()
    const answer = await this.#pull(connection, commitOffset)
    if (queue.isDropped) return
    this.#note(answer, instance.host.clock.monoMs() - startMs)
    const isVain = answer.messages.length === 0 && answer.nextOffset === queue.nextOffset
    if (commitOffset > 0) this.#ear.committed(queue, commitOffset)
    queue.brokerId = answer.brokerId
    if (answer.code === ResponseCode.PULL_OFFSET_MOVED) this.#ear.moved(queue, answer.nextOffset)
    else this.#ear.pulled(queue, answer.messages, answer.nextOffset)
    if (isVain && instance.host.clock.monoMs() - startMs < EMPTY_DELAY_MS) {
      await this.#wakeup.sleep(EMPTY_DELAY_MS)
    }
  }

  #note({ messages }: PullAnswer, elapsedMs: number): void {
    const { queue, instance, consumeCounts } = this.#parts
    const { counts } = queue
    const nowMs = instance.host.clock.nowMs()
    counts.pulls++
    counts.pulledMs += elapsedMs
    counts.pulledMessages += messages.length
    queue.notePull(nowMs)
    consumeCounts.sample(queue.queue.topic, nowMs)
  }

  #pull(connection: RemotingConnection, commitOffset: number): Promise<PullAnswer> {
    const { suspendMs, isLite } = this.#parts.settings
    const code = isLite ? RequestCode.LITE_PULL_MESSAGE : RequestCode.PULL_MESSAGE
    const extFields = this.#fields(commitOffset)
    return new Promise((resolve, reject) => {
      const failed = (error: MqError): void => {
        // a broker that does not answer at all: the connection may lead nowhere
        if (error.kind === 'timeout') connection.destroy()
        reject(error)
      }
      connection.request({ code, extFields }, suspendMs + ANSWER_MS_MAX, {
        answered: (header, bodyAt, bodyEnd) => {
          try {
            resolve(this.#read(header, bodyAt, bodyEnd, connection))
          } catch (error) {
            reject(error)
          }
        },
        failed,
      })
    })
  }

  #fields(commitOffset: number): Record<string, string> {
    const { group, queue, settings, subscription } = this.#parts
    const { topic, queueId } = queue.queue
    const flags =
      PullSysFlag.SUSPEND |
      (commitOffset > 0 ? PullSysFlag.COMMIT_OFFSET : 0) |
      (settings.isLite ? PullSysFlag.SUBSCRIPTION | PullSysFlag.LITE_PULL : 0)
    return {
      consumerGroup: group,
      topic,
      queueId: String(queueId),
      queueOffset: String(queue.nextOffset),
      maxMsgNums: String(settings.batchMax),
      sysFlag: String(flags),
      commitOffset: String(commitOffset),
      suspendTimeoutMillis: String(settings.suspendMs),
      subVersion: settings.isLite ? '0' : String(subscription.data.subVersion),
      ...(settings.isLite && { subscription: subscription.data.subString }),
      expressionType: subscription.data.expressionType,
    }
  }

  /**
   * @throws ClientError for every code that is not one of the four that a pull may have; MqError for what is
   *   damaged
   */
  #read(header: HeaderScan, bodyAt: number, bodyEnd: number, connection: RemotingConnection): PullAnswer {
    const { queue, instance, subscription } = this.#parts
    const { code } = header
    switch (code) {
      case ResponseCode.SUCCESS:
      case ResponseCode.PULL_NOT_FOUND:
      case ResponseCode.PULL_RETRY_IMMEDIATELY:
      case ResponseCode.PULL_OFFSET_MOVED:
        break
      case ResponseCode.SUBSCRIPTION_NOT_EXIST:
      case ResponseCode.SUBSCRIPTION_NOT_LATEST:
        instance.heartbeats.forget(connection)
        throw refusalOf(header, `queue ${messageQueueKey(queue.queue)}`)
      default:
        throw refusalOf(header, `queue ${messageQueueKey(queue.queue)}`)
    }
    const range = { at: bodyAt, end: bodyEnd }
    const isFound = code === ResponseCode.SUCCESS
    return {
      code,
      nextOffset: header.requiredInteger('nextBeginOffset'),
      brokerId: header.optionalInteger('suggestWhichBrokerId', 0),
      messages: isFound ? readMessages(header.buffer, range, queue.queue, subscription.filter) : [],
    }
  }

  async #recover(error: unknown): Promise<void> {
    const { queue, instance, group } = this.#parts
    const failure = clientErrorOf(error)
    instance.host.log.warn(
      { group, queue: messageQueueKey(queue.queue), error: messageOf(error) },
      'a queue could not be pulled; it is tried again',
    )
    queue.brokerId = 0
    instance.routes.refreshAfterError(queue.queue.topic)
    this.#ear.stalled(queue, failure)
    await this.#wakeup.sleep(ERROR_DELAY_MS)
  }
}
