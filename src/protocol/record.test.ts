import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { crc32Of } from './crc32.ts'
import { RecordDraft, RecordMagic } from './record-draft.ts'
import { RecordScan } from './record-scan.ts'

const IPV4 = Buffer.from([127, 0, 0, 1, 0, 0, 0x2a, 0x9f])
const IPV6 = Buffer.alloc(20, 7)

function draft(overrides: Partial<RecordDraft> = {}): RecordDraft {
  const properties = Buffer.from('TAGS\u0001TagA\u0002')
  const body = Buffer.from('hello')
  return Object.assign(
    new RecordDraft(),
    {
      ...{
        queueId: 3,
        flag: -7,
        queueOffset: 2 ** 40,
        bornTimestampMs: 1795224471345,
        storeTimestampMs: 1795224471346,
      },
      ...{
        bornHost: IPV4,
        storeHost: IPV4,
        reconsumeTimes: 2,
        preparedTransactionOffset: 5,
        topic: Buffer.from('T'),
      },
      ...{ body, bodyEnd: body.length, properties, propertiesEnd: properties.length },
    },
    overrides,
  )
}

function encoded(record: RecordDraft, physicalOffset = 2 ** 33 + 1): Buffer {
  const bytes = Buffer.alloc(record.bytes)
  assert.equal(record.put(bytes, 0, physicalOffset), bytes.length)
  return bytes
}

/** Longer than the length of a topic in the first form of a record can say. */
const LONG_TOPIC = Buffer.from(`%RETRY%${'g'.repeat(200)}`)

