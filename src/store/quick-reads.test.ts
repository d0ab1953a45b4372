import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { QuickReads } from './quick-reads.ts'

describe('QuickReads', () => {
  it('allows reads near the end of the log only', () => {
    const quick = new QuickReads({ monoMs: () => 0 }, { deviceReads: () => 0 }, () => 1000)
    assert.deepEqual([quick.allows(0), quick.allows(1000), quick.allows(1001)], [true, true, false])
  })

  it('allows none for a second after a slow one of the device', () => {
    const { quick, readFor, pass } = timedReads(() => undefined)
    assert.equal(readFor(0.1), 5)
    assert.ok(quick.allows(0))
    readFor(3)
    assert.equal(quick.allows(0), false)
    pass(999)
    assert.equal(quick.allows(0), false)
    pass(1)
    assert.ok(quick.allows(0))
  })

  it('goes on after a slow one that has waited for something else', () => {
    let deviceReads = 0
    const { quick, readFor, pass } = timedReads(() => deviceReads)
    readFor(3)
    assert.ok(quick.allows(0))
    deviceReads += 8
    readFor(3)
    assert.equal(quick.allows(0), false)
    pass(1000)
    readFor(3)
    assert.ok(quick.allows(0))
  })
})

function timedReads(deviceReads: () => number | undefined): {
  readonly quick: QuickReads
  readonly readFor: (ms: number) => number
  readonly pass: (ms: number) => void
} {
  let nowMs = 0
  const pass = (ms: number): void => {
    nowMs += ms
  }
  const quick = new QuickReads({ monoMs: () => nowMs }, { deviceReads }, () => 1000)
  const readFor = (ms: number): number =>
    quick.run(() => {
      pass(ms)
      return 5
    })
  return { quick, readFor, pass }
}
