import { type Channel, channel } from 'node:diagnostics_channel'
import type { Clock } from '../base/host.ts'
import type { HandlerContext } from './handler-context.ts'
import type { Message } from './message.ts'
import type { ReceivedMessage } from './received-message.ts'
import type { SendResult } from './send-result.ts'

/** A send as those who watch it see it. */
export interface SendInfo {
  /** One, or those of a batch. */
  readonly messages: readonly Message[]
  readonly group: string
  /** `half`: the first step of a transaction. */
  readonly kind: 'message' | 'batch' | 'half' | 'request' | 'reply'
  /** Whether the program has chosen the queue. */
  readonly isOrdered: boolean
}

/** How a send has ended. */
export interface SendOutcome {
  readonly durationMs: number
  /** Of a batch: that of its first message. */
  readonly result?: SendResult
  readonly error?: unknown
}

/** Hears how a send ends. */
export interface SendObserver {
  /** Properties that the messages carry beside their own. */
  readonly properties?: Readonly<Record<string, string>>
  ended(outcome: SendOutcome): void
}

/** A handler at work, as those who watch it see it. */
export interface HandleInfo {
  readonly message: ReceivedMessage
  readonly context: HandlerContext
  readonly group: string
}

/** Watches sends and handlers: tracing, metrics, logs. Nothing of it may throw. */
export interface Instrumentation {
  /** A send begins. @returns who hears of its end */
  sending(info: SendInfo): SendObserver | undefined
  /** Runs a handler, and returns or throws what it does. */
  handling(info: HandleInfo, run: () => unknown): unknown
  /** The client is closed. */
  close?(): Promise<void>
}

/** What subscribers of the channel `ternmq:send` get, at the end of each send. */
export interface SendEvent extends SendInfo, SendOutcome {}

/** What subscribers of the channel `ternmq:handle` get, at the end of each handler. */
export interface HandleEvent extends HandleInfo {
  readonly durationMs: number
  readonly error?: unknown
}

/** All who watch a client; it costs a look at two fields while nobody does. */
export class Instruments {
  readonly #clock: Clock
  readonly #all: Instrumentation[]
  readonly #sends: Channel = channel('ternmq:send')
  readonly #handlings: Channel = channel('ternmq:handle')

  constructor(clock: Clock, all: readonly Instrumentation[]) {
    this.#clock = clock
    this.#all = [...all]
  }

  add(one: Instrumentation): void {
    this.#all.push(one)
  }

  /** Whether somebody watches sends. */
  get watchesSends(): boolean {
    return this.#all.length > 0 || this.#sends.hasSubscribers
  }

  /** Whether somebody watches handlers. */
  get watchesHandlers(): boolean {
    return this.#all.length > 0 || this.#handlings.hasSubscribers
  }

  /** @param send takes the properties that are to be added */
  async send<Result>(
    info: SendInfo,
    send: (properties: Readonly<Record<string, string>>) => Promise<Result>,
    resultOf: (result: Result) => SendResult,
  ): Promise<Result> {
    const startMs = this.#clock.monoMs()
    const observers = this.#all.flatMap((one) => one.sending(info) ?? [])
    const end = (rest: Omit<SendOutcome, 'durationMs'>): void => {
      const outcome = { durationMs: this.#clock.monoMs() - startMs, ...rest }
      for (const observer of observers) observer.ended(outcome)
      if (this.#sends.hasSubscribers) this.#sends.publish({ ...info, ...outcome } satisfies SendEvent)
    }
    try {
      const result = await send(Object.assign({}, ...observers.map(({ properties }) => properties)))
      end({ result: resultOf(result) })
      return result
    } catch (error) {
      end({ error })
      throw error
    }
  }

  /** Runs a handler, and returns or throws what it does. */
  handle(info: HandleInfo, run: () => unknown): unknown {
    let inner = run
    if (this.#handlings.hasSubscribers) inner = () => this.#published(info, run)
    for (const one of this.#all) {
      const next = inner
      inner = () => one.handling(info, next)
    }
    return inner()
  }

  async close(): Promise<void> {
    await Promise.all(this.#all.map((one) => one.close?.()))
  }

  async #published(info: HandleInfo, run: () => unknown): Promise<void> {
    const startMs = this.#clock.monoMs()
    const publish = (rest: { error?: unknown }): void => {
      const durationMs = this.#clock.monoMs() - startMs
      this.#handlings.publish({ ...info, durationMs, ...rest } satisfies HandleEvent)
    }
    try {
      await run()
      publish({})
    } catch (error) {
      publish({ error })
      throw error
    }
  }
}

/** A message with properties that others have for it; its own stay. */
export function withProperties(message: Message, properties: Readonly<Record<string, string>>): Message {
  for (const _ in properties) return { ...message, properties: { ...properties, ...message.properties } }
  return message
}
