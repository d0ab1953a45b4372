import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { parseProperties } from '../protocol/message-properties.ts'
import { RequestCode } from '../protocol/request-code.ts'
import { ResponseCode } from '../protocol/response-code.ts'
import { parseSequence, SEQUENCE, type SequenceMark } from '../protocol/sequence-mark.ts'
import { SequencedProducer } from './sequenced-producer.ts'
import { TestCluster } from './test-cluster.ts'

const { SEND_MESSAGE_V2 } = RequestCode

function marksAt(cluster: TestCluster): (SequenceMark | undefined)[] {
  return cluster
    .broker('a')
    .requestsOf(SEND_MESSAGE_V2)
    .map((request) => parseSequence(parseProperties(request.text('i')).get(SEQUENCE) ?? ''))
}

async function setUp(queueNums: number): Promise<{ cluster: TestCluster; send: () => Promise<unknown> }> {
  const cluster = await TestCluster.of('a')
  cluster.topic('orders', queueNums)
  const producer = new SequencedProducer((await cluster.client()).producer({ retries: 0 }), 'p')
  return { cluster, send: () => cluster.result(producer.send({ topic: 'orders', body: 'x' })) }
}

describe('SequencedProducer', () => {
  it('numbers messages queue by queue, and says which were acknowledged', async () => {
    const { cluster, send } = await setUp(2)
    for (let i = 0; i < 6; i++) await send()
    assert.deepEqual(
      marksAt(cluster).map((mark) => [mark?.number, mark?.settled]),
      [
        [1, 0],
        [1, 0],
        [2, 1],
        [2, 1],
        [3, 2],
        [3, 2],
      ],
    )
  })

  it('names what was not acknowledged, until a message that says so is stored', async () => {
    const { cluster, send } = await setUp(1)
    await send()
    cluster.broker('a').intercept.set(SEND_MESSAGE_V2, () => ({ code: ResponseCode.MESSAGE_ILLEGAL }))
    for (let i = 0; i < 2; i++) await assert.rejects(send())
    cluster.broker('a').intercept.delete(SEND_MESSAGE_V2)
    for (let i = 0; i < 2; i++) await send()
    assert.deepEqual(
      marksAt(cluster).map((mark) => [mark?.number, mark?.settled, mark?.unsure]),
      [
        [1, 0, []],
        [2, 1, []],
        [3, 2, [2]],
        [4, 3, [2, 3]],
        [5, 4, []],
      ],
    )
  })

  it('holds back what does not fit into one message', async () => {
    const { cluster, send } = await setUp(1)
    cluster.broker('a').intercept.set(SEND_MESSAGE_V2, () => ({ code: ResponseCode.MESSAGE_ILLEGAL }))
    for (let i = 0; i < 40; i++) await assert.rejects(send())
    cluster.broker('a').intercept.delete(SEND_MESSAGE_V2)
    for (let i = 0; i < 3; i++) await send()
    const last = marksAt(cluster).slice(-3)
    assert.deepEqual(
      last.map((mark) => [mark?.settled, mark?.unsure.length]),
      [
        [32, 32],
        [41, 8],
        [42, 0],
      ],
    )
  })
})
