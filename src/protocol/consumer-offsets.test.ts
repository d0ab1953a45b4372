import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import {
  consumerOffsetsJson,
  decodeConsumerOffsets,
  decodeDelayOffsets,
  delayOffsetsJson,
} from './consumer-offsets.ts'
import { fastJsonBytes, prettyFastJson } from './fastjson-writer.ts'

const dataVersion = { counter: 1, stateVersion: 0, timestamp: 5 }

describe('ConsumerOffsets', () => {
  it('comes back from a body and from a file', () => {
    const offsets = {
      dataVersion,
      groupTopicMap: new Map([['G', ['T']]]),
      offsetTable: new Map([['T@G', new Map([[0, 351]])]]),
    }
    assert.deepEqual(decodeConsumerOffsets(fastJsonBytes(consumerOffsetsJson(offsets))), offsets)
    assert.deepEqual(
      decodeConsumerOffsets(Buffer.from(prettyFastJson(consumerOffsetsJson(offsets)))),
      offsets,
    )
  })

  it('reads the file of a release that had no versions', () => {
    const { dataVersion: version, offsetTable } = decodeConsumerOffsets(
      Buffer.from('{"offsetTable":{"T@G":{0:1,1:2}}}'),
    )
    assert.deepEqual([version.counter, offsetTable.get('T@G')?.get(1)], [0, 2])
  })
})

describe('DelayOffsets', () => {
  it('comes back', () => {
    const offsets = { dataVersion, offsetTable: new Map([[18, 3]]) }
    assert.deepEqual(decodeDelayOffsets(fastJsonBytes(delayOffsetsJson(offsets))), offsets)
  })
})
