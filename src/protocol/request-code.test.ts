import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { RequestCode, requestCodeName } from './request-code.ts'

describe('RequestCode', () => {
  it('gives every code one name and finds it again', () => {
    const codes = Object.entries(RequestCode)
    assert.equal(new Set(Object.values(RequestCode)).size, codes.length)
    for (const [name, code] of codes) assert.equal(requestCodeName(code), name)
  })

  it('has no name for a code that nobody defined', () => {
    assert.equal(requestCodeName(99_999), undefined)
  })
})
