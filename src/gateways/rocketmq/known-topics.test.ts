import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { Topic } from '../../broker/topic-table.ts'
import { SerializeType } from '../../protocol/frame.ts'
import { HeaderScan } from '../../protocol/header-scan.ts'
import { KnownTopics } from './known-topics.ts'

describe('KnownTopics', () => {
  it('finds what was noted by its bytes, until it is deleted', () => {
    const known = new KnownTopics()
    const orders = topicOf('Orders')
    known.note(orders)
    known.note(topicOf('Orders2'))
    assert.equal(found(known, 'Orders'), orders)
    assert.equal(found(known, 'Order'), undefined)
    orders.isDeleted = true
    assert.equal(found(known, 'Orders'), undefined)
    const again = topicOf('Orders')
    known.note(again)
    assert.equal(found(known, 'Orders'), again)
  })

  it('keeps no more than it may', () => {
    const known = new KnownTopics()
    for (let i = 0; i < 65_537; i++) known.note(topicOf(`T${i}`))
    assert.equal(found(known, 'T1'), undefined)
    assert.equal(found(known, 'T65536')?.name, 'T65536')
  })
})

function topicOf(name: string): Topic {
  return { name, isDeleted: false, queues: { topicBytes: Buffer.from(name) } } as Topic
}

function found(known: KnownTopics, name: string): Topic | undefined {
  const header = headerOf(name)
  return known.find(header, header.letter('b'.charCodeAt(0)))
}

function headerOf(topic: string): HeaderScan {
  const header = new HeaderScan()
  const json = Buffer.from(JSON.stringify({ code: 310, extFields: { b: topic } }))
  header.read(json, 0, json.length, SerializeType.JSON)
  return header
}
