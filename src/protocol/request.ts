import { MqError } from '../base/errors.ts'
import type { RemotingCommand } from './remoting-command.ts'

/** Who sent a request: one connection, as handlers see it. */
export interface Peer {
  /** Unique among the connections of a process. */
  readonly id: number
  /** `ip:port` of the other side. */
  readonly address: string
}

/** A request as handlers off the hot path get it, with its fields read by type. */
export class Request {
  readonly code: number
  /** Number of the client's language (`Language`). */
  readonly language: number
  /** Ordinal of the client's release. */
  readonly version: number
  /** Without prototype. */
  readonly fields: Readonly<Record<string, string>>
  readonly body: Buffer
  readonly peer: Peer
  readonly isOneway: boolean

  constructor(command: RemotingCommand, peer: Peer) {
    this.code = command.code
    this.language = command.language
    this.version = command.version
    this.fields = command.extFields
    this.body = command.body
    this.isOneway = (command.flag & 2) !== 0
    this.peer = peer
  }

  /** @throws MqError invalidParameter when the field is absent */
  text(name: string): string {
    const text = this.fields[name]
    if (text === undefined) throw new MqError('invalidParameter', `the request has no field ${name}`)
    return text
  }

  optionalText(name: string): string | undefined {
    return this.fields[name]
  }

  /** @throws MqError invalidParameter when the field is absent or no decimal integer within +-2^53 */
  integer(name: string): number {
    return integerOf(name, this.text(name))
  }

  /** @throws MqError invalidParameter when the field is there and no decimal integer within +-2^53 */
  optionalInteger<Fallback>(name: string, fallback: Fallback): number | Fallback {
    const text = this.fields[name]
    return text === undefined ? fallback : integerOf(name, text)
  }

  /** As Java's Boolean.parseBoolean: "true" in any case is true, everything else and an absent field false. */
  boolean(name: string): boolean {
    return this.fields[name]?.toLowerCase() === 'true'
  }

  /** As `boolean`; `fallback` when the field is absent. */
  optionalBoolean(name: string, fallback: boolean): boolean {
    return this.fields[name] === undefined ? fallback : this.boolean(name)
  }
}

/** What a handler answers. Nothing is sent for a oneway request. */
export interface Reply {
  /** A response code; SUCCESS when left out. */
  readonly code?: number
  readonly remark?: string
  readonly extFields?: Readonly<Record<string, string>>
  readonly body?: Buffer
}

/** Answers one kind of request; throws MqError for expected failures, which become replies in one place. */
export type Handler = (request: Request) => Reply | Promise<Reply>

/** Handlers by request code. */
export type HandlerFamily = Readonly<Record<number, Handler>>

function integerOf(name: string, text: string): number {
  const value = /^-?\d{1,19}$/.test(text) ? Number(text) : Number.NaN
  if (Number.isSafeInteger(value)) return value
  throw new MqError('invalidParameter', `${name} is not an integer within 2^53: "${text.slice(0, 40)}"`)
}
