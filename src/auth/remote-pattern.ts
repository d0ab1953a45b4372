import { MqError } from '../base/errors.ts'
import { isAddressRange, isInRange } from './address-range.ts'

/**
 * Addresses as whiteRemoteAddress of ACL 1.0 writes them: `*`, one address, several joined by commas, `10.1.2.*`, `10.1.2.1-9`,
 * `10.1.2.{1,2,9}`, and beyond RocketMQ a CIDR range.
 */
export class RemotePattern {
  readonly #isMatch: (ip: string) => boolean

  /** @throws MqError badSetting */
  constructor(text: string) {
    this.#isMatch = matcherOf(text.trim())
  }

  matches(ip: string): boolean {
    return this.#isMatch(ip)
  }
}

const EVERY_ADDRESS = ['*', '*.*.*.*', '*:*:*:*:*:*:*:*']

function matcherOf(text: string): (ip: string) => boolean {
  if (EVERY_ADDRESS.includes(text)) return () => true
  if (isAddressRange(text)) return (ip) => isInRange(ip, text)
  const last = /^(\d{1,3}\.\d{1,3}\.\d{1,3}\.)\{([\d,]+)\}$/.exec(text)
  if (last) return anyOf((last[2] ?? '').split(',').map((byte) => matcherOf(`${last[1]}${byte}`)))
  if (text.includes(',')) return anyOf(text.split(',').map((part) => matcherOf(part.trim())))
  const bytes = text.split('.').map(boundsOf)
  if (bytes.length === 4 && bytes.every((bounds) => bounds !== undefined)) return withinBytes(bytes)
  throw new MqError('badSetting', `"${text.slice(0, 100)}" is no address, and no pattern of addresses`)
}

function anyOf(matchers: readonly ((ip: string) => boolean)[]): (ip: string) => boolean {
  return (ip) => matchers.some((isMatch) => isMatch(ip))
}

function withinBytes(bounds: readonly (readonly [number, number])[]): (ip: string) => boolean {
  return (ip) => {
    if (!isAddressRange(ip) || ip.includes(':')) return false
    return ip.split('.').every((byte, index) => {
      const [min, max] = bounds[index] ?? [1, 0]
      return min <= Number(byte) && Number(byte) <= max
    })
  }
}

function boundsOf(part: string): readonly [number, number] | undefined {
  if (part === '*') return [0, 255]
  const match = /^(\d{1,3})(?:-(\d{1,3}))?$/.exec(part)
  if (!match) return undefined
  const [min, max] = [Number(match[1]), Number(match[2] ?? match[1])]
  return min <= max && max <= 255 ? [min, max] : undefined
}
