import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { BROKER_VERSION, ClientVersion, versionName } from './client-version.ts'

describe('ClientVersion', () => {
  it('names ordinals as the MQVersion enum does', () => {
    const known: [number, string][] = [
      [0, 'V3_0_0_SNAPSHOT'],
      [1, 'V3_0_0_ALPHA1'],
      [15, 'V3_0_0_FINAL'],
      [37, 'V3_0_11'],
      [45, 'V3_0_15'],
      [63, 'V3_1_8'],
      [86, 'V3_3_1_SNAPSHOT'],
      [213, 'V4_0_0'],
      [233, 'V4_1_0'],
      [293, 'V4_4_0'],
      [333, 'V4_6_0'],
      [373, 'V4_8_0'],
      [399, 'V4_9_3'],
      [409, 'V4_9_8'],
      [441, 'V5_1_4'],
      [453, 'V5_2_0'],
      [473, 'V5_3_0'],
      [478, 'V5_3_3_SNAPSHOT'],
      [611, 'V5_9_9'],
      [612, 'HIGHER_VERSION'],
      [-1, 'HIGHER_VERSION'],
    ]
    for (const [ordinal, name] of known) assert.equal(versionName(ordinal), name)
  })

  it('calls the releases of its table by their names', () => {
    for (const [name, ordinal] of Object.entries(ClientVersion)) assert.equal(versionName(ordinal), name)
    assert.equal(versionName(BROKER_VERSION), 'V5_5_1')
  })
})
