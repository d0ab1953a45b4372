import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { assignQueues } from './queue-assignment.ts'

const query = {
  ...{ topic: 'orders', consumerGroup: 'billing', clientId: 'c1', strategyName: 'AVG' },
  messageModel: 'CLUSTERING',
} as const
const queues = ['broker-a', 'broker-b'].flatMap((brokerName) =>
  [0, 1].map((queueId) => ({ topic: 'orders', brokerName, queueId })),
)

function assigned(given: {
  clientIds: string[]
  mode?: 'PULL' | 'POP'
  share?: number
  clientId?: string
  isBalanced?: boolean
  strategyName?: string
  messageModel?: 'CLUSTERING' | 'BROADCASTING'
}): string[] | undefined {
  const { clientId = 'c1', clientIds, isBalanced = true, mode = 'PULL', share = 0 } = given
  const { messageModel = 'CLUSTERING', strategyName = 'AVG' } = given
  const setting = { topic: 'orders', consumerGroup: 'billing', mode, popShareQueueNum: share }
  return assignQueues(
    { ...query, clientId, strategyName, messageModel },
    { queues, clientIds, setting, isBalanced },
  )?.map(({ messageQueue, mode: each }) => `${each} ${messageQueue.brokerName} ${messageQueue.queueId}`)
}

describe('assignQueues', () => {
  it('deals queues out as clients do it themselves', () => {
    const clientIds = ['c2', 'c1', 'c1']
    assert.deepEqual(assigned({ clientIds }), ['PULL broker-a 0', 'PULL broker-a 1'])
    assert.deepEqual(assigned({ clientIds, clientId: 'c2' }), ['PULL broker-b 0', 'PULL broker-b 1'])
    assert.deepEqual(assigned({ clientIds, strategyName: 'AVG_BY_CIRCLE' }), [
      'PULL broker-a 0',
      'PULL broker-b 0',
    ])
  })

  it('lets clients that pop have all queues of each broker, unless few share one', () => {
    const clientIds = ['c1', 'c2', 'c3', 'c4']
    const all = ['POP broker-a -1', 'POP broker-b -1']
    assert.deepEqual(assigned({ clientIds, mode: 'POP' }), all)
    assert.deepEqual(assigned({ clientIds, mode: 'POP', share: 3 }), all)
    assert.deepEqual(assigned({ clientIds, mode: 'POP', share: 1 }), ['POP broker-a 0', 'POP broker-a 1'])
    assert.deepEqual(assigned({ clientIds, mode: 'POP', share: 1, clientId: 'c4' }), [
      'POP broker-b 1',
      'POP broker-a 0',
    ])
  })

  it('gives each of too many clients a queue', () => {
    const clientIds = ['c1', 'c2', 'c3', 'c4', 'c5', 'c6']
    assert.deepEqual(assigned({ clientIds, mode: 'POP', share: 1, clientId: 'c6' }), ['POP broker-a 1'])
    assert.deepEqual(assigned({ clientIds, mode: 'POP', share: 1, clientId: 'stranger' }), [])
  })

  it('gives all queues where nothing is dealt out', () => {
    const all = queues.map(({ brokerName, queueId }) => `PULL ${brokerName} ${queueId}`)
    assert.deepEqual(assigned({ clientIds: [], messageModel: 'BROADCASTING' }), all)
    assert.deepEqual(assigned({ clientIds: [], isBalanced: false }), all)
  })

  it('says nothing where it cannot know', () => {
    assert.equal(assigned({ clientIds: [] }), undefined)
    assert.equal(assigned({ clientIds: ['c1'], strategyName: 'CONFIG' }), undefined)
  })
})
