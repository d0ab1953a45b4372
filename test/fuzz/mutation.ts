import { below } from '#ternmq/base/host/random-range.ts'
import type { Random } from '#ternmq/base/host.ts'

/** Numbers at the edges of what length fields and counters can hold. */
const edgeNumbers = [0, 1, -1, 2, 4, 127, 128, 255, 256, 32_767, 32_768, 65_535, 0x7fff_ffff, -0x8000_0000]

/** Pieces of JSON at the edges of what a reader may expect in place of another piece. */
const edgeTokens = [
  'null',
  'true',
  '-1',
  '-0',
  '0.1',
  '1e999',
  '1E-400',
  '2147483648',
  '9007199254740993',
  '9223372036854775808',
  '9'.repeat(80),
  '""',
  '"x"',
  '"12"',
  '"__proto__"',
  '"\\u0000\\u0001\\u0002"',
  '"\\ud800"',
  '"\\x"',
  "'single'",
  'bare',
  '[]',
  '{}',
  '{{}:1}',
  '{0:1}',
  '{"a":{"a":{"a":1}}}',
  '['.repeat(40),
  '{"a":'.repeat(40),
  ',',
  ':',
  '}',
  ']',
  '{',
]

const tokenPattern = /-?\d+(?:\.\d+)?|"(?:[^"\\]|\\.)*"|true|false|null|[[\]{},:]/g

/** Changes some bytes: one to four of flips, edge numbers, cuts, doublings, insertions. */
export function withBytesChanged(random: Random, source: Buffer): Buffer {
  let bytes = Buffer.from(source)
  for (let changes = 1 + below(random, 4); changes > 0; changes--) bytes = changedOnce(random, bytes)
  return bytes
}

/** Puts other pieces of JSON in the place of one to three, be the text JSON or not. */
export function withTokensChanged(random: Random, source: Buffer): Buffer {
  let text = source.toString('utf8')
  for (let changes = 1 + below(random, 3); changes > 0; changes--) {
    const tokens = [...text.matchAll(tokenPattern)]
    const token = tokens[below(random, tokens.length)]
    if (token === undefined) break
    const edge = edgeTokens[below(random, edgeTokens.length)] ?? ''
    text = text.slice(0, token.index) + edge + text.slice(token.index + token[0].length)
  }
  return Buffer.from(text)
}

/** Other values for some fields of a header, new ones, and some taken away. */
export function withFieldsChanged(
  random: Random,
  fields: Readonly<Record<string, string>>,
): Record<string, string> {
  const changed: Record<string, string> = Object.assign(Object.create(null), fields)
  const names = [
    ...Object.keys(fields),
    '__proto__',
    'constructor',
    'topic',
    'i',
    'b',
    'ü'.repeat(below(random, 40)),
  ]
  for (let changes = 1 + below(random, 4); changes > 0; changes--) {
    const name = names[below(random, names.length)] ?? 'x'
    const edge = below(random, 2) === 0 ? edgeTokens : edgeNumbers.map(String)
    if (below(random, 5) === 0) delete changed[name]
    else changed[name] = edge[below(random, edge.length)] ?? ''
  }
  if (below(random, 50) === 0) for (let field = 0; field < 300; field++) changed[`f${field}`] = 'x'
  return changed
}

function changedOnce(random: Random, bytes: Buffer): Buffer<ArrayBuffer> {
  const at = below(random, bytes.length + 1)
  const end = Math.min(bytes.length, at + 1 + below(random, below(random, 8) === 0 ? 4096 : 16))
  switch (below(random, 8)) {
    case 0:
      return Buffer.concat([bytes.subarray(0, at), bytes.subarray(end)])
    case 1:
      return Buffer.concat([bytes.subarray(0, end), bytes.subarray(at)])
    case 2:
      return Buffer.concat([bytes.subarray(0, at), random.bytes(1 + below(random, 16)), bytes.subarray(at)])
    case 3:
      return Buffer.from(bytes.subarray(0, at))
    default:
      return changedInPlace(random, Buffer.from(bytes), at)
  }
}

function changedInPlace(random: Random, bytes: Buffer<ArrayBuffer>, at: number): Buffer<ArrayBuffer> {
  const edge = edgeNumbers[below(random, edgeNumbers.length)] ?? 0
  const kind = below(random, 4)
  if (kind === 0 && at + 4 <= bytes.length) bytes.writeInt32BE(edge, at)
  else if (kind === 1 && at + 2 <= bytes.length) bytes.writeUInt16BE(edge & 0xffff, at)
  else if (kind === 2 && at < bytes.length) bytes[at] = (bytes[at] ?? 0) ^ (1 << below(random, 8))
  else if (at < bytes.length) bytes[at] = random.u32()
  return bytes
}
