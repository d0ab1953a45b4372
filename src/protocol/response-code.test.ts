import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { ResponseCode, responseCodeName } from './response-code.ts'

describe('ResponseCode', () => {
  it('gives every code one name and finds it again', () => {
    for (const [name, code] of Object.entries(ResponseCode)) assert.equal(responseCodeName(code), name)
    assert.equal(responseCodeName(-1), undefined)
  })
})
