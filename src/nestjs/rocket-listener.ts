import type { ConsumerOptions } from '../client/consumer-options.ts'
import type { Codec } from '../client/typed-topic.ts'

/** What a listener consumes, and how: all that a consumer of `ternmq/client` can do. */
export interface RocketListenerOptions extends Omit<ConsumerOptions, 'topic' | 'manualAck'> {
  readonly topic: string | readonly string[]
  /** How bodies become payloads: JSON unless given. A body that is none is buried. */
  readonly codec?: Codec<unknown>
  /** The connection, where it is not the default one. */
  readonly connection?: string
}

/** A method that is a listener, as its decorator has left it. */
export interface ListenerMark {
  readonly options: RocketListenerOptions
  /** Whether what it returns is sent to those who ask for a reply. */
  readonly replies: boolean
}

const marks = new WeakMap<object, ListenerMark[]>()

/**
 * Has a method of a provider handle the messages of topics. What it throws has the message delivered again,
 * `Reject` buries it.
 */
export function RocketListener(options: RocketListenerOptions): MethodDecorator {
  return mark({ options, replies: false })
}

/** As `RocketListener`; what the method returns is the reply to those who sent their message by `request`. */
export function RocketReply(options: RocketListenerOptions): MethodDecorator {
  return mark({ options, replies: true })
}

/** What the decorators of a method say; empty for a method that is no listener. */
export function listenerMarksOf(method: object): readonly ListenerMark[] {
  return marks.get(method) ?? []
}

function mark(one: ListenerMark): MethodDecorator {
  return (_target, _name, descriptor) => {
    const method: unknown = descriptor.value
    if (typeof method !== 'function') throw new TypeError('a listener is a method')
    marks.set(method, [...listenerMarksOf(method), one])
  }
}
