import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { runCrashCycles } from './crash-cycles.ts'
import { featureTable } from './features/feature-tally.ts'
import { summaryText } from './ledger.ts'

describe('a broker that is killed under load', () => {
  for (const flush of ['async', 'sync'] as const) {
    it(`loses nothing that it has acknowledged, ${flush} flush (npm run test:crash does it more often)`, async (t) => {
      const { ledger, isClean, findings } = await runCrashCycles({ flush, cycles: 3 })
      t.diagnostic(summaryText(ledger.summary))
      assert.deepEqual(findings, [])
      assert(isClean, summaryText(ledger.summary))
    })
  }

  it('keeps the promises of all features at once (npm run test:crash -- --features does it more often)', async (t) => {
    const { tallies, isClean, findings } = await runCrashCycles({
      flush: 'async',
      cycles: 3,
      hasFeatures: true,
    })
    t.diagnostic(featureTable(tallies))
    assert.deepEqual(findings, [])
    assert(isClean, featureTable(tallies))
  })
})
