import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { QuickReads } from './quick-reads.ts'

describe('QuickReads', () => {
  it('allows reads near the end of the log only', () => {
    const quick = new QuickReads({ monoMs: () => 0 }, () => 1000)
    assert.deepEqual([quick.allows(0), quick.allows(1000), quick.allows(1001)], [true, true, false])
  })

  it('allows none for a second after a slow one', () => {
    let nowMs = 0
    const quick = new QuickReads({ monoMs: () => nowMs }, () => 1000)
    const readFor = (ms: number): number =>
      quick.run(() => {
        nowMs += ms
        return 5
      })
    assert.equal(readFor(0.1), 5)
    assert.ok(quick.allows(0))
    readFor(3)
    assert.equal(quick.allows(0), false)
    nowMs += 999
    assert.equal(quick.allows(0), false)
    nowMs += 1
    assert.ok(quick.allows(0))
  })
})
