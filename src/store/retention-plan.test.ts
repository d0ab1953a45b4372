import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { DiskGate, planRetention, type RetentionSettings } from './retention-plan.ts'

const HOUR_MS = 3_600_000
const NOW_MS = 1000 * HOUR_MS

const settings: RetentionSettings = {
  ...{ fileReservedHours: 72, deleteWhen: [4, 16], maxUsedRatio: 0.75, cleanForciblyRatio: 0.85 },
  ...{ isCleanForciblyEnabled: true, warningRatio: 0.9 },
}

/** Files last written so many hours ago, oldest first; those marked are still needed. */
function files(
  hoursAgo: readonly number[],
  needed: readonly number[] = [],
): { modifiedMs: number; mayGo: boolean }[] {
  return hoursAgo.map((hours, index) => ({
    modifiedMs: NOW_MS - hours * HOUR_MS,
    mayGo: !needed.includes(index),
  }))
}

describe('planRetention', () => {
  const table: [
    string,
    ReturnType<typeof files>,
    { hour: number; usedRatio: number },
    number,
    string,
    Partial<RetentionSettings>?,
  ][] = [
    ['nothing has expired', files([71, 50, 1]), { hour: 4, usedRatio: 0.5 }, 0, 'expired'],
    ['expired files at the hour', files([100, 73, 71, 1]), { hour: 4, usedRatio: 0.5 }, 2, 'expired'],
    ['expired files at the second hour', files([100, 73, 71, 1]), { hour: 16, usedRatio: 0.5 }, 2, 'expired'],
    ['a file expires to the millisecond', files([72, 1]), { hour: 4, usedRatio: 0.5 }, 1, 'expired'],
    ['another hour', files([100, 73, 71, 1]), { hour: 5, usedRatio: 0.5 }, 0, 'expired'],
    ['another hour on a filling disk', files([100, 73, 71, 1]), { hour: 5, usedRatio: 0.76 }, 2, 'expired'],
    ['just at the ratio', files([100, 1]), { hour: 5, usedRatio: 0.75 }, 0, 'expired'],
    ['a filling disk where nothing has expired', files([71, 1]), { hour: 5, usedRatio: 0.8 }, 0, 'expired'],
    ['a nearly full disk', files([3, 2, 1]), { hour: 5, usedRatio: 0.86 }, 2, 'disk nearly full'],
    [
      'a nearly full disk, not by force',
      files([3, 2, 1]),
      { hour: 5, usedRatio: 0.86 },
      0,
      'expired',
      { isCleanForciblyEnabled: false },
    ],
    ['the newest file stays', files([100]), { hour: 4, usedRatio: 0.95 }, 0, 'disk nearly full'],
    ['no files', [], { hour: 4, usedRatio: 0.95 }, 0, 'disk nearly full'],
    ['all expired: the newest stays', files([100, 90, 80]), { hour: 4, usedRatio: 0.1 }, 2, 'expired'],
    ['ten files a run', files(Array(30).fill(100)), { hour: 4, usedRatio: 0.1 }, 10, 'expired'],
    [
      'ten files a run by force, too',
      files(Array(30).fill(1)),
      { hour: 4, usedRatio: 0.9 },
      10,
      'disk nearly full',
    ],
    [
      'a younger file before an older one',
      files([100, 1, 100, 1]),
      { hour: 4, usedRatio: 0.1 },
      1,
      'expired',
    ],
    [
      'what recovery needs stays',
      files([100, 90, 80, 1], [1, 2, 3]),
      { hour: 4, usedRatio: 0.1 },
      1,
      'expired',
    ],
    [
      'what recovery needs stays on a full disk, too',
      files([3, 2, 1], [0, 1, 2]),
      { hour: 4, usedRatio: 0.99 },
      0,
      'disk nearly full',
    ],
  ]
  for (const [name, states, now, count, reason, overrides] of table) {
    it(`${name}: ${count} by ${reason}`, () => {
      assert.deepEqual(planRetention(states, { nowMs: NOW_MS, ...now }, { ...settings, ...overrides }), {
        count,
        reason,
      })
    })
  }
})

describe('DiskGate', () => {
  const space = (usedRatio: number): { totalBytes: number; freeBytes: number } => ({
    totalBytes: 10 ** 9,
    freeBytes: Math.round(10 ** 9 * (1 - usedRatio)),
  })

  it('closes above the warning ratio and opens again a hundredth below', () => {
    const gate = new DiskGate(settings)
    for (const [usedRatio, isOpen] of [
      [0.5, true],
      [0.9, true],
      [0.905, false],
      [0.9, false],
      [0.891, false],
      [0.889, true],
      [0.9, true],
      [0.91, false],
    ] as const) {
      gate.measured(space(usedRatio))
      assert.equal(gate.refusal === undefined, isOpen, `${usedRatio}`)
    }
    assert.match(
      gate.refusal ?? '',
      /^the disk is 91\.0 % full, more than 90\.0 % \(diskSpaceWarningLevelRatio\)$/,
    )
  })

  it('closes when the disk has refused a write, and opens when there is room', () => {
    const gate = new DiskGate(settings)
    gate.refused()
    assert.equal(gate.refusal, 'the disk is full')
    gate.measured({ totalBytes: 10 ** 7, freeBytes: 1024 * 1024 - 1 })
    assert.notEqual(gate.refusal, undefined)
    gate.measured({ totalBytes: 10 ** 8, freeBytes: 50_000_000 }, 60_000_000)
    assert.equal(gate.refusal, 'the disk is full')
    gate.measured({ totalBytes: 10 ** 8, freeBytes: 60_000_000 }, 60_000_000)
    assert.equal(gate.refusal, undefined)
  })

  it('takes a disk of unknown size for one with room', () => {
    const gate = new DiskGate(settings)
    gate.measured({ totalBytes: 0, freeBytes: 0 })
    assert.equal(gate.refusal, undefined)
  })
})
