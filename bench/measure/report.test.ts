import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { replaceSection, table } from './report.ts'

describe('table', () => {
  it('lines up its columns', () => {
    assert.equal(
      table(['a', 'longer'], [['value', '1']]),
      '| a     | longer |\n| ----- | ------ |\n| value | 1      |',
    )
  })
})

describe('replaceSection', () => {
  const document = 'before\n<!-- bench:load -->\nold\n<!-- /bench:load -->\nafter\n'

  it('replaces what stands between the markers and nothing else', () => {
    assert.equal(
      replaceSection(document, 'load', 'new\n'),
      'before\n<!-- bench:load -->\nnew\n<!-- /bench:load -->\nafter\n',
    )
  })

  it('does the same again', () => {
    const once = replaceSection(document, 'load', 'new')
    assert.equal(replaceSection(once, 'load', 'new'), once)
  })

  it('refuses a document without the markers', () => {
    assert.throws(() => replaceSection(document, 'raw', 'new'), RangeError)
  })
})
