import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import {
  type ConsumerRunningInfo,
  decodeConsumerRunningInfo,
  encodeConsumerRunningInfo,
} from './consumer-running-info.ts'

const queue = (queueId: number) => ({ topic: 'T', brokerName: 'broker-a', queueId })

describe('ConsumerRunningInfo', () => {
  it('comes back', () => {
    const info: ConsumerRunningInfo = {
      properties: new Map([['PROP_CONSUME_TYPE', 'CONSUME_PASSIVELY']]),
      subscriptionSet: [],
      mqTable: new Map(),
      mqPopTable: new Map([[queue(1), { droped: true, lastPopTimestamp: 5, waitAckCount: 2 }]]),
      statusTable: new Map(),
      userConsumerInfo: new Map(),
      jstack: 'TID: 1 STATE: RUNNABLE\n',
    }
    const bytes = encodeConsumerRunningInfo(info)
    const again = decodeConsumerRunningInfo(bytes)
    assert.deepEqual(encodeConsumerRunningInfo(again), bytes)
    assert.deepEqual([again.jstack, ...again.mqPopTable], [info.jstack, ...info.mqPopTable])
  })

  it('takes absent numbers for 0', () => {
    const text =
      '{"mqTable":{{"brokerName":"b","queueId":0,"topic":"T"}:{"locked":true}},"statusTable":{"T":{}}}'
    const { mqTable, statusTable } = decodeConsumerRunningInfo(Buffer.from(text))
    const [info] = mqTable.values()
    assert.deepEqual([info?.locked, info?.droped, info?.commitOffset], [true, false, 0])
    assert.equal(statusTable.get('T')?.pullRT, 0)
  })
})
