import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import {
  decodeTopicConfig,
  decodeTopicConfigList,
  encodeTopicConfig,
  encodeTopicConfigList,
  parseTopicConfigText,
  topicConfig,
  topicConfigText,
} from './topic-config.ts'

const config = topicConfig('T', {
  readQueueNums: 4,
  writeQueueNums: 3,
  perm: 7,
  order: true,
  topicSysFlag: 1,
  attributes: new Map([['message.type', 'FIFO']]),
})

describe('TopicConfig', () => {
  it('comes back from JSON', () => {
    assert.deepEqual(decodeTopicConfig(encodeTopicConfig(config)), config)
    assert.deepEqual(decodeTopicConfigList(encodeTopicConfigList([config, topicConfig('U')])), [
      config,
      topicConfig('U'),
    ])
  })

  it('takes the defaults of RocketMQ', () => {
    assert.deepEqual(decodeTopicConfig(Buffer.from('{"topicName":"T"}')), topicConfig('T'))
    assert.throws(() => decodeTopicConfig(Buffer.from('{}')), {
      message: 'topic config.topicName is missing',
    })
  })

  it('comes back from the text of compressed registrations, which knows neither order nor flags', () => {
    assert.equal(topicConfigText(config), 'T 4 3 7 SINGLE_TAG {"message.type":"FIFO"}')
    assert.deepEqual(parseTopicConfigText(topicConfigText(config)), {
      ...config,
      order: false,
      topicSysFlag: 0,
    })
  })

  it('reads the text of brokers before 5.0, and takes unreadable attributes for none', () => {
    for (const end of ['', ' ', ' {"a b":"c"}', ' [1]', ' {"a":1}', ' rubbish']) {
      const parsed = parseTopicConfigText(`T 8 8 6 MULTI_TAG${end}`)
      const expected = { readQueueNums: 8, writeQueueNums: 8, perm: 6, topicFilterType: 'MULTI_TAG' as const }
      assert.deepEqual(parsed, topicConfig('T', expected), end)
    }
  })

  it('refuses a text with a part missing or malformed', () => {
    for (const text of [
      '',
      'T',
      'T 1 2 6',
      ' 1 2 6 SINGLE_TAG',
      'T x 2 6 SINGLE_TAG',
      'T 1 2 99999999999 SINGLE_TAG',
      'T 1 2 6 NO_TAG',
    ]) {
      assert.throws(() => parseTopicConfigText(text), { kind: 'badBody' }, text)
    }
  })
})
