import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { deflateBody, inflateBody } from './message-body.ts'

describe('message body', () => {
  it('comes back from its compressed form', () => {
    const body = Buffer.alloc(10_000, 'abc')
    assert.deepEqual(inflateBody(deflateBody(body), body.length), body)
  })

  it('refuses what would grow beyond the limit, and what is no zlib stream', () => {
    const bomb = deflateBody(Buffer.alloc(10_000_000))
    assert.throws(() => inflateBody(bomb, 1_000_000), { kind: 'badRecord' })
    assert.throws(() => inflateBody(Buffer.from('plain'), 100), { kind: 'badRecord' })
    assert.throws(() => inflateBody(bomb.subarray(0, 50), 20_000_000), { kind: 'badRecord' })
  })
})
