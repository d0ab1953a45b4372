import type { ConsumeMessageDirectlyResult } from '../protocol/consume-result.ts'
import type { AbortOptions } from './abortable.ts'
import { type ClientError, clientErrorOf } from './client-error.ts'
import type { ClientInstance } from './client-instance.ts'
import type { Handled } from './handler-context.ts'
import { type Handler, HandlerRunner } from './handler-runner.ts'
import type { PullOptions } from './message-tap.ts'
import { delayMsOfLevel, Reject, Retry } from './outcomes.ts'
import type { ReceivedMessage } from './received-message.ts'
import { Replier } from './replier.ts'
import { SendBackDesk } from './send-back.ts'
import { Wakeup } from './wakeup.ts'

/** Pops that failed are tried again after this long. */
const ERROR_DELAY_MS = 1000

/** How long a message waits after it has failed so often (RocketMQ 5.x popDelayLevel). */
const retryDelaysMs = [10, 30, 60, 120, 180, 240, 300, 360, 420, 480, 540, 600, 1200, 1800, 3600, 7200].map(
  (seconds) => seconds * 1000,
)

/** What the work needs of its consumer. */
export interface PopPort {
  readonly group: string
  readonly topic: string
  pull(options: PullOptions): Promise<ReceivedMessage[]>
  ack(message: ReceivedMessage): Promise<void>
  postpone(message: ReceivedMessage, delayMs: number, options?: AbortOptions): Promise<void>
  forget(message: ReceivedMessage): void
}

export interface PopWorkSettings {
  /** Handlers at work at the same time. */
  readonly concurrency: number
  /** How long a message is nobody else's: its handler may take no longer. */
  readonly invisibleMs: number
  /** How often a message is delivered again before it is buried. */
  readonly retriesMax: number
}

/** Takes messages by pop as a handler becomes free for them, and settles what comes of them. */
export class PopWork {
  readonly #instance: ClientInstance
  readonly #consumer: PopPort
  readonly #settings: PopWorkSettings
  readonly #desk: SendBackDesk
  readonly #replier: Replier
  readonly #runner: HandlerRunner<Handled>
  readonly #free: Wakeup
  readonly #settling = new Set<Promise<void>>()
  #waiting: ReceivedMessage[] = []
  #isStopped = false

  constructor(instance: ClientInstance, consumer: PopPort, handler: Handler, settings: PopWorkSettings) {
    const { clock } = instance.host
    const { group } = consumer
    const { concurrency, invisibleMs, retriesMax } = settings
    this.#instance = instance
    this.#consumer = consumer
    this.#settings = settings
    this.#desk = new SendBackDesk(instance, group, retriesMax)
    this.#replier = new Replier(instance)
    this.#free = new Wakeup(clock)
    this.#runner = new HandlerRunner(
      {
        ...{ clock, handler, instruments: instance.instruments, replies: this.#replier },
        source: { take: () => this.#take() },
        settler: {
          succeed: ({ message }) => this.#settle(message, consumer.ack(message)),
          fail: ({ message }, error) => this.#fail(message, error),
        },
      },
      { group, concurrency, handlerTimeoutMs: invisibleMs },
    )
  }

  /** Runs until `stop`. Never rejects. */
  async run(): Promise<void> {
    while (!this.#isStopped) {
      const max = this.#settings.concurrency - this.#runner.runningCount - this.#settling.size
      if (max <= 0) {
        await this.#free.sleep()
        continue
      }
      try {
        this.#waiting = await this.#consumer.pull({ max })
        this.#runner.pump()
      } catch (error) {
        this.#tellStalled(clientErrorOf(error))
        await this.#free.sleep(ERROR_DELAY_MS)
      }
    }
  }

  /** Takes nothing more, and waits for handlers at work and for what they have settled. */
  async stop(drainMs: number): Promise<void> {
    this.#isStopped = true
    this.#free.wake()
    for (const message of this.#waiting.splice(0)) this.#settle(message, this.#consumer.postpone(message, 0))
    await this.#runner.stop(drainMs)
    await Promise.all(this.#settling)
    await this.#desk.close()
    await this.#replier.close()
  }

  /** What its handlers are at. */
  atWork(): string {
    return this.#runner.atWork()
  }

  /** Has its handler work on a message that was not popped. */
  consumeDirectly(message: ReceivedMessage): Promise<ConsumeMessageDirectlyResult> {
    return this.#runner.consumeDirectly(message, false)
  }

  #take(): Handled | undefined {
    const message = this.#waiting.shift()
    return message && { message, failures: 0 }
  }

  /** Where a broker does not hear of it the message comes again by itself. */
  #settle(message: ReceivedMessage, answered: Promise<void>): void {
    const settling = answered
      .catch((error: unknown) => this.#tellStalled(clientErrorOf(error)))
      .finally(() => {
        this.#settling.delete(settling)
        this.#consumer.forget(message)
        this.#free.wake()
      })
    this.#settling.add(settling)
  }

  async #fail(message: ReceivedMessage, error: unknown): Promise<void> {
    const isBuried = error instanceof Reject || message.reconsumeTimes >= this.#settings.retriesMax
    const { group } = this.#consumer
    const { messageId } = message
    this.#settle(
      message,
      isBuried ? this.#bury(message) : this.#consumer.postpone(message, delayMsOf(message, error)),
    )
    this.#instance.events.emit('failed', {
      ...{ group, messageId, error },
      settled: isBuried ? 'rejected' : 'retried',
    })
  }

  async #bury(message: ReceivedMessage): Promise<void> {
    await this.#desk.giveBack(message, -1)
    await this.#consumer.ack(message)
  }

  #tellStalled(error: ClientError): void {
    const { group, topic } = this.#consumer
    const queue = { topic, brokerName: '', queueId: -1 }
    this.#instance.events.emit('stalled', { group, queue, error })
  }
}

function delayMsOf({ reconsumeTimes }: ReceivedMessage, error: unknown): number {
  if (error instanceof Retry) {
    if (error.delayMs !== undefined) return error.delayMs
    if (error.delayLevel > 0) return delayMsOfLevel(error.delayLevel)
  }
  return retryDelaysMs[Math.min(reconsumeTimes, retryDelaysMs.length - 1)] ?? 0
}
