import { MqError } from '../base/errors.ts'
import { int32At, int64At, putInt16, putInt32, putInt64, uint16At } from './big-endian.ts'
import { type HostAddress, ipBytesOf, ipV4TextAt, ipV6TextAt } from './host-address.ts'

/** Where a message lies: what a broker answers a send with, and what VIEW_MESSAGE_BY_ID takes. */
export interface OffsetMessageId {
  /** The broker that stored it. Clients dial this address. */
  readonly host: HostAddress
  /** Its place in that broker's CommitLog. */
  readonly offset: number
}

/**
 * The id of a stored message, upper-case hex of the broker's address and the message's place:
 *
 *     ip:4|16  port:int32  offset:int64
 */
export function offsetMessageIdText({ host, offset }: OffsetMessageId): string {
  const ip = ipBytesOf(host.ip)
  const bytes = Buffer.alloc(ip.length + 12)
  ip.copy(bytes)
  putInt32(bytes, ip.length, host.port)
  putInt64(bytes, ip.length + 4, offset)
  return hexText(bytes)
}

/**
 * Reads an `offsetMessageIdText`.
 * @throws MqError invalidParameter when it is no such id; a UNIQ_KEY of the same length reads as a wild
 *   address
 */
export function parseOffsetMessageId(id: string): OffsetMessageId {
  const bytes = bytesOfHex(id)
  const ipBytes = bytes.length - 12
  const [port, offset] = [int32At(bytes, ipBytes), int64At(bytes, ipBytes + 4)]
  if (port < 0 || port > 65_535 || offset < 0 || !Number.isSafeInteger(offset)) {
    throw new MqError('invalidParameter', `message id ${id} names port ${port}, offset ${offset}`)
  }
  return { host: { ip: ipTextOf(bytes, ipBytes), port }, offset }
}

/** Of which process a client's ids are. */
export interface UniqueKeyOrigin {
  /** An address of the client's machine; only there to make ids differ. */
  readonly ip: string
  /** Its lower 16 bits are taken. */
  readonly pid: number
  /** 32 random bits, where Java has the hash of a class loader: two clients of one process differ by it. */
  readonly salt: number
  /** Local time minus UTC; 0 unless told. Ids count from the first of the month by local time. */
  readonly utcOffsetMs?: number
}

/** What a UNIQ_KEY holds. */
export interface UniqueKey {
  readonly ip: string
  readonly pid: number
  readonly salt: number
  /** Milliseconds since the first of the month the id was made in. */
  readonly sinceMonthMs: number
  readonly counter: number
}

/**
 * Makes the ids that a client gives its messages (property UNIQ_KEY), by RocketMQ's MessageClientIDSetter:
 * upper-case hex of
 *
 *     ip:4|16  pid:uint16  salt:int32  millisecondsOfMonth:uint32  counter:uint16
 */
export class UniqueKeyMaker {
  readonly #prefix: string
  readonly #utcOffsetMs: number
  readonly #tail = Buffer.alloc(6)
  #monthStartMs = 0
  #monthEndMs = 0
  #counter = 0

  /** @throws MqError invalidParameter when the address is not an IP address */
  constructor(origin: UniqueKeyOrigin) {
    const ip = ipBytesOf(origin.ip)
    const bytes = Buffer.alloc(ip.length + 6)
    ip.copy(bytes)
    putInt16(bytes, ip.length, origin.pid)
    putInt32(bytes, ip.length + 2, origin.salt)
    this.#prefix = hexText(bytes)
    this.#utcOffsetMs = origin.utcOffsetMs ?? 0
  }

  /** The next id. Ids of one maker differ unless more than 65,536 are made in one millisecond. */
  next(nowMs: number): string {
    if (nowMs < this.#monthStartMs || nowMs >= this.#monthEndMs) this.#setMonth(nowMs)
    putInt32(this.#tail, 0, nowMs - this.#monthStartMs)
    putInt16(this.#tail, 4, this.#counter)
    this.#counter = (this.#counter + 1) & 0xffff
    return this.#prefix + hexText(this.#tail)
  }

  #setMonth(nowMs: number): void {
    const local = monthOf(nowMs + this.#utcOffsetMs)
    this.#monthStartMs = local.startMs - this.#utcOffsetMs
    this.#monthEndMs = local.endMs - this.#utcOffsetMs
  }
}

/**
 * Reads a UNIQ_KEY.
 * @throws MqError invalidParameter when the text is no hex of 16 or 28 bytes
 */
export function parseUniqueKey(key: string): UniqueKey {
  const bytes = bytesOfHex(key)
  const ipBytes = bytes.length - 12
  return {
    ip: ipTextOf(bytes, ipBytes),
    pid: uint16At(bytes, ipBytes),
    salt: int32At(bytes, ipBytes + 2),
    sinceMonthMs: int32At(bytes, ipBytes + 6) >>> 0,
    counter: uint16At(bytes, ipBytes + 10),
  }
}

function ipTextOf(bytes: Buffer, ipBytes: number): string {
  return ipBytes === 16 ? ipV6TextAt(bytes, 0) : ipV4TextAt(bytes, 0)
}

function hexText(bytes: Buffer): string {
  return bytes.toString('hex').toUpperCase()
}

function bytesOfHex(id: string): Buffer {
  if (!/^(?:[0-9a-fA-F]{32}|[0-9a-fA-F]{56})$/.test(id)) {
    throw new MqError('invalidParameter', `message id "${id.slice(0, 60)}" is not 32 or 56 hex digits`)
  }
  return Buffer.from(id, 'hex')
}

const DAY_MS = 86_400_000

/**
 * First and last millisecond (exclusive) of the month a time lies in. Pure arithmetic: this floor has no
 * `Date`.
 */
function monthOf(timeMs: number): { startMs: number; endMs: number } {
  // Counted from 1 March of year 0, leap days come last in their year and the lengths of months follow a
  // line.
  const day = Math.floor(timeMs / DAY_MS) + 719_468
  const era = Math.floor(day / 146_097)
  const dayOfEra = day - era * 146_097
  const yearOfEra = Math.floor(
    (dayOfEra -
      Math.floor(dayOfEra / 1460) +
      Math.floor(dayOfEra / 36_524) -
      Math.floor(dayOfEra / 146_096)) /
      365,
  )
  const dayOfYear = dayOfEra - (365 * yearOfEra + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100))
  const month = Math.floor((5 * dayOfYear + 2) / 153)
  const [firstDay, nextFirstDay] = [monthStartDay(month), monthStartDay(month + 1)]
  const isLeap = (yearOfEra + 1) % 4 === 0 && ((yearOfEra + 1) % 100 !== 0 || (yearOfEra + 1) % 400 === 0)
  const endDay = month === 11 ? (isLeap ? 366 : 365) : nextFirstDay
  const yearStart = day - dayOfYear - 719_468
  return { startMs: (yearStart + firstDay) * DAY_MS, endMs: (yearStart + endDay) * DAY_MS }
}

/** The day of the year, from 1 March, on which month 0 (March) to 11 (February) begins. */
function monthStartDay(month: number): number {
  return Math.floor((153 * month + 2) / 5)
}
