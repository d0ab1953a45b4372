import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { FeatureTally, featureTable } from './feature-tally.ts'
import { OnceLog, type Owed } from './once-log.ts'

/** A record of a message, as a consumer has it. */
function recordOf(number: number, storedMs = 0) {
  return {
    text: String(number),
    storedMs,
    queueOffset: number,
    queue: { topic: 't', queueId: 0, brokerName: 'b' },
  }
}

/** What is found where message 1 is owed, and these records were read. */
function foundBy(owed: Owed, records: readonly ReturnType<typeof recordOf>[], notBeforeMs = 0): string[] {
  const tally = new FeatureTally('t')
  const log = new OnceLog(tally, true)
  log.tried(1, notBeforeMs)
  log.owe(1, owed)
  for (const record of records) log.seen(record)
  assert.equal(log.isSettled, owed !== 'one' || records.some(({ text }) => text === '1'))
  log.check()
  assert.equal(tally.isClean, tally.findings.length === 0)
  return tally.findings.map((finding) => finding.slice(0, finding.indexOf(':')))
}

describe('OnceLog', () => {
  it('is content with one record of what is owed, and with one or none where that is not known', () => {
    assert.deepEqual(foundBy('one', [recordOf(1)]), [])
    assert.deepEqual(foundBy('either', [recordOf(1)]), [])
    assert.deepEqual(foundBy('either', []), [])
    assert.deepEqual(foundBy('none', []), [])
  })

  it('sees what is lost, doubled, early, or should not be there', () => {
    assert.deepEqual(foundBy('one', []), ['t, lost'])
    assert.deepEqual(foundBy('one', [recordOf(1), recordOf(1)]), ['t, double'])
    assert.deepEqual(foundBy('one', [recordOf(1, 99)], 100), ['t, early'])
    assert.deepEqual(foundBy('one', [recordOf(1, 100)], 100), [])
    assert.deepEqual(foundBy('none', [recordOf(1)]), ['t, ghost'])
    assert.deepEqual(foundBy('one', [recordOf(1), recordOf(2)]), ['t, ghost'])
  })

  it('takes what may be seen from a moment on for early until then', () => {
    const tally = new FeatureTally('t')
    const log = new OnceLog(tally, false)
    for (const number of [1, 2]) log.tried(number, Number.POSITIVE_INFINITY)
    log.allow(1, Date.now())
    for (const number of [1, 2]) log.seen(recordOf(number))
    assert.deepEqual([tally.count('early'), tally.delivered], [1, 2])
    assert.match(featureTable([tally]), /\| t \| 2 \| 0 \| 2 \| 0 \| 0 \| 1 \| 0 \| 0 \| 0 \|/)
  })
})
