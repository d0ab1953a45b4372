import { messageOf } from '../base/errors.ts'
import { ClientError } from './client-error.ts'
import type { HandlerContext } from './handler-context.ts'
import type { Handler } from './handler-runner.ts'
import type { Message } from './message.ts'
import { Reject } from './outcomes.ts'
import type { ReceivedMessage } from './received-message.ts'

/** How the values of a topic become bodies, and the other way round. */
export interface Codec<Value> {
  encode(value: Value): string | Uint8Array
  /** Throws for a body that is none. */
  decode(message: ReceivedMessage): Value | Promise<Value>
}

/** What checks values: any library of the Standard Schema interface, version 1 (zod, valibot, arktype). */
export interface StandardSchema<Value> {
  readonly '~standard': {
    readonly version: 1
    readonly vendor: string
    readonly validate: (value: unknown) => SchemaResult<Value> | Promise<SchemaResult<Value>>
  }
}

type SchemaResult<Value> =
  | { readonly value: Value; readonly issues?: undefined }
  | { readonly issues: readonly { readonly message: string }[] }

/** Bodies in JSON, checked by a schema on arrival where one is given. */
export function json<Value>(schema?: StandardSchema<Value>): Codec<Value> {
  return {
    encode: (value) => JSON.stringify(value),
    decode: (message) => {
      const value: unknown = JSON.parse(message.text)
      return schema ? checked(schema, value) : (value as Value)
    },
  }
}

/** Bodies in UTF-8. */
export const utf8: Codec<string> = { encode: (value) => value, decode: ({ text }) => text }

/** Whatever a message may say beside its value. */
export type MessageRest = Omit<Message, 'topic' | 'body'>

/** Handles the value of a message. */
export type ValueHandler<Value> = (value: Value, message: ReceivedMessage, context: HandlerContext) => unknown

/** A topic whose messages carry values of one type. Made by `topic`. */
export class Topic<Value> {
  readonly name: string
  readonly #codec: Codec<Value>

  constructor(name: string, codec: Codec<Value>) {
    this.name = name
    this.#codec = codec
  }

  /** A message that carries the value. */
  message(value: Value, rest: MessageRest = {}): Message {
    return { ...rest, topic: this.name, body: this.#codec.encode(value) }
  }

  /** The value that a message carries. @throws ClientError messageIllegal when it carries none of this type */
  async read(message: ReceivedMessage): Promise<Value> {
    try {
      return await this.#codec.decode(message)
    } catch (error) {
      const text = `message ${message.messageId} of ${this.name}: ${messageOf(error)}`
      throw new ClientError('messageIllegal', text, { cause: error })
    }
  }

  /** A handler for `run`. A message without such a value is buried: it would not get better. */
  handler(handle: ValueHandler<Value>): Handler {
    return async (message, context) => {
      let value: Value
      try {
        value = await this.read(message)
      } catch (error) {
        throw new Reject(messageOf(error), { cause: error })
      }
      return handle(value, message, context)
    }
  }
}

/** A topic whose messages carry values of one type, in JSON unless another codec is given. */
export function topic<Value>(name: string, codec: Codec<Value> = json<Value>()): Topic<Value> {
  return new Topic(name, codec)
}

async function checked<Value>(schema: StandardSchema<Value>, value: unknown): Promise<Value> {
  const result = await schema['~standard'].validate(value)
  if (result.issues === undefined) return result.value
  throw new Error(result.issues.map(({ message }) => message).join('; '))
}
