import { createHash } from 'node:crypto'

/**
 * Messages of the crash test are numbered, and each body follows from its number: whoever reads one knows it
 * whole.
 */
export function bodyOf(number: number): Buffer {
  const hash = createHash('sha1').update(String(number)).digest()
  // most are small, some are compressed on the way, a few are large
  const scale = hash.readUInt8(0)
  const bytes = scale < 230 ? 10 + hash.readUInt16BE(1) / 200 : scale < 250 ? 5000 : 30_000
  const body = Buffer.alloc(Math.floor(bytes), hash)
  body.write(`${number}|`)
  return body
}

/** The number of a body; undefined when no message of ours has such a body. */
export function numberOf(body: Buffer): number | undefined {
  const [, digits] = /^(\d{1,12})\|/.exec(body.toString('latin1', 0, 20)) ?? []
  if (digits === undefined) return undefined
  const number = Number(digits)
  return bodyOf(number).equals(body) ? number : undefined
}
