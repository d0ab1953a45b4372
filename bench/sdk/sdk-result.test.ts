import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { type SdkResult, sdkReport } from './sdk-result.ts'

function result(
  client: SdkResult['client'],
  run: number,
  cpuUsPerMessage: number,
  messagesPerS: number,
): SdkResult {
  return { record: 'sdk', scenario: 'send-async', client, run, cpuUsPerMessage, messagesPerS, problems: [] }
}

describe('sdkReport', () => {
  it('says how many messages each client handles in a CPU second, run by run', () => {
    const report = sdkReport(
      [],
      [
        result('sdk', 1, 5, 900),
        result('java', 1, 10, 300),
        result('java', 2, 60, 100),
        result('sdk', 2, 20, 200),
      ],
    )
    const row = report.split('\n').find((line) => line.includes('send-async')) ?? ''
    const cells = row.split('|').map((cell) => cell.trim())
    assert.equal(cells[5], '2.50 (2.00..3.00)')
    assert.equal(cells[8], '2.50 (2.00..3.00)')
  })

  it('names what did not hold', () => {
    const report = sdkReport([], [{ ...result('sdk', 3, 1, 1), problems: ['stored 4 of 5'] }])
    assert.match(report, /- send-async, sdk, run 3: stored 4 of 5/)
  })
})
