import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { BATCH_ENTRY_BYTES_MIN, decodeBatch, encodeBatch } from './message-batch.ts'

const entries = [
  { flag: 1, body: Buffer.from('one'), propertiesBytes: Buffer.from('KEYS\u0001a\u0002') },
  { flag: -2, body: Buffer.alloc(0), propertiesBytes: Buffer.alloc(0) },
  { flag: 0, body: Buffer.alloc(5_000, 1), propertiesBytes: Buffer.from('TAGS\u0001b') },
]

describe('message batch', () => {
  it('gives back what was written', () => {
    assert.deepEqual(decodeBatch(encodeBatch(entries)), entries)
    assert.deepEqual(decodeBatch(Buffer.alloc(0)), [])
    assert.equal(encodeBatch(entries.slice(1, 2)).length, BATCH_ENTRY_BYTES_MIN)
  })

  it('refuses a batch that is cut anywhere but between entries', () => {
    const bytes = encodeBatch(entries.slice(0, 2))
    const ends = new Set([0, encodeBatch(entries.slice(0, 1)).length, bytes.length])
    for (let end = 0; end <= bytes.length; end++) {
      const decode = () => decodeBatch(bytes.subarray(0, end))
      if (ends.has(end)) decode()
      else assert.throws(decode, { kind: 'messageIllegal' }, `${end} bytes`)
    }
  })

  it('refuses lengths that lie', () => {
    const bytes = encodeBatch(entries.slice(0, 1))
    const lies: [number, number][] = [
      [0, -1],
      [0, 0],
      [0, 21],
      [0, bytes.length + 1],
      [0, 0x7fff_ffff],
      [16, -1],
      [16, 2],
      [16, 4],
      [16, 0x7fff_ffff],
    ]
    for (const [at, value] of lies) {
      const lying = Buffer.from(bytes)
      lying.writeInt32BE(value, at)
      assert.throws(() => decodeBatch(lying), { kind: 'messageIllegal' }, `${value} at ${at}`)
    }
    for (const length of [0, 6, 8, 0x8000, 0xffff]) {
      const lying = Buffer.from(bytes)
      lying.writeUInt16BE(length, 23)
      assert.throws(() => decodeBatch(lying), { kind: 'messageIllegal' }, `properties of ${length}`)
    }
  })

  it('refuses to write properties that do not fit their length field', () => {
    const propertiesBytes = Buffer.alloc(32_768)
    assert.throws(() => encodeBatch([{ flag: 0, body: Buffer.alloc(0), propertiesBytes }]), {
      kind: 'messageIllegal',
    })
  })
})
