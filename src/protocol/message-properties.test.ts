import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { parseProperties, propertiesText } from './message-properties.ts'

describe('properties', () => {
  it('keeps the last of duplicate names, as every RocketMQ parser does', () => {
    const text = 'UNIQ_KEY\u0001own\u0002WAIT\u0001true\u0002UNIQ_KEY\u0001batch\u0002'
    assert.deepEqual(
      [...parseProperties(text)],
      [
        ['UNIQ_KEY', 'batch'],
        ['WAIT', 'true'],
      ],
    )
  })

  it('drops what has no name or no value, and takes a missing last separator', () => {
    assert.deepEqual([...parseProperties('a\u0001\u0002\u0001b\u0002ab\u0002\u0002c\u00011')], [['c', '1']])
    assert.deepEqual([...parseProperties('')], [])
  })

  it('keeps a separator of names within a value', () => {
    assert.deepEqual([...parseProperties('a\u0001b\u0001c\u0002')], [['a', 'b\u0001c']])
  })

  it('refuses to write what would be read as something else', () => {
    assert.throws(() => propertiesText([['a', 'b\u0002c']]), { kind: 'messageIllegal' })
    assert.throws(() => propertiesText([['a\u0001', 'b']]), { kind: 'messageIllegal' })
    assert.equal(propertiesText(new Map([['a', '1']])), 'a\u00011\u0002')
  })

  it('reads many properties without a value in linear time', () => {
    assert.equal(parseProperties(`${'abc\u0002'.repeat(200_000)}k\u0001v`).get('k'), 'v')
  })
})