describe('a record of the log', () => {
  const scan = new RecordScan()
  const kindOf = (bytes: Buffer, physicalOffset = 2 ** 33 + 1) =>
    scan.read(bytes, 0, bytes.length, physicalOffset)

  it('is read as it was written, with both address families', () => {
    const [born6, store6] = [0x10, 0x20]
    for (const [bornHost, storeHost, sysFlag] of [
      [IPV4, IPV4, 0],
      [IPV6, IPV4, born6],
      [IPV4, IPV6, store6],
      [IPV6, IPV6, born6 | store6],
    ] as const) {
      const bytes = encoded(draft({ bornHost, storeHost, topic: LONG_TOPIC }))
      assert.equal(kindOf(bytes), 'message')
      assert.equal(scan.sysFlag, sysFlag)
      assert.deepEqual(bytes.subarray(scan.storeHostAt, scan.storeHostAt + storeHost.length), storeHost)
      assert.deepEqual(bytes.subarray(scan.bornHostAt, scan.bornHostAt + bornHost.length), bornHost)
      assert.equal(bytes.subarray(scan.bodyAt, scan.bodyEnd).toString(), 'hello')
      const { queueId, flag, queueOffset, storeTimestampMs, reconsumeTimes, preparedTransactionOffset } = scan
      assert.deepEqual(
        [queueId, flag, queueOffset, storeTimestampMs, reconsumeTimes, preparedTransactionOffset],
        [3, -7, 2 ** 40, 1795224471346, 2, 5],
      )
    }
  })

  it('has the magic that the length of its topic wants', () => {
    for (const [topic, magic] of [
      ['T', RecordMagic.V1],
      ['t'.repeat(127), RecordMagic.V1],
      [LONG_TOPIC.toString(), RecordMagic.V2],
    ] as const) {
      const bytes = encoded(draft({ topic: Buffer.from(topic) }))
      assert.equal(kindOf(bytes), 'message')
      assert.equal(bytes.readInt32BE(4), magic)
      assert.equal(scan.topic, topic)
      assert.equal(bytes.subarray(scan.bodyAt, scan.bodyEnd).toString(), 'hello')
    }
  })

  it('is bad with any one bit flipped, but for times, ids and the user flag that no check covers', () => {
    const bytes = encoded(draft())
    const unchecked = new Set<number>()
    const mark = (at: number, count: number) => {
      for (let i = 0; i < count; i++) unchecked.add(at + i)
    }
    mark(12, 16) // queue id, flag, queue offset: any value that is not negative
    mark(36, 36) // sysFlag, born time and host, store time and host
    mark(72, 12) // reconsume times, prepared transaction offset
    mark(scan.topicAt, 0)
    kindOf(bytes)
    mark(scan.topicAt, 1)
    mark(scan.propertiesAt, scan.propertiesEnd - scan.propertiesAt)
    for (let at = 0; at < bytes.length; at++) {
      if (unchecked.has(at)) continue
      for (let bit = 0; bit < 8; bit++) {
        const flipped = Buffer.from(bytes)
        flipped[at] = (flipped[at] ?? 0) ^ (1 << bit)
        assert.notEqual(kindOf(flipped), 'message', `byte ${at} bit ${bit}`)
      }
    }
  })

  it('is covered whole by the CRC property where there is one', () => {
    const record = draft()
    const crcProperty = '__CRC32#\u00010000000000\u0002'
    record.properties = Buffer.from(`TAGS\u0001TagA\u0002${crcProperty}`)
    record.propertiesEnd = record.properties.length
    const bytes = encoded(record)
    assert.equal(kindOf(bytes), 'bad')
    assert.equal(scan.reason, 'CRC property')
  })

  it('ends with a CRC over all of it where it is told so, which no flipped bit passes', () => {
    for (const properties of ['', 'TAGS\u0001TagA\u0002', 'TAGS\u0001TagA']) {
      const buffer = Buffer.from(properties)
      const bytes = encoded(draft({ hasCrc: true, properties: buffer, propertiesEnd: buffer.length }))
      assert.equal(kindOf(bytes), 'message')
      const text = bytes.toString('latin1', scan.propertiesAt, scan.propertiesEnd)
      const crc = crc32Of(bytes.subarray(0, bytes.length - 20)) & 0x7fffffff
      const digits = [...String(crc).padStart(10, '0')].reverse().join('')
      assert.equal(text.slice(-20), `__CRC32#\u0001${digits}\u0002`)
      assert.equal(text.length, buffer.length + 20 + (properties.endsWith('A') ? 1 : 0))
      for (let bit = 0; bit < (bytes.length - 20) * 8; bit++) {
        const changed = Buffer.from(bytes)
        changed[bit >> 3] = (changed[bit >> 3] ?? 0) ^ (1 << (bit & 7))
        assert.notEqual(kindOf(changed), 'message', `bit ${bit} of ${bytes.length * 8}`)
      }
    }
  })

  it('goes without that CRC where the properties leave no room', () => {
    const buffer = Buffer.from(`TAGS\u0001${'a'.repeat(32_750)}\u0002`)
    const bytes = encoded(draft({ hasCrc: true, properties: buffer, propertiesEnd: buffer.length }))
    assert.equal(kindOf(bytes), 'message')
    assert.equal(scan.propertiesEnd - scan.propertiesAt, buffer.length)
  })

  it('is cut at every length short of its own', () => {
    const bytes = encoded(draft())
    for (let cut = 8; cut < bytes.length; cut++) assert.equal(kindOf(bytes.subarray(0, cut)), 'cut')
  })

  it('is refused at another place than its own', () => {
    assert.equal(kindOf(encoded(draft()), 5), 'bad')
  })

  it('with the CRC field 0 or -1 is no exception (issue apache/rocketmq#9121)', () => {
    for (const crc of [0, -1]) {
      const bytes = encoded(draft())
      bytes.writeInt32BE(crc, 8)
      assert.equal(kindOf(bytes), 'bad')
    }
  })

  it('is told from a blank and from nothing', () => {
    const blank = Buffer.alloc(100)
    assert.equal(kindOf(blank), 'empty')
    blank.writeInt32BE(100, 0)
    blank.writeInt32BE(RecordMagic.BLANK, 4)
    assert.equal(kindOf(blank), 'blank')
    assert.equal(scan.bytes, 100)
    blank.writeInt32BE(7, 0)
    assert.equal(kindOf(blank), 'bad')
  })
})
