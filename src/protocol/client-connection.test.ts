import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { clientConnectionJson, readClientConnection } from './client-connection.ts'
import { JsonFields } from './json-fields.ts'

describe('ClientConnection', () => {
  it('comes back, an unknown language as OTHER', () => {
    const connection = { clientId: 'c', clientAddr: 'a:1', language: 'GO', version: 317 } as const
    assert.deepEqual(readClientConnection(new JsonFields(clientConnectionJson(connection), 'c')), connection)
    const odd = { clientId: 'c', language: 'COBOL' }
    assert.equal(readClientConnection(new JsonFields(odd, 'c')).language, 'OTHER')
  })
})
