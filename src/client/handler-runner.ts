import { messageOf } from '../base/errors.ts'
import type { Clock, Timer } from '../base/host.ts'
import type { ConsumeMessageDirectlyResult } from '../protocol/consume-result.ts'
import { messageQueueKey } from '../protocol/message-queue.ts'
import { ClientError } from './client-error.ts'
import { type Handled, HandlerContext, type ReplyPort } from './handler-context.ts'
import type { Instruments } from './instrumentation.ts'
import { Retry } from './outcomes.ts'
import type { ReceivedMessage } from './received-message.ts'
import { isThenable } from './thenable.ts'

/**
 * Handles a message. It is done with when this returns or its promise resolves; what it throws has it
 * delivered again.
 */
export type Handler = (message: ReceivedMessage, context: HandlerContext) => unknown

/** Handlers that return at once leave the loop to others after so many. */
const AT_ONCE_MAX = 256

/** The time of one handler of so many is taken. */
const TIMED_SHARE = 16

export interface RunnerSettings {
  readonly group: string
  /** Handlers at work at the same time. */
  readonly concurrency: number
  /** A handler that takes longer is given up: its message is delivered again. */
  readonly handlerTimeoutMs: number
}

/** Where messages come from, and what becomes of them. */
export interface RunnerParts<Item extends Handled> {
  readonly clock: Clock
  readonly source: { take(): Item | undefined }
  readonly settler: { succeed(item: Item): void; fail(item: Item, error: unknown): Promise<void> }
  readonly handler: Handler
  readonly instruments: Instruments
  readonly replies: ReplyPort
  /** Hears how long some of the handlers have taken. */
  readonly timed?: (item: Item, elapsedMs: number) => void
}

interface Task<Item> {
  readonly item: Item
  readonly context: HandlerContext
  readonly deadlineMs: number
}

/** Has a program's function handle what a source hands out, several at a time. */
export class HandlerRunner<Item extends Handled> {
  readonly #parts: RunnerParts<Item>
  readonly #settings: RunnerSettings
  readonly #tasks = new Set<Task<Item>>()
  #timer: Timer | undefined
  #startedCount = 0
  #isPumping = false
  #isStopped = false
  #idle: (() => void) | undefined

  constructor(parts: RunnerParts<Item>, settings: RunnerSettings) {
    this.#parts = parts
    this.#settings = settings
  }

  /** Handlers at work now. */
  get runningCount(): number {
    return this.#tasks.size
  }

  /** What handlers are at, a line each: what they work on, and for how long. */
  atWork(): string {
    const nowMs = this.#parts.clock.monoMs()
    const lines = [...this.#tasks].map(({ item, deadlineMs }) => {
      const { messageId, queue, queueOffset } = item.message
      const elapsedMs = Math.round(nowMs - deadlineMs + this.#settings.handlerTimeoutMs)
      return `${messageId} of ${messageQueueKey(queue)} at ${queueOffset}, for ${elapsedMs} ms\n`
    })
    return `${this.#tasks.size} of ${this.#settings.concurrency} handlers at work\n${lines.join('')}`
  }

  /**
   * Has the handler work on a message because an operator says so, beside those of the source: nothing is committed,
   * and nothing delivered again (RocketMQ's consumeMessageDirectly). Never rejects.
   */
  async consumeDirectly(message: ReceivedMessage, isOrdered: boolean): Promise<ConsumeMessageDirectlyResult> {
    const { clock, handler, replies } = this.#parts
    const startMs = clock.monoMs()
    let outcome: Pick<ConsumeMessageDirectlyResult, 'consumeResult' | 'remark'> = {
      consumeResult: 'CR_SUCCESS',
    }
    try {
      await handler(message, new HandlerContext({ message, failures: 0 }, replies))
    } catch (error) {
      const consumeResult = error instanceof Retry ? 'CR_LATER' : 'CR_THROW_EXCEPTION'
      outcome = { consumeResult, remark: messageOf(error) }
    }
    const spentTimeMills = Math.round(clock.monoMs() - startMs)
    return { ...outcome, order: isOrdered, autoCommit: true, spentTimeMills }
  }

