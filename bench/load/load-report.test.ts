import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { loadReport } from './load-report.ts'
import type { LoadResult } from './load-result.ts'

function result(label: string, run: number, cpuUs: number, changes: Partial<LoadResult> = {}): LoadResult {
  return {
    ...{ record: 'load', scenario: 'send-sync-64', label, run, messages: 1, windowS: 1, messagesPerS: 1000 },
    ...{ brokerCpuUsPerMessage: cpuUs, clientCpuUsPerMessage: 30, otherCpuS: 0, brokerRssMiB: 100 },
    ...{ brokerAnonMiB: 50, errors: 0, problems: [], ...changes },
  }
}

/** The cells of the first row after a heading that holds this title. */
function row(report: string, title: string): string[] {
  const lines = report.split('\n')
  const heading = lines.findIndex((line) => line.startsWith('|') && line.includes(title))
  return (lines[heading + 2] ?? '').split('|').map((cell) => cell.trim())
}

describe('loadReport', () => {
  it('compares the windows of a run with each other, not medians of different runs', () => {
    const report = loadReport(
      [],
      [
        ...[result('rocketmq', 1, 20), result('ternmq', 1, 10)],
        ...[result('ternmq', 2, 40), result('rocketmq', 2, 80)],
      ],
    )
    assert.equal(row(report, 'broker CPU ratio')[2], '0.50 (0.50..0.50)')
    assert.equal(row(report, 'broker CPU us/msg')[4], '25.00 (10.00..40.00)')
  })

  it('shows no ratio for a scenario that one server did not finish', () => {
    const failure = {
      record: 'failure',
      scenario: 'send-sync-64',
      label: 'ternmq',
      run: 1,
      reason: 'exit 1',
    } as const
    const report = loadReport([], [failure, result('rocketmq', 1, 20)])
    assert.match(report, /- send-sync-64, ternmq, run 1: failed: exit 1/)
  })

  it('names broken promises and errors', () => {
    const changes = { errors: 2, firstError: 'busy', problems: ['acknowledged 5 but stored 4'] }
    const report = loadReport([], [result('ternmq', 1, 10, changes)])
    assert.match(report, /ternmq, run 1: acknowledged 5 but stored 4/)
    assert.match(report, /ternmq, run 1: 2 errors, the first busy/)
  })

  it('says what many topics carry of what one does, a server at a time', () => {
    const many = (label: string, run: number, messagesPerS: number) =>
      result(label, run, 10, { scenario: 'many-topics', messagesPerS })
    const report = loadReport([], [result('ternmq', 1, 10), many('ternmq', 1, 950), many('rocketmq', 1, 500)])
    assert.match(report, /ternmq: many-topics carries 0\.95 times what send-sync-64 does/)
    assert.doesNotMatch(report, /rocketmq: many-topics/)
  })
})
