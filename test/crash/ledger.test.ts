import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { type CrashSummary, isClean, Ledger } from './ledger.ts'
import { readLine } from './load-report.ts'
import { bodyOf, numberOf } from './payload.ts'

/** A ledger of five messages in one queue, ten tried. */
function ledgerOf(): Ledger {
  const ledger = new Ledger()
  for (let i = 0; i < 5; i++) ledger.take(readLine(`ack t/0 ${i} ${i}`))
  ledger.take(readLine('commit t/0 3'))
  ledger.take(readLine('end 10'))
  return ledger
}

const stored = (...numbers: (number | undefined)[]) =>
  numbers.map((number, queueOffset) => ({ queueOffset, number }))

function foundBy(check: (ledger: Ledger) => void): Partial<CrashSummary> {
  const ledger = ledgerOf()
  check(ledger)
  const { lost, holes, ghosts, offsetsBack } = ledger.summary
  assert.equal(isClean(ledger.summary), lost + holes + ghosts + offsetsBack === 0)
  return { lost, holes, ghosts, offsetsBack }
}

const nothing = { lost: 0, holes: 0, ghosts: 0, offsetsBack: 0 }

describe('Ledger', () => {
  it('is content with what was acknowledged, and with more that was sent', () => {
    const check = (ledger: Ledger) => {
      ledger.checkMessages('t/0', { from: 0, end: 6, messages: stored(0, 1, 2, 3, 4, 9) })
      ledger.checkCommitted('t/0', 3, 6)
      ledger.checkCommitted('t/0', 6, 6)
    }
    assert.deepEqual(foundBy(check), nothing)
  })

  it('sees what is lost: at the end, in the middle, and what changed places', () => {
    const check = (end: number, ...numbers: number[]) =>
      foundBy((ledger) => ledger.checkMessages('t/0', { from: 0, end, messages: stored(...numbers) })).lost
    assert.equal(check(3, 0, 1, 2), 2)
    assert.equal(check(5, 0, 1, 7, 3, 4), 1)
    assert.equal(check(5, 0, 2, 1, 3, 4), 2)
    const cut = (ledger: Ledger) => ledger.checkMessages('t/0', { from: 5, end: 4, messages: [] })
    assert.deepEqual(foundBy(cut), { ...nothing, lost: 1, holes: 1 })
  })

  it('sees holes', () => {
    const messages = [0, 1, 3, 4].map((queueOffset) => ({ queueOffset, number: queueOffset }))
    const check = (ledger: Ledger) => ledger.checkMessages('t/0', { from: 0, end: 5, messages })
    assert.deepEqual(foundBy(check), { ...nothing, lost: 1, holes: 1 })
  })

  it('sees ghosts: foreign bytes, numbers not sent yet, and messages that stand twice', () => {
    const check = (...numbers: (number | undefined)[]) =>
      foundBy((ledger) =>
        ledger.checkMessages('t/0', { from: 0, end: 6, messages: stored(0, 1, 2, 3, 4, ...numbers) }),
      )
    assert.deepEqual(check(undefined), { ...nothing, ghosts: 1 })
    assert.deepEqual(check(10), { ...nothing, ghosts: 1 })
    assert.deepEqual(check(2), { ...nothing, ghosts: 1 })
  })

  it('sees offsets that went back, or beyond the end', () => {
    for (const committed of [2, undefined, 6]) {
      const found = foundBy((ledger) => ledger.checkCommitted('t/0', committed, 5))
      assert.deepEqual(found, { ...nothing, offsetsBack: 1 })
    }
  })
})

describe('bodyOf', () => {
  it('makes bodies that say which they are, whole', () => {
    for (const number of [0, 7, 123_456]) {
      const body = bodyOf(number)
      assert.equal(numberOf(body), number)
      for (const at of [0, body.length >> 1, body.length - 1]) {
        const changed = Buffer.from(body)
        changed[at] = (changed[at] ?? 0) ^ 1
        assert.notEqual(numberOf(changed), number)
      }
      assert.equal(numberOf(body.subarray(0, -1)), undefined)
    }
    assert.equal(numberOf(Buffer.from('no number')), undefined)
  })
})
