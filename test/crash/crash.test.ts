import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { runCrashCycles } from './crash-cycles.ts'
import { isClean, summaryText } from './ledger.ts'

describe('a broker that is killed under load', () => {
  for (const flush of ['async', 'sync'] as const) {
    it(`loses nothing that it has acknowledged, ${flush} flush (npm run test:crash does it more often)`, async (t) => {
      const { summary, findings } = await runCrashCycles({ flush, cycles: 3 })
      t.diagnostic(summaryText(summary))
      assert.deepEqual(findings, [])
      assert(isClean(summary), summaryText(summary))
    })
  }
})
