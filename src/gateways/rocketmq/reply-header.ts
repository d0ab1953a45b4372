import { putInt32 } from '../../protocol/big-endian.ts'
import { BROKER_VERSION } from '../../protocol/client-version.ts'
import { FRAME_PREFIX_BYTES, SerializeType } from '../../protocol/frame.ts'
import { ascii, putBytes, putDecimal } from './ascii.ts'

/**
 * Writes the header of a hot reply straight into a connection's output, in either form:
 *
 *     begin(...)  text/number/hex fields ...  end(...)
 *
 * JSON replies have the keys that fastjson would write, values as strings; binary ones the same fields as entries. One
 * instance serves a door; it is busy between `begin` and `end`, which are of the same turn.
 */
export class ReplyHeader {
  buffer: Buffer = Buffer.alloc(0)
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
    this.buffer = buffer
    this.#start = at
    this.#isJson = reply.serializeType === SerializeType.JSON
    this.#opaque = reply.opaque
    this.#isFirst = true
    const headerAt = at + FRAME_PREFIX_BYTES
    if (this.#isJson) {
      this.at = putDecimal(buffer, putBytes(buffer, headerAt, JSON_BEGIN), reply.code)
      this.at = putBytes(buffer, this.at, JSON_FIELDS)
      return
    }
    // code:2 language:1 version:2 opaque:4 flag:4 remark length:4 (0), area length:4
    buffer[headerAt] = reply.code >>> 8
    buffer[headerAt + 1] = reply.code
    buffer[headerAt + 2] = 0
    buffer[headerAt + 3] = BROKER_VERSION >>> 8
    buffer[headerAt + 4] = BROKER_VERSION & 0xff
    putInt32(buffer, headerAt + 5, reply.opaque)
    putInt32(buffer, headerAt + 9, 1)
    putInt32(buffer, headerAt + 13, 0)
    this.#areaAt = headerAt + 17
    this.at = headerAt + 21
  }

  /** Begins a field; its value is written by the caller at `at`, then `endField`. */
  beginField(name: Buffer): void {
    const { buffer } = this
    if (this.#isJson) {
      if (!this.#isFirst) buffer[this.at++] = 44 // ,
      this.#isFirst = false
      buffer[this.at++] = QUOTE
      this.at = putBytes(buffer, this.at, name)
      this.at = putBytes(buffer, this.at, JSON_COLON)
      return
    }
    buffer[this.at] = 0
    buffer[this.at + 1] = name.length
    this.at = putBytes(buffer, this.at + 2, name)
    this.#valueAt = this.at
    this.at += 4
  }

  endField(): void {
    if (this.#isJson) this.buffer[this.at++] = QUOTE
    else putInt32(this.buffer, this.#valueAt, this.at - this.#valueAt - 4)
  }

  text(name: Buffer, value: Buffer): void {
    this.beginField(name)
    this.at = putBytes(this.buffer, this.at, value)
    this.endField()
  }

  number(name: Buffer, value: number): void {
    this.beginField(name)
    this.at = putDecimal(this.buffer, this.at, value)
    this.endField()
  }

  /**
   * Ends the header and writes the frame's lengths; the body, of `bodyBytes`, comes at `at`.
   * @param remark the status name that JSON replies carry, empty for none; binary ones go without
   */
  end(remark: Buffer, bodyBytes: number): void {
    const { buffer } = this
    if (this.#isJson) {
      this.at = putDecimal(buffer, putBytes(buffer, this.at, JSON_OPAQUE), this.#opaque)
      if (remark.length > 0) {
        this.at = putBytes(buffer, putBytes(buffer, this.at, JSON_REMARK), remark)
        buffer[this.at++] = QUOTE
      }
      this.at = putBytes(buffer, this.at, JSON_END)
    } else putInt32(buffer, this.#areaAt, this.at - this.#areaAt - 4)
    const headerBytes = this.at - this.#start - FRAME_PREFIX_BYTES
    putInt32(buffer, this.#start, 4 + headerBytes + bodyBytes)
    const type = this.#isJson ? SerializeType.JSON : SerializeType.ROCKETMQ
    putInt32(buffer, this.#start + 4, (type << 24) | headerBytes)
  }
}

const QUOTE = 34
const JSON_BEGIN = ascii('{"code":')
const JSON_FIELDS = ascii(',"extFields":{')
const JSON_COLON = ascii('":"')
const JSON_OPAQUE = ascii('},"flag":1,"language":"JAVA","opaque":')
const JSON_REMARK = ascii(',"remark":"')
const JSON_END = ascii(`,"serializeTypeCurrentRPC":"JSON","version":${BROKER_VERSION}}`)
