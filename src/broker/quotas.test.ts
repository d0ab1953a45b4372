import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { parseQuotaRules } from './quota-rules.ts'
import { Quotas } from './quotas.ts'
import { TokenBucket } from './token-bucket.ts'

const one = (nowMs: number, bytes = 0) => ({ messages: 1, bytes, nowMs })

describe('TokenBucket', () => {
  it('lets as much pass in a second as it says, over any time and in any portions', () => {
    const portions = fc.array(
      fc.record({ count: fc.integer({ min: 1, max: 50 }), pauseMs: fc.integer({ min: 0, max: 2000 }) }),
      { minLength: 1, maxLength: 200 },
    )
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 1000 }), portions, (perSecond, all) => {
        const bucket = new TokenBucket(perSecond, 0)
        let [nowMs, passed, last] = [0, 0, 0]
        for (const { count, pauseMs } of all) {
          nowMs += pauseMs
          if (bucket.waitMs(nowMs) > 0) continue
          bucket.take(count)
          passed += count
          last = count
          // a second's worth is there at the beginning, and the last portion may be owed
          assert.ok(passed - last <= perSecond * (1 + nowMs / 1000) + 1e-6)
        }
      }),
    )
  })

  it('says when to come again, and is right', () => {
    const bucket = new TokenBucket(10, 0)
    bucket.take(25)
    const waitMs = bucket.waitMs(0)
    assert.equal(waitMs, 1600)
    assert.ok(bucket.waitMs(waitMs - 1) > 0)
    assert.equal(bucket.waitMs(waitMs), 0)
  })
})

describe('Quotas', () => {
  it('count each name by its own rule, or by the one for each', () => {
    const quotas = new Quotas()
    quotas.setRules('send topic:orders 2/s; send topic:* 1/s; send client:10.0.0.9 1/s')
    const may = (topic: string, client = '10.0.0.1'): boolean => {
      if (quotas.waitMs('send', { topic, client }, 0) > 0) return false
      quotas.charge('send', { topic, client }, one(0))
      return true
    }
    assert.deepEqual(
      ['orders', 'orders', 'orders'].map((topic) => may(topic)),
      [true, true, false],
    )
    assert.deepEqual(
      ['a', 'b', 'a'].map((topic) => may(topic)),
      [true, true, false],
    )
    assert.deepEqual(
      ['c', 'd'].map((topic) => may(topic, '10.0.0.9')),
      [true, false],
    )
    assert.equal(quotas.has('pull'), false)
  })

  it('count bytes as well', () => {
    const quotas = new Quotas()
    quotas.setRules('send topic:t 1000/s 1KiB/s')
    quotas.charge('send', { topic: 't' }, one(0, 2048))
    assert.equal(quotas.waitMs('send', { topic: 't' }, 0), 1001)
    assert.equal(quotas.waitMs('send', { topic: 't' }, 1001), 0)
  })

  it('remember no more names than there is room for', () => {
    const quotas = new Quotas()
    quotas.setRules('send topic:* 1/s')
    const before = process.cpuUsage()
    for (let i = 0; i < 50_000; i++) quotas.charge('send', { topic: `t${i}` }, one(0))
    assert.ok(process.cpuUsage(before).user < 5_000_000)
    // who was there a moment ago is still held to his quota
    assert.ok(quotas.waitMs('send', { topic: 't49999' }, 0) > 0)
  })

  it('are written in one way only', () => {
    assert.deepEqual(parseQuotaRules(' send topic:a  5/s 2MiB/s ;; pull group:* 10KiB/s;'), [
      { direction: 'send', kind: 'topic', name: 'a', messages: 5, bytes: 2 * 1024 ** 2 },
      { direction: 'pull', kind: 'group', name: '*', messages: Number.POSITIVE_INFINITY, bytes: 10_240 },
    ])
    for (const text of [
      'topic:a 5/s',
      'send topic:a',
      'send topic:a 0/s',
      'send topic:a 5/s 6/s',
      'send topic:a 1KiB/s 1B/s',
      'send topic:a 5/m',
      'send topic:a 1.5/s',
      'send topic:a -1/s',
      'send queue:a 5/s',
      'pull client:a 5/s',
      'send topic:a 5/s; send topic:a 6/s',
      'send topic:a 5/s, send topic:b 6/s',
    ])
      assert.throws(() => parseQuotaRules(text), { kind: 'badSetting' }, text)
  })
})
