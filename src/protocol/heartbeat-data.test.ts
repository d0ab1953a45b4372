import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { decodeHeartbeatData, encodeHeartbeatData, type HeartbeatData } from './heartbeat-data.ts'
import { tagSubscription } from './subscription-data.ts'
import { parseTagExpression } from './tag-expression.ts'

const heartbeat: HeartbeatData = {
  clientID: '10.0.0.1@4711',
  producerGroups: ['CLIENT_INNER_PRODUCER', 'PG'],
  consumers: [
    {
      groupName: 'CG',
      consumeType: 'CONSUME_PASSIVELY',
      messageModel: 'CLUSTERING',
      consumeFromWhere: 'CONSUME_FROM_FIRST_OFFSET',
      unitMode: false,
      subscriptionDataSet: [tagSubscription('T', parseTagExpression('TagA||TagB'), 1795224471345345566n)],
    },
  ],
  heartbeatFingerprint: -7,
  withoutSub: false,
}

describe('HeartbeatData', () => {
  it('comes back, with the nanoseconds of Go as they are', () => {
    const bytes = encodeHeartbeatData(heartbeat)
    assert.deepEqual(decodeHeartbeatData(bytes), heartbeat)
    assert.equal(String(bytes).includes('"subVersion":1795224471345345566,"tagsSet":["TagA","TagB"]'), true)
  })

  it('reads what the C++ client sends: ordinals, digits as strings, no empty lists', () => {
    const text =
      '{"clientID":"c","consumerDataSet":[{"consumeFromWhere":4,"consumeType":1,"groupName":"CG",' +
      '"messageModel":1,"subscriptionDataSet":[{"codeSet":["2598919"],"subString":"TagA",' +
      '"subVersion":"1795224525379","tagsSet":["TagA"],"topic":"T"}]}]}\n'
    const { consumers, producerGroups } = decodeHeartbeatData(Buffer.from(text))
    assert.deepEqual(producerGroups, [])
    const expected = {
      ...heartbeat.consumers[0],
      subscriptionDataSet: [tagSubscription('T', parseTagExpression('TagA'), 1795224525379n)],
    }
    assert.deepEqual(consumers, [expected])
  })

  it('names the field that is wrong', () => {
    const wrong: [string, string][] = [
      ['{}', 'heartbeat.clientID is missing'],
      ['{"clientID":"c","producerDataSet":[{}]}', 'heartbeat.producerDataSet[0].groupName is missing'],
      ['{"clientID":"c","consumerDataSet":{}}', 'heartbeat.consumerDataSet is not a list'],
      [
        '{"clientID":"c","consumerDataSet":[{"groupName":"g","messageModel":"x"}]}',
        'heartbeat.consumerDataSet[0].messageModel is not one of BROADCASTING, CLUSTERING',
      ],
    ]
    for (const [text, message] of wrong) {
      assert.throws(() => decodeHeartbeatData(Buffer.from(text)), { kind: 'badBody', message })
    }
  })
})
