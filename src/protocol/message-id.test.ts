import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { offsetMessageIdText, parseOffsetMessageId, parseUniqueKey, UniqueKeyMaker } from './message-id.ts'

const DAY_MS = 86_400_000

describe('OffsetMessageId', () => {
  it('holds the broker and the place, for both kinds of address', () => {
    const v4 = { host: { ip: '127.0.0.2', port: 30_911 }, offset: 269 }
    assert.equal(offsetMessageIdText(v4), '7F000002000078BF000000000000010D')
    const v6 = { host: { ip: 'fd00::2', port: 10_911 }, offset: 2 ** 40 }
    for (const id of [v4, v6]) assert.deepEqual(parseOffsetMessageId(offsetMessageIdText(id)), id)
    assert.deepEqual(parseOffsetMessageId('7f000002000078bf000000000000010d'), v4)
  })

  it('refuses what is no such id', () => {
    const good = '7F000002000078BF000000000000010D'
    const wrong = [
      '',
      good.slice(1),
      `${good}00`,
      good.replace('7', 'G'),
      good.replace('BF0', 'BFF'),
      good.replace('000078', 'F00078'),
    ]
    for (const id of wrong) assert.throws(() => parseOffsetMessageId(id), { kind: 'invalidParameter' }, id)
  })
})

describe('UniqueKeyMaker', () => {
  const origin = { ip: '192.0.2.2', pid: 0x12345, salt: -2 }

  it('writes its origin, the milliseconds of the month and a counter', () => {
    const maker = new UniqueKeyMaker(origin)
    const nowMs = Date.UTC(2026, 10, 21, 3, 4, 5, 678)
    const sinceMonthHex = (nowMs - Date.UTC(2026, 10, 1)).toString(16).toUpperCase().padStart(8, '0')
    const keys = [maker.next(nowMs), maker.next(nowMs)]
    assert.equal(keys[0], `C00002022345FFFFFFFE${sinceMonthHex}0000`)
    assert.deepEqual(parseUniqueKey(keys[1] ?? ''), {
      ip: '192.0.2.2',
      pid: 0x2345,
      salt: -2,
      sinceMonthMs: nowMs - Date.UTC(2026, 10, 1),
      counter: 1,
    })
    assert.equal(new UniqueKeyMaker({ ...origin, ip: '::1' }).next(nowMs).length, 56)
  })

  it('begins again with every month, also when the clock goes back', () => {
    for (const utcOffsetMs of [0, 8 * 3_600_000, -5 * 3_600_000]) {
      const maker = new UniqueKeyMaker({ ...origin, utcOffsetMs })
      for (let day = 0; day < 15_000; day += 3) {
        const nowMs = Date.UTC(1999, 11, 30) + day * DAY_MS + ((day * 7919) % DAY_MS)
        const local = new Date(nowMs + utcOffsetMs)
        const startMs = Date.UTC(local.getUTCFullYear(), local.getUTCMonth(), 1) - utcOffsetMs
        assert.equal(parseUniqueKey(maker.next(nowMs)).sinceMonthMs, nowMs - startMs, local.toISOString())
        assert.equal(parseUniqueKey(maker.next(startMs - 1)).sinceMonthMs > 27 * DAY_MS, true)
        assert.equal(parseUniqueKey(maker.next(startMs)).sinceMonthMs, 0)
      }
    }
  })

  it('makes no key twice within a millisecond', () => {
    const maker = new UniqueKeyMaker(origin)
    const keys = new Set(Array.from({ length: 65_536 }, () => maker.next(1_000)))
    assert.equal(keys.size, 65_536)
  })
})
