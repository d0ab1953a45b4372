import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { TOPIC_LIMITS, TopicTable } from './topic-table.ts'

const queuesOf = (brokerName: string) => {
  return { brokerName, readQueueNums: 1, writeQueueNums: 1, perm: 6, topicSysFlag: 0 }
}

/** Puts topics of a broker as a registration does. */
function put(table: TopicTable, brokerName: string, topics: readonly string[]): void {
  table.checkRoom(brokerName, topics)
  for (const topic of topics) table.put(topic, queuesOf(brokerName))
}

describe('TopicTable', () => {
  it('has room for so many topics, and so many brokers of all topics', () => {
    const table = new TopicTable({ ...TOPIC_LIMITS, topicsMax: 3, entriesMax: 5 })
    put(table, 'a', ['T', 'U'])
    assert.throws(() => put(table, 'a', ['V', 'W']), {
      kind: 'busy',
      message: /a brings the topics to 4, more than 3/,
    })
    put(table, 'a', ['T', 'U', 'V'])
    assert.throws(() => put(table, 'b', ['T', 'U', 'V']), {
      kind: 'busy',
      message: /b brings the routes to 6, more/,
    })
    put(table, 'b', ['T', 'U'])
    put(table, 'a', ['T', 'U', 'V'])
  })

  it('has the room of what is gone again, whichever way it went', () => {
    const table = new TopicTable({ topicsMax: 3, entriesMax: 5, mappingCharsMax: 15 })
    const ways: (() => void)[] = [
      () => table.removeBrokers(new Set(['a', 'b'])),
      () => {
        for (const topic of ['T', 'U', 'V']) table.delete(topic)
      },
      () => {
        for (const topic of ['T', 'U', 'V']) table.deleteOf(topic, ['b', 'a', 'nobody'])
      },
      () => {
        table.retain('a', new Set())
        table.retain('b', new Set())
      },
    ]
    for (const way of [...ways, ...ways]) {
      put(table, 'a', ['T', 'U', 'V'])
      put(table, 'b', ['T', 'U'])
      table.putMapping('T', 'a', { id: 1234 })
      table.putMapping('T', 'a', { id: 5678 })
      assert.throws(() => put(table, 'b', ['V']), { kind: 'busy' })
      assert.throws(() => table.putMapping('U', 'a', { id: 1 }), { kind: 'busy' })
      way()
      assert.deepEqual(table.names(), [])
      assert.equal(table.mappingsOf('T'), undefined)
    }
  })

  it('keeps the topics of a broker that are to be kept', () => {
    const table = new TopicTable()
    put(table, 'a', ['T', 'U', 'V'])
    put(table, 'b', ['U'])
    table.retain('a', new Set(['T']))
    assert.deepEqual(table.names(), ['T', 'U'])
    assert.deepEqual(table.queuesOf('U'), [queuesOf('b')])
    assert.deepEqual(table.namesOf(new Set(['a'])), ['T'])
  })

  it('keeps no mapping of a topic it does not know', () => {
    const table = new TopicTable()
    table.putMapping('T', 'a', {})
    assert.equal(table.mappingsOf('T'), undefined)
  })
})
