import { ByteView, copyBytes } from '../../protocol/byte-view.ts'
import { BROKER_VERSION } from '../../protocol/client-version.ts'
import { FRAME_PREFIX_BYTES, SerializeType } from '../../protocol/frame.ts'
import { ascii, putBytes, putDecimal } from './ascii.ts'

/** The name of a field, in both forms. */
export interface FieldName {
  readonly name: ByteView
  /** `,"name":"` */
  readonly json: ByteView
}

export function fieldName(name: string): FieldName {
  return { name: ascii(name), json: ascii(`,"${name}":"`) }
}

/** Fields that are the same in every reply, as they stand in either form. */
export interface FixedFields {
  /** `,"name":"value"`, one behind the other */
  readonly json: ByteView
  readonly binary: ByteView
}

export function fixedFields(fields: Readonly<Record<string, string>>): FixedFields {
  const [json, binary] = [new ByteView(), new ByteView()]
  const entries = Object.entries(fields)
  json.of(Buffer.from(entries.map(([name, value]) => `,"${name}":"${value}"`).join('')))
  binary.of(Buffer.concat(entries.map(([name, value]) => binaryField(name, Buffer.from(value)))))
  return { json, binary }
}

function binaryField(name: string, value: Buffer): Buffer {
  const bytes = Buffer.alloc(6 + name.length + value.length)
  bytes.writeInt16BE(name.length)
  bytes.write(name, 2, 'latin1')
  bytes.writeInt32BE(value.length, 2 + name.length)
  value.copy(bytes, 6 + name.length)
  return bytes
}

/**
 * Writes the header of a hot reply straight into a connection's output, in either form:
 *
 *     begin(...)  text/number/hex fields ...  end(...)
 *
 * JSON replies have the keys that fastjson would write, values as strings; binary ones the same fields as entries. One
 * instance serves a door; it is busy between `begin` and `end`, which are of the same turn.
 */
export class ReplyHeader {
  /** What is written into. */
  readonly target = new ByteView()
  /** Where the next byte goes. */
  at = 0
  #start = 0
  #isJson = true
  #opaque = 0
  #areaAt = 0
  #valueAt = 0
  #isFirst = true

  /**
   * Begins a response; `buffer` has room for all of it.
   * @param serializeType as the request was written
   */
  begin(buffer: Buffer, at: number, reply: { code: number; opaque: number; serializeType: number }): void {
    const { target } = this
    const view = target.of(buffer)
    this.#start = at
    this.#isJson = reply.serializeType === SerializeType.JSON
    this.#opaque = reply.opaque
    this.#isFirst = true
    const headerAt = at + FRAME_PREFIX_BYTES
    if (this.#isJson) {
      this.at = putDecimal(view, putBytes(target, headerAt, JSON_BEGIN), reply.code)
      this.at = putBytes(target, this.at, JSON_FIELDS)
      return
    }
    // code:2 language:1 version:2 opaque:4 flag:4 remark length:4 (0), area length:4
    view.setInt16(headerAt, reply.code)
    view.setUint8(headerAt + 2, 0)
    view.setInt16(headerAt + 3, BROKER_VERSION)
    view.setInt32(headerAt + 5, reply.opaque)
    view.setInt32(headerAt + 9, 1)
    view.setInt32(headerAt + 13, 0)
    this.#areaAt = headerAt + 17
    this.at = headerAt + 21
  }

  /** Begins a field; its value is written by the caller at `at`, then `endField`. */
  beginField({ name, json }: FieldName): void {
    const { target } = this
    if (this.#isJson) {
      this.at = copyBytes(target, this.at, json, this.#isFirst ? 1 : 0, json.buffer.length)
      this.#isFirst = false
      return
    }
    target.view.setInt16(this.at, name.buffer.length)
    this.at = putBytes(target, this.at + 2, name)
    this.#valueAt = this.at
    this.at += 4
  }

  endField(): void {
    const { view } = this.target
    if (this.#isJson) view.setUint8(this.at++, QUOTE)
    else view.setInt32(this.#valueAt, this.at - this.#valueAt - 4)
  }

  text(name: FieldName, value: ByteView): void {
    this.beginField(name)
    this.at = putBytes(this.target, this.at, value)
    this.endField()
  }

  number(name: FieldName, value: number): void {
    this.beginField(name)
    this.at = putDecimal(this.target.view, this.at, value)
    this.endField()
  }

  /** Adds these; they are not the first. */
  fixed({ json, binary }: FixedFields): void {
    this.at = putBytes(this.target, this.at, this.#isJson ? json : binary)
  }

  /**
   * Ends the header and writes the frame's lengths; the body, of `bodyBytes`, comes at `at`.
   * @param remark the status name that JSON replies carry, undefined for none; binary ones go without
   */
  end(remark: ByteView | undefined, bodyBytes: number): void {
    const { target } = this
    const { view } = target
    if (this.#isJson) {
      this.at = putDecimal(view, putBytes(target, this.at, JSON_OPAQUE), this.#opaque)
      if (remark) {
        this.at = putBytes(target, putBytes(target, this.at, JSON_REMARK), remark)
        view.setUint8(this.at++, QUOTE)
      }
      this.at = putBytes(target, this.at, JSON_END)
    } else view.setInt32(this.#areaAt, this.at - this.#areaAt - 4)
    const headerBytes = this.at - this.#start - FRAME_PREFIX_BYTES
    view.setInt32(this.#start, 4 + headerBytes + bodyBytes)
    const type = this.#isJson ? SerializeType.JSON : SerializeType.ROCKETMQ
    view.setInt32(this.#start + 4, (type << 24) | headerBytes)
  }
}

const QUOTE = 34
const JSON_BEGIN = ascii('{"code":')
const JSON_FIELDS = ascii(',"extFields":{')
const JSON_OPAQUE = ascii('},"flag":1,"language":"JAVA","opaque":')
const JSON_REMARK = ascii(',"remark":"')
const JSON_END = ascii(`,"serializeTypeCurrentRPC":"JSON","version":${BROKER_VERSION}}`)
