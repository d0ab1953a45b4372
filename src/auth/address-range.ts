import { ipBytesOf } from '../protocol/host-address.ts'

/** Whether a text is an IP address, or a CIDR range of them. */
export function isAddressRange(text: string): boolean {
  const [ip = '', bitsText, ...rest] = text.split('/')
  const bytes = bytesOf(ip)
  if (!bytes || rest.length > 0) return false
  return bitsText === undefined || (/^\d{1,3}$/.test(bitsText) && Number(bitsText) <= bytes.length * 8)
}

/** Whether an address is the one of the range, or within it; never for what is no address or no range. */
export function isInRange(ip: string, range: string): boolean {
  if (!isAddressRange(range)) return false
  const [start = '', bitsText] = range.split('/')
  const [bytes, startBytes] = [bytesOf(ip), bytesOf(start)]
  if (!bytes || !startBytes || bytes.length !== startBytes.length) return false
  const bits = bitsText === undefined ? bytes.length * 8 : Number(bitsText)
  const whole = bits >> 3
  if (bytes.compare(startBytes, 0, whole, 0, whole) !== 0) return false
  if (bits % 8 === 0) return true
  const mask = (0xff00 >> (bits % 8)) & 0xff
  return ((bytes[whole] ?? 0) & mask) === ((startBytes[whole] ?? 0) & mask)
}

function bytesOf(ip: string): Buffer | undefined {
  // texts that could be taken for an address of another kind, such as 010.1.1.1, are none
  if (!/^[\d.]{7,15}$|^[\da-fA-F:.]{2,45}$/.test(ip)) return undefined
  try {
    return ipBytesOf(ip)
  } catch {
    return undefined
  }
}
