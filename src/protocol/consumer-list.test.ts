import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { decodeConsumerList, encodeConsumerList } from './consumer-list.ts'

describe('consumer list', () => {
  it('comes back', () => {
    const bytes = encodeConsumerList(['10.0.0.1@a', '10.0.0.2@b'])
    assert.equal(String(bytes), '{"consumerIdList":["10.0.0.1@a","10.0.0.2@b"]}')
    assert.deepEqual(decodeConsumerList(bytes), ['10.0.0.1@a', '10.0.0.2@b'])
    assert.throws(() => decodeConsumerList(Buffer.from('{"consumerIdList":[1]}')), {
      message: 'consumer list.consumerIdList[0] is not a string',
    })
  })
})
