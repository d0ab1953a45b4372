import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { javaHashCode } from './java-hash.ts'
import { matchesTag, matchesTagCode, parseTagExpression } from './tag-expression.ts'

describe('TagExpression', () => {
  it('lets everything pass for *, nothing given, and the empty text', () => {
    for (const expression of ['*', '', null, undefined]) {
      const all = parseTagExpression(expression)
      assert.equal(matchesTag(all, undefined) && matchesTag(all, 'x') && matchesTagCode(all, 0), true)
    }
  })

  it('lets a colliding tag pass by its hash but not by its text', () => {
    const expression = parseTagExpression('AaAa || TagB')
    assert.equal(matchesTagCode(expression, javaHashCode('BBBB')), true)
    assert.equal(matchesTag(expression, 'BBBB'), false)
    assert.equal(matchesTag(expression, 'TagB'), true)
    assert.equal(matchesTag(expression, undefined), false)
    assert.equal(matchesTagCode(expression, 0), false)
  })

  it('compares hashes by their lower 32 bits', () => {
    const expression = parseTagExpression('polygenelubricants')
    assert.equal(matchesTagCode(expression, -2_147_483_648), true)
    assert.equal(matchesTagCode(expression, 2_147_483_648), true)
  })

  it('refuses an expression that names no tag', () => {
    for (const expression of ['||', ' || ', '  ']) {
      assert.throws(() => parseTagExpression(expression), { kind: 'subscriptionParseFailed' })
    }
  })
})
