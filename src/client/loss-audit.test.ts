import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { SEQUENCE, sequenceText } from '../protocol/sequence-mark.ts'
import { LossAudit, type SequenceReport } from './loss-audit.ts'

/** Numbers as they lie in a queue, with what each says of those before. */
type Stored = readonly [number: number, settled: number, ...unsure: number[]]

function auditOf(
  stored: readonly Stored[],
  options: { isWhole?: boolean; consumedTo?: number } = {},
): Omit<SequenceReport, 'producer'> | undefined {
  const audit = new LossAudit({ isWhole: true, ...options })
  for (const [queueOffset, [number, settled, ...unsure]] of stored.entries()) {
    const text = sequenceText({ producer: 'p', number, settled, unsure })
    audit.add({ queueOffset, properties: new Map([[SEQUENCE, text]]) })
  }
  const [report] = audit.report()
  if (!report) return undefined
  const { producer: _, ...rest } = report
  return rest
}

describe('LossAudit', () => {
  it('finds nothing where everything is there, in whatever order', () => {
    assert.deepEqual(
      auditOf(
        [
          [1, 0],
          [3, 1],
          [2, 1],
          [4, 3],
        ],
        { consumedTo: 3 },
      ),
      {
        ...{ stored: 4, last: 4, lost: [], missing: [], duplicated: [], consumed: 3 },
      },
    )
  })

  it('tells what was acknowledged and is gone from what was never acknowledged', () => {
    assert.deepEqual(
      auditOf([
        [1, 0],
        [5, 3],
        [9, 5, 4],
      ]),
      {
        ...{ stored: 3, last: 9, duplicated: [], consumed: 0 },
        lost: [{ first: 2, last: 3 }],
        missing: [
          { first: 4, last: 4 },
          { first: 6, last: 8 },
        ],
      },
    )
  })

  it('lists what is there twice', () => {
    const report = auditOf([
      [1, 0],
      [2, 0],
      [1, 0],
      [3, 2],
      [2, 0],
    ])
    assert.deepEqual([report?.stored, report?.duplicated, report?.lost], [3, [1, 2], []])
  })

  it('counts from the first that is there where retention has taken the begin', () => {
    assert.deepEqual(
      auditOf(
        [
          [7, 6],
          [8, 7],
        ],
        { isWhole: false },
      )?.lost,
      [],
    )
    assert.deepEqual(
      auditOf(
        [
          [7, 6],
          [9, 8],
        ],
        { isWhole: false },
      )?.lost,
      [{ first: 8, last: 8 }],
    )
  })

  it('passes over messages without a number', () => {
    const audit = new LossAudit({ isWhole: true })
    audit.add({ queueOffset: 0, properties: new Map() })
    assert.deepEqual(audit.report(), [])
  })

  it('agrees with what was taken away and doubled, in any mixture', () => {
    fc.assert(
      fc.property(fc.array(fc.nat(9), { minLength: 1, maxLength: 60 }), (fates) => {
        // every send is acknowledged; 0 takes the message away, 1 stores it twice
        const stored = fates.flatMap((fate, index): Stored[] => {
          const message: Stored = [index + 1, index]
          return fate === 0 ? [] : fate === 1 ? [message, message] : [message]
        })
        const end: Stored = [fates.length + 1, fates.length]
        const report = auditOf([...stored, end])
        const lost = report?.lost.reduce((sum, { first, last }) => sum + last - first + 1, 0)
        assert.equal(lost, fates.filter((fate) => fate === 0).length)
        assert.equal(report?.duplicated.length, fates.filter((fate) => fate === 1).length)
        assert.deepEqual(report?.missing, [])
      }),
      { numRuns: 1000 },
    )
  })
})
