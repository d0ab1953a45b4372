import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { encodeDataVersion } from '../protocol/data-version.ts'
import { pageOf } from './metadata-page.ts'

const version = { counter: 3, stateVersion: 0, timestamp: 17 }
const text = encodeDataVersion(version).toString()
const table = new Map([...'dbacfe'].map((name) => [name, name.toUpperCase()]))

describe('pageOf', () => {
  it('gives one part after the other, in the order of names', () => {
    const first = pageOf(table, version, { seq: 0, countMax: 4, dataVersion: '' })
    assert.deepEqual([...first.values()], ['A', 'B', 'C', 'D'])
    const second = pageOf(table, version, { seq: 4, countMax: 4, dataVersion: text })
    assert.deepEqual([...second.values()], ['E', 'F'])
    assert.equal(pageOf(table, version, { seq: 6, countMax: 4, dataVersion: text }).size, 0)
  })

  it('begins anew when the table has changed in between', () => {
    const newer = { ...version, counter: 4 }
    assert.deepEqual([...pageOf(table, newer, { seq: 4, countMax: 2, dataVersion: text }).keys()], ['a', 'b'])
  })

  it('gives at least one entry and at most 2000', () => {
    assert.equal(pageOf(table, version, { seq: 0, countMax: 0, dataVersion: '' }).size, 1)
    const large = new Map(Array.from({ length: 3000 }, (_, index) => [`t${index}`, index]))
    assert.equal(pageOf(large, version, { seq: -5, countMax: 2_147_483_647, dataVersion: text }).size, 2000)
  })

  it('refuses a version that is none', () => {
    assert.throws(() => pageOf(table, version, { seq: 0, countMax: 1, dataVersion: '{"counter":"x"}' }), {
      kind: 'badBody',
    })
  })
})
