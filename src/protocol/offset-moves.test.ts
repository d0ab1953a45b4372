import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { decodeOffsetChanges, decodePreview, encodeOffsetChanges, encodePreview } from './offset-moves.ts'

describe('moves of offsets', () => {
  it('are read as they were written', () => {
    const moves = [
      { queueId: 0, before: 3, after: 0, minOffset: 0, maxOffset: 6 },
      { queueId: 1, before: undefined, after: 6, minOffset: 2, maxOffset: 6 },
    ]
    assert.deepEqual(decodePreview(encodePreview(moves)), moves)
    const kept = moves.map(({ queueId, before, after }) => ({ queueId, before, after }))
    const change = { id: 7, kind: 'clone' as const, timestampMs: 5, group: 'g', topic: 't', moves: kept }
    assert.deepEqual(decodeOffsetChanges(encodeOffsetChanges([change])), [change])
    assert.throws(() => decodeOffsetChanges(Buffer.from('{"changes":[{}]}')), { kind: 'badBody' })
  })
})
