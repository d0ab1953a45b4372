import type { Clock, Timer } from '../base/host.ts'
import { ClientError } from './client-error.ts'
import type { Consumption } from './consumption.ts'
import { HandlerContext } from './handler-context.ts'
import type { Instruments } from './instrumentation.ts'
import type { CachedMessage, ProcessQueue } from './process-queue.ts'
import type { ReceivedMessage } from './received-message.ts'
import type { Settler } from './settler.ts'
import { isThenable } from './thenable.ts'

/**
 * Handles a message. It is done with when this returns or its promise resolves; what it throws has it
 * delivered again.
 */
export type Handler = (message: ReceivedMessage, context: HandlerContext) => unknown

/** Handlers that return at once leave the loop to others after so many. */
const AT_ONCE_MAX = 256

export interface RunnerSettings {
  readonly group: string
  /** Handlers at work at the same time. */
  readonly concurrency: number
  /** A handler that takes longer is given up: its message is delivered again. */
  readonly handlerTimeoutMs: number
}

interface Task {
  readonly cached: CachedMessage
  readonly context: HandlerContext
  readonly deadlineMs: number
}

/** Has a program's function handle what a consumption hands out, several at a time. */
export class HandlerRunner {
  readonly #clock: Clock
  readonly #consumption: Consumption
  readonly #settler: Settler
  readonly #settings: RunnerSettings
  readonly #handler: Handler
  readonly #instruments: Instruments
  readonly #tasks = new Set<Task>()
  #timer: Timer | undefined
  #isPumping = false
  #isStopped = false
  #idle: (() => void) | undefined

  constructor(
    parts: {
      clock: Clock
      consumption: Consumption
      settler: Settler
      handler: Handler
      instruments: Instruments
    },
    settings: RunnerSettings,
  ) {
    this.#instruments = parts.instruments
    this.#clock = parts.clock
    this.#consumption = parts.consumption
    this.#settler = parts.settler
    this.#handler = parts.handler
    this.#settings = settings
  }

  /** Handlers at work now. */
  get runningCount(): number {
    return this.#tasks.size
  }

  /** There may be something to handle. */
  readonly pump = (): void => {
    if (this.#isPumping || this.#isStopped) return
    this.#isPumping = true
    try {
      for (let done = 0; this.#tasks.size < this.#settings.concurrency; done++) {
        if (done === AT_ONCE_MAX) {
          this.#clock.endOfTurn(this.pump)
          return
        }
        const cached = this.#consumption.take()
        if (!cached) return
        this.#start(cached)
      }
    } finally {
      this.#isPumping = false
    }
  }

  /** The queue belongs to another consumer now: its handlers are told. */
  queueDropped(queue: ProcessQueue): void {
    for (const { cached, context } of this.#tasks) {
      if (cached.queue === queue) {
        context.abort(new ClientError('closed', 'the queue has gone to another consumer'))
      }
    }
  }

  /** Starts no more handlers, and waits until those at work are done or `drainMs` have passed. */
  async stop(drainMs: number): Promise<void> {
    this.#isStopped = true
    if (this.#tasks.size > 0) {
      await new Promise<void>((resolve) => {
        const timer = this.#clock.after(drainMs, resolve)
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

  #start(cached: CachedMessage): void {
    const context = new HandlerContext(cached)
    let result: unknown
    try {
      result = this.#instruments.watchesHandlers
        ? this.#watched(cached.message, context)
        : this.#handler(cached.message, context)
    } catch (error) {
      void this.#track(cached, context, Promise.reject(error))
      return
    }
    if (isThenable(result)) void this.#track(cached, context, result)
    else this.#settler.succeed(cached)
  }

  #watched(message: ReceivedMessage, context: HandlerContext): unknown {
    const { group } = this.#settings
    return this.#instruments.handle({ message, context, group }, () => this.#handler(message, context))
  }

  async #track(cached: CachedMessage, context: HandlerContext, result: PromiseLike<unknown>): Promise<void> {
    const task = { cached, context, deadlineMs: this.#clock.monoMs() + this.#settings.handlerTimeoutMs }
    this.#tasks.add(task)
    this.#timer ??= this.#clock.after(this.#settings.handlerTimeoutMs, this.#sweep)
    try {
      await result
      if (this.#tasks.has(task)) this.#settler.succeed(cached)
    } catch (error) {
      if (this.#tasks.has(task)) await this.#settler.fail(cached, error)
    }
    this.#end(task)
  }

  #end(task: Task): void {
    if (!this.#tasks.delete(task)) return
    if (this.#tasks.size === 0) this.#idle?.()
    this.pump()
  }

  /** Tasks are in the order in which they began, so the first decides when to look again. */
  readonly #sweep = (): void => {
    this.#timer = undefined
    const nowMs = this.#clock.monoMs()
    for (const task of this.#tasks) {
      const restMs = task.deadlineMs - nowMs
      if (restMs > 0) {
        this.#timer = this.#clock.after(restMs, this.#sweep)
        return
      }
      const error = new ClientError('timeout', `not handled within ${this.#settings.handlerTimeoutMs} ms`)
      task.context.abort(error)
      void this.#settler.fail(task.cached, error)
      this.#end(task)
    }
  }
}
