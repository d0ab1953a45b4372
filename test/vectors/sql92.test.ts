import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { compileSql } from '#ternmq/broker/filter/sql-filter.ts'
import { propertiesText } from '#ternmq/protocol/message-properties.ts'
import { PropertyScan } from '#ternmq/protocol/property-scan.ts'
import { vectorLines } from './vectors.ts'

/** `evaluates` of the vectors, in our words. */
const results: Readonly<Record<string, string>> = { evalError: 'error' }

// sql92-odd.jsonl: the corners of the language, by the filter module of RocketMQ 5.5.0
for (const file of ['sql92.jsonl', 'sql92-odd.jsonl']) {
  const lines = vectorLines(file)
  const properties = new PropertyScan()
  const bytes = Buffer.from(propertiesText(Object.entries(lines.at(-1)?.properties as object)))
  properties.read(bytes, 0, bytes.length)

  describe(file, () => {
    for (const { expression, parse, evaluates, delivered } of lines.slice(0, -1)) {
      const text = String(expression)
      it(`${JSON.stringify(text)}: ${evaluates ?? parse}`, () => {
        if (parse === 'parseError') {
          assert.throws(() => compileSql(text), { kind: 'subscriptionParseFailed' })
          return
        }
        const filter = compileSql(text)
        assert.equal(filter.evaluate(properties), results[String(evaluates)] ?? evaluates)
        assert.equal(filter.matches(properties), delivered)
      })
    }
  })
}