  /** There may be something to handle. */
  readonly pump = (): void => {
    if (this.#isPumping || this.#isStopped) return
    this.#isPumping = true
    try {
      for (let done = 0; this.#tasks.size < this.#settings.concurrency; done++) {
        if (done === AT_ONCE_MAX) {
          this.#parts.clock.endOfTurn(this.pump)
          return
        }
        const item = this.#parts.source.take()
        if (!item) return
        this.#start(item)
      }
    } finally {
      this.#isPumping = false
    }
  }

  /** Tells the handlers of these messages that their work is not wanted any more. */
  abort(isMeant: (item: Item) => boolean, reason: Error): void {
    for (const { item, context } of this.#tasks) if (isMeant(item)) context.abort(reason)
  }

  /** Starts no more handlers, and waits until those at work are done or `drainMs` have passed. */
  async stop(drainMs: number): Promise<void> {
    this.#isStopped = true
    if (this.#tasks.size > 0) {
      await new Promise<void>((resolve) => {
        const timer = this.#parts.clock.after(drainMs, resolve)
        this.#idle = () => {
          timer.cancel()
          resolve()
        }
      })
    }
    this.#timer?.cancel()
    for (const { context } of this.#tasks) context.abort(new ClientError('closed', 'the consumer is closed'))
    this.#tasks.clear()
  }

  #start(item: Item): void {
    const context = new HandlerContext(item, this.#parts.replies)
    const startMs = ++this.#startedCount % TIMED_SHARE === 0 ? this.#parts.clock.monoMs() : undefined
    let result: unknown
    try {
      result = this.#parts.instruments.watchesHandlers
        ? this.#watched(item.message, context)
        : this.#parts.handler(item.message, context)
    } catch (error) {
      void this.#track(item, context, Promise.reject(error))
      return
    }
    if (isThenable(result)) void this.#track(item, context, result, startMs)
    else {
      if (startMs !== undefined) this.#timed(item, startMs)
      this.#parts.settler.succeed(item)
    }
  }

  #watched(message: ReceivedMessage, context: HandlerContext): unknown {
    const { group } = this.#settings
    const { instruments, handler } = this.#parts
    return instruments.handle({ message, context, group }, () => handler(message, context))
  }

  #timed(item: Item, startMs: number): void {
    this.#parts.timed?.(item, this.#parts.clock.monoMs() - startMs)
  }

  async #track(
    item: Item,
    context: HandlerContext,
    result: PromiseLike<unknown>,
    startMs?: number,
  ): Promise<void> {
    const task = { item, context, deadlineMs: this.#parts.clock.monoMs() + this.#settings.handlerTimeoutMs }
    this.#tasks.add(task)
    this.#timer ??= this.#parts.clock.after(this.#settings.handlerTimeoutMs, this.#sweep)
    try {
      await result
      if (startMs !== undefined) this.#timed(item, startMs)
      if (this.#tasks.has(task)) this.#parts.settler.succeed(item)
    } catch (error) {
      if (this.#tasks.has(task)) await this.#parts.settler.fail(item, error)
    }
    this.#end(task)
  }

  #end(task: Task<Item>): void {
    if (!this.#tasks.delete(task)) return
    if (this.#tasks.size === 0) this.#idle?.()
    this.pump()
  }

  /**
   * Tasks are in the order in which they began, so the first decides when to look again. Those that begin meanwhile, in the place of
   * others given up, set no timer of their own.
   */
  readonly #sweep = (): void => {
    const nowMs = this.#parts.clock.monoMs()
    for (const task of this.#tasks) {
      const restMs = task.deadlineMs - nowMs
      if (restMs > 0) {
        this.#timer = this.#parts.clock.after(restMs, this.#sweep)
        return
      }
      const error = new ClientError('timeout', `not handled within ${this.#settings.handlerTimeoutMs} ms`)
      task.context.abort(error)
      void this.#parts.settler.fail(task.item, error)
      this.#end(task)
    }
    this.#timer = undefined
  }
}
