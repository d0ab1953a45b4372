import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import {
  checkGroup,
  checkTopic,
  dlqTopicOf,
  GROUP_LENGTH_MAX,
  groupOfTopic,
  isDlqTopic,
  isForbiddenToSend,
  isRetryTopic,
  isSystemGroup,
  isSystemTopic,
  popRetryTopicOf,
  popRetryTopicV2Of,
  replyTopicOf,
  retryTopicOf,
  SystemTopic,
} from './names.ts'

describe('names', () => {
  it('says which rule a name breaks', () => {
    const broken: [string, RegExp][] = [
      ['', /^the topic is blank$/],
      [' \t', /^the topic is blank$/],
      ['x'.repeat(128), /has 128 characters, more than 127$/],
      [`%DLQ%${'x'.repeat(251)}`, /has 256 characters, more than 255$/],
      ['../etc', /^topic "\.\.\/etc" may only hold letters, digits and % \| _ -$/],
      ['a\u0000', /may only hold/],
    ]
    for (const [topic, message] of broken) {
      assert.throws(() => checkTopic(topic), { kind: 'invalidParameter', message })
    }
    assert.throws(
      () => checkGroup('g'.repeat(GROUP_LENGTH_MAX + 1)),
      /^MqError: group g+\.\.\. has 256 characters/,
    )
  })

  it('derives the topics of a group, which a group of full length still may have', () => {
    const group = 'g'.repeat(248)
    checkTopic(retryTopicOf(group))
    checkTopic(dlqTopicOf(group))
    assert.equal(isRetryTopic(retryTopicOf(group)) && !isDlqTopic(retryTopicOf(group)), true)
    assert.deepEqual([retryTopicOf('g'), dlqTopicOf('g'), 'T'].map(groupOfTopic), ['g', 'g', undefined])
    assert.equal(popRetryTopicOf('g', 'T'), '%RETRY%g_T')
    assert.equal(popRetryTopicV2Of('g', 'T'), '%RETRY%g+T')
    assert.equal(replyTopicOf('C'), 'C_REPLY_TOPIC')
  })

  it('knows what RocketMQ keeps for itself', () => {
    assert.equal(Object.values(SystemTopic).every(isSystemTopic), true)
    assert.deepEqual(['rmq_sys_wheel_timer', 'T', 'constructor'].map(isSystemTopic), [true, false, false])
    assert.deepEqual(
      [SystemTopic.SCHEDULE, SystemTopic.AUTO_CREATE, SystemTopic.TRACE].map(isForbiddenToSend),
      [true, false, false],
    )
    assert.deepEqual(['CID_RMQ_SYS_ANY', 'TOOLS_CONSUMER', 'mine'].map(isSystemGroup), [true, true, false])
  })
})
