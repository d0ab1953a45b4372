import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { below, fraction } from './random-range.ts'
import { RealRandom } from './real-random.ts'
import { SeededRandom } from './seeded-random.ts'

for (const random of [new RealRandom(), new SeededRandom(1)]) {
  describe(random.constructor.name, () => {
    it('gives 32-bit integers that use all bits', () => {
      let [all, any] = [0xffff_ffff, 0]
      for (let draw = 0; draw < 3000; draw++) {
        const value = random.u32()
        assert.ok(Number.isInteger(value) && value >= 0 && value < 2 ** 32)
        all = (all & value) >>> 0
        any = (any | value) >>> 0
      }
      assert.deepEqual([all, any], [0, 0xffff_ffff])
    })

    it('gives bytes, and numbers in a range', () => {
      assert.equal(random.bytes(100).length, 100)
      assert.equal(random.bytes(0).length, 0)
      const seen = new Set(Array.from({ length: 500 }, () => below(random, 6)))
      assert.deepEqual([...seen].sort(), [0, 1, 2, 3, 4, 5])
      const part = fraction(random)
      assert.ok(part >= 0 && part < 1)
    })

    it('forks', () => {
      assert.ok(random.fork('label').u32() >= 0)
    })
  })
}

describe('SeededRandom of a seed', () => {
  const draws = (random: SeededRandom): number[] => Array.from({ length: 5 }, () => random.u32())

  it('repeats itself, and differs from other seeds', () => {
    assert.deepEqual(draws(new SeededRandom(7)), draws(new SeededRandom(7)))
    assert.notDeepEqual(draws(new SeededRandom(7)), draws(new SeededRandom(8)))
    assert.deepEqual(new SeededRandom('x').bytes(9), new SeededRandom('x').bytes(9))
  })

  it('forks by label alone, however many numbers were drawn before', () => {
    const [one, other] = [new SeededRandom(7), new SeededRandom(7)]
    draws(one)
    assert.deepEqual(draws(one.fork('disk')), draws(other.fork('disk')))
    assert.notDeepEqual(draws(one.fork('disk')), draws(one.fork('net')))
    assert.notDeepEqual(draws(one.fork('a').fork('b')), draws(one.fork('a/1:b')))
  })

  it('keeps its numbers from one version to the next, so that old seeds still find what they found', () => {
    assert.deepEqual(draws(new SeededRandom(1)), [1437514603, 2752549740, 3607064732, 3230571444, 2278690348])
  })
})
