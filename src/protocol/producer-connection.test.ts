import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import {
  decodeProducerConnection,
  decodeProducerTable,
  encodeProducerConnection,
  encodeProducerTable,
} from './producer-connection.ts'

describe('producer connection', () => {
  it('comes back, as a list and as a table of all groups', () => {
    const connection = { clientId: 'c', clientAddr: 'a:1', language: 'GO', version: 317 } as const
    assert.deepEqual(decodeProducerConnection(encodeProducerConnection([connection])), [connection])
    const info = {
      clientId: 'c',
      remoteIP: 'a:1',
      language: 'GO',
      version: 317,
      lastUpdateTimestamp: 5,
    } as const
    const table = new Map([['PG', [info]]])
    assert.deepEqual(decodeProducerTable(encodeProducerTable(table)), table)
  })
})
