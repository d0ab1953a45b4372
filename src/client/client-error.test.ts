import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { MqError } from '../base/errors.ts'
import { ClientError, clientErrorOf, refusalOf } from './client-error.ts'

describe('ClientError', () => {
  it('says what it was and whether to try again', () => {
    assert.deepEqual(
      [new ClientError('timeout', 'x').code, new ClientError('timeout', 'x').retriable],
      ['timeout', true],
    )
    assert.equal(new ClientError('topicNotExist', 'x').retriable, false)
    assert(new ClientError('busy', 'x') instanceof MqError)
  })

  it('keeps what it was made of as its cause', () => {
    const cause = new MqError('connectionLost', 'gone')
    const error = clientErrorOf(cause)
    assert.deepEqual(
      [error.code, error.message, error.cause, error.retriable],
      ['connectionLost', 'gone', cause, true],
    )
    assert.equal(clientErrorOf(error), error)
    assert.equal(clientErrorOf(new TypeError('a fault')).code, 'internal')
    assert.equal(clientErrorOf('text').message, 'text')
  })

  it('reads the answers of servers', () => {
    const error = refusalOf({ code: 2, remark: 'too much' }, 'broker a')
    assert.deepEqual([error.code, error.retriable, error.responseCode], ['busy', true, 2])
    assert.equal(error.message, 'broker a: too much (SYSTEM_BUSY, 2)')
    assert.equal(refusalOf({ code: 4711 }, 'broker a').code, 'refused')
  })
})
