import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { decodeGroupList, decodeTopicList, encodeGroupList, encodeTopicList } from './topic-list.ts'

describe('TopicList', () => {
  it('comes back with and without a broker', () => {
    for (const list of [{ topics: ['T', 'U'] }, { topics: [], brokerAddr: 'a:1' }]) {
      assert.deepEqual(decodeTopicList(encodeTopicList(list)), list)
    }
    assert.deepEqual(decodeGroupList(encodeGroupList(['G'])), ['G'])
  })
})
