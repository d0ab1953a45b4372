import { MqError } from '../base/errors.ts'
import { byteAt, uint16At } from './big-endian.ts'

/** An IP address and a port, as records of the log and message ids hold them. */
export interface HostAddress {
  /** `10.0.0.1`, or an IPv6 address in its shortest form, without brackets. */
  readonly ip: string
  readonly port: number
}

/** Bytes of an address with its port in a record: int32 port behind 4 or 16 bytes of IP. */
export const HOST_BYTES_V4 = 8
export const HOST_BYTES_V6 = 20

/** Whether a text is an IPv6 address rather than an IPv4 one; it does not check that it is either. */
export function isIpV6(ip: string): boolean {
  return ip.includes(':')
}

/**
 * The 4 or 16 bytes of an IP address.
 * @throws MqError invalidParameter when the text is not an IP address
 */
export function ipBytesOf(ip: string): Buffer {
  const bytes = isIpV6(ip) ? ipV6Bytes(ip) : ipV4Bytes(ip)
  if (bytes === undefined) throw new MqError('invalidParameter', `"${ip}" is not an IP address`)
  return bytes
}

/** The text of the IPv4 address at `at`. */
export function ipV4TextAt(source: Buffer, at: number): string {
  return `${byteAt(source, at)}.${byteAt(source, at + 1)}.${byteAt(source, at + 2)}.${byteAt(source, at + 3)}`
}

/** The text of the IPv6 address at `at`, the longest run of zeros left out (RFC 5952). */
export function ipV6TextAt(source: Buffer, at: number): string {
  let [bestAt, bestLength] = [-1, 1]
  for (let group = 0; group < 8; group++) {
    let length = 0
    while (group + length < 8 && uint16At(source, at + 2 * (group + length)) === 0) length++
    if (length > bestLength) [bestAt, bestLength] = [group, length]
  }
  const texts: string[] = []
  for (let group = 0; group < 8; group++) texts.push(uint16At(source, at + 2 * group).toString(16))
  if (bestAt < 0) return texts.join(':')
  return `${texts.slice(0, bestAt).join(':')}::${texts.slice(bestAt + bestLength).join(':')}`
}

/** `10.0.0.1:10911` or `[fd00::2]:10911`. */
export function hostAddressText(host: HostAddress): string {
  return isIpV6(host.ip) ? `[${host.ip}]:${host.port}` : `${host.ip}:${host.port}`
}

/**
 * Reads `10.0.0.1:10911` and `[fd00::2]:10911`.
 * @throws MqError invalidParameter when the text is neither; host names are not resolved here
 */
export function parseHostAddress(text: string): HostAddress {
  const colon = text.lastIndexOf(':')
  const [host, portText] = [text.slice(0, Math.max(colon, 0)), text.slice(colon + 1)]
  const bracketed = host.startsWith('[') && host.endsWith(']')
  const ip = bracketed ? host.slice(1, -1) : host
  const port = /^\d{1,5}$/.test(portText) ? Number(portText) : Number.NaN
  const bytes = bracketed === isIpV6(ip) ? (isIpV6(ip) ? ipV6Bytes(ip) : ipV4Bytes(ip)) : undefined
  if (bytes === undefined || !(port <= 65_535)) {
    throw new MqError('invalidParameter', `"${text}" is not an IP address with a port`)
  }
  return { ip: bytes.length === 16 ? ipV6TextAt(bytes, 0) : ip, port }
}

function ipV4Bytes(ip: string): Buffer | undefined {
  const parts = ip.split('.')
  if (parts.length !== 4) return undefined
  const bytes = parts.map((part) => (/^(?:0|[1-9]\d{0,2})$/.test(part) ? Number(part) : 256))
  return bytes.every((byte) => byte <= 255) ? Buffer.from(bytes) : undefined
}

function ipV6Bytes(ip: string): Buffer | undefined {
  const halves = withoutDottedTail(ip)?.split('::')
  if (halves === undefined || halves.length > 2) return undefined
  const [head, tail] = halves.map((half) => (half === '' ? [] : half.split(':')))
  if (head === undefined) return undefined
  const zeros = tail === undefined ? 0 : 8 - head.length - tail.length
  if (tail === undefined ? head.length !== 8 : zeros < 1) return undefined
  const bytes = Buffer.alloc(16)
  for (const [index, group] of [...head, ...Array<string>(zeros).fill('0'), ...(tail ?? [])].entries()) {
    if (!/^[0-9a-fA-F]{1,4}$/.test(group)) return undefined
    bytes.writeUInt16BE(Number.parseInt(group, 16), 2 * index)
  }
  return bytes
}

/** `::ffff:10.0.0.1` with its IPv4 tail as two groups. */
function withoutDottedTail(ip: string): string | undefined {
  if (!ip.includes('.')) return ip
  const colon = ip.lastIndexOf(':')
  const bytes = ipV4Bytes(ip.slice(colon + 1))
  if (bytes === undefined) return undefined
  const [high, low] = [bytes.readUInt16BE(0).toString(16), bytes.readUInt16BE(2).toString(16)]
  return `${ip.slice(0, colon + 1)}${high}:${low}`
}
