import { MqError } from '../../base/errors.ts'
import type { HeaderScan } from '../../protocol/header-scan.ts'
import type { Request } from '../../protocol/request.ts'

const code = (letter: string): number => letter.charCodeAt(0)

/** A field of a send request: its letter (V2) and its long name (V1). Clients use either with any of the codes. */
interface Field {
  readonly letter: number
  readonly name: string
}

export const sendFields = {
  topic: { letter: code('b'), name: 'topic' },
  defaultTopic: { letter: code('c'), name: 'defaultTopic' },
  defaultTopicQueueNums: { letter: code('d'), name: 'defaultTopicQueueNums' },
  queueId: { letter: code('e'), name: 'queueId' },
  sysFlag: { letter: code('f'), name: 'sysFlag' },
  bornTimestamp: { letter: code('g'), name: 'bornTimestamp' },
  flag: { letter: code('h'), name: 'flag' },
  properties: { letter: code('i'), name: 'properties' },
  reconsumeTimes: { letter: code('j'), name: 'reconsumeTimes' },
  producerGroup: { letter: code('a'), name: 'producerGroup' },
  unitMode: { letter: code('k'), name: 'unitMode' },
  maxReconsumeTimes: { letter: code('l'), name: 'maxReconsumeTimes' },
} as const satisfies Readonly<Record<string, Field>>

export type SendField = keyof typeof sendFields

/** Reads the fields of one send request after another from their scanned headers. */
export class SendFields {
  #header: HeaderScan | undefined
  #isShort = true

  begin(header: HeaderScan): void {
    this.#header = header
    this.#isShort = header.letter(sendFields.topic.letter) >= 0
  }

  /** Index of the field in the header, -1 when it is absent. */
  find({ letter, name }: Field): number {
    const header = this.#header as HeaderScan
    return this.#isShort ? header.letter(letter) : header.find(name)
  }

  /** @throws MqError invalidParameter when the field is absent or no integer */
  integer(field: Field): number {
    const index = this.find(field)
    if (index < 0) throw new MqError('invalidParameter', `the request has no field ${field.name}`)
    return (this.#header as HeaderScan).integer(index, field.name)
  }

  optionalInteger<Fallback>(field: Field, fallback: Fallback): number | Fallback {
    return this.find(field) < 0 ? fallback : this.integer(field)
  }

  /** @throws MqError invalidParameter when the field is absent */
  text(field: Field): string {
    const index = this.find(field)
    if (index < 0) throw new MqError('invalidParameter', `the request has no field ${field.name}`)
    return (this.#header as HeaderScan).text(index)
  }

  /** As Java's Boolean.parseBoolean; an absent field is false. */
  boolean(field: Field): boolean {
    const index = this.find(field)
    return index >= 0 && (this.#header as HeaderScan).boolean(index)
  }
}

/** The same field of a request off the hot path, by whichever of its names the client has used. */
export function sendField(request: Request, field: SendField): string | undefined {
  const { letter, name } = sendFields[field]
  return request.optionalText(nameOf(request, String.fromCharCode(letter), name))
}

/** @throws MqError invalidParameter when the field is there and no integer */
export function sendInteger(request: Request, field: SendField, fallback: number): number {
  const { letter, name } = sendFields[field]
  return request.optionalInteger(nameOf(request, String.fromCharCode(letter), name), fallback)
}

function nameOf(request: Request, short: string, long: string): string {
  return request.fields[short] === undefined ? long : short
}
