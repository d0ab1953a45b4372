import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { parseSequence, sequenceText } from './sequence-mark.ts'

describe('a sequence mark', () => {
  it('is read as it was written', () => {
    for (const unsure of [[], [3], [3, 7]]) {
      const mark = { producer: '10.0.0.1@x#1', number: 9, settled: 7, unsure }
      assert.deepEqual(parseSequence(sequenceText(mark)), mark)
    }
  })

  it('is none when anything in it is odd', () => {
    for (const text of ['', 'p 1', 'p x 1', 'p 1 2 ', 'p 1 2 3,', 'p 1 2 3 4']) {
      assert.equal(parseSequence(text), undefined, text)
    }
  })
})
