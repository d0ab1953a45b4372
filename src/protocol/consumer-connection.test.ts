import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import {
  type ConsumerConnection,
  decodeConsumerConnection,
  encodeConsumerConnection,
} from './consumer-connection.ts'
import { tagSubscription } from './subscription-data.ts'
import { parseTagExpression } from './tag-expression.ts'

describe('ConsumerConnection', () => {
  it('comes back', () => {
    const consumers: ConsumerConnection = {
      connections: [{ clientId: 'c', clientAddr: 'a:1', language: 'JAVA', version: 479 }],
      subscriptionTable: new Map([['T', tagSubscription('T', parseTagExpression('*'), 7n)]]),
      consumeType: 'CONSUME_ACTIVELY',
      messageModel: 'BROADCASTING',
      consumeFromWhere: 'CONSUME_FROM_TIMESTAMP',
    }
    assert.deepEqual(decodeConsumerConnection(encodeConsumerConnection(consumers)), consumers)
  })
})
