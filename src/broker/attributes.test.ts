import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import {
  alterAttributes,
  groupAttributeRules,
  parseAttributeChanges,
  topicAttributeRules,
} from './attributes.ts'

const rules = topicAttributeRules
const none = new Map<string, string>()

describe('parseAttributeChanges', () => {
  it('reads what is to be set and what is to go', () => {
    assert.deepEqual(
      [...parseAttributeChanges('+message.type=FIFO,-cleanup.policy')],
      [
        ['+message.type', 'FIFO'],
        ['-cleanup.policy', ''],
      ],
    )
    assert.equal(parseAttributeChanges('').size, 0)
  })

  it('refuses names without their sign, and names given twice', () => {
    for (const text of ['message.type=FIFO', '-message.type=FIFO', '+message.type', '+a=1,+a=2']) {
      assert.throws(() => parseAttributeChanges(text), { kind: 'invalidParameter' }, text)
    }
  })
})

describe('alterAttributes', () => {
  it('sets, changes and takes away', () => {
    const made = alterAttributes(
      rules,
      undefined,
      parseAttributeChanges('+message.type=FIFO,+queue.type=SimpleCQ'),
    )
    assert.deepEqual(
      [...made],
      [
        ['message.type', 'FIFO'],
        ['queue.type', 'SimpleCQ'],
      ],
    )
    assert.equal(
      alterAttributes(rules, made, parseAttributeChanges('+message.type=DELAY')).get('message.type'),
      'DELAY',
    )
    assert.deepEqual(
      [...alterAttributes(rules, made, parseAttributeChanges('-message.type'))],
      [['queue.type', 'SimpleCQ']],
    )
    assert.deepEqual(alterAttributes(rules, made, none), made)
  })

  it('says what is wrong with a change', () => {
    const current = new Map([['queue.type', 'SimpleCQ']])
    const faults: [ReadonlyMap<string, string> | undefined, string, RegExp][] = [
      [undefined, '+no.such=1', /no\.such is not known/],
      [undefined, '+message.type=ODD', /wants one of UNSPECIFIED, NORMAL/],
      [undefined, '+message.type=LITE', /LITE is not supported/],
      [undefined, '+queue.type=BatchCQ', /BatchCQ is not supported/],
      [undefined, '+reserve.time=1', /is not supported/],
      [undefined, '-message.type', /is not there to be taken away/],
      [current, '+queue.type=SimpleCQ', /can only be set when the topic is made/],
      [current, '-message.type', /is not there to be taken away/],
      [undefined, '+constructor=1', /is not known/],
    ]
    for (const [given, text, message] of faults) {
      assert.throws(() => alterAttributes(rules, given, parseAttributeChanges(text)), {
        kind: 'invalidParameter',
        message,
      })
    }
  })

  it('refuses a name that is both set and taken away, and one without a sign', () => {
    const both = new Map([
      ['+message.type', 'FIFO'],
      ['-message.type', ''],
    ])
    assert.throws(() => alterAttributes(rules, none, both), /comes twice/)
    assert.throws(() => alterAttributes(rules, none, new Map([['message.type', 'FIFO']])), /wants \+ or -/)
  })

  it('knows no attribute of groups', () => {
    assert.throws(() => alterAttributes(groupAttributeRules, none, new Map([['+a', '1']])), /is not known/)
  })
})
