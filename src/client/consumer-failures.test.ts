import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { parseProperties } from '../protocol/message-properties.ts'
import { RequestCode } from '../protocol/request-code.ts'
import { ResponseCode } from '../protocol/response-code.ts'
import type { ClientError } from './client-error.ts'
import { Reject, Retry } from './outcomes.ts'
import type { ReceivedMessage } from './received-message.ts'
import { note, Shop } from './test-shop.ts'

const { PULL_MESSAGE, CONSUMER_SEND_MSG_BACK, SEND_MESSAGE_V2 } = RequestCode

describe('Consumer whose handlers fail', () => {
  it('gives a message back, and gets it again by its own topic', async () => {
    const shop = await Shop.open(1)
    await shop.send(1)
    const seen: string[] = []
    const settled: string[] = []
    shop.client.on('failed', (event) => settled.push(event.settled))
    void shop.consumer().run(async (message, { deliveryCount }) => {
      seen.push(`${message.topic} ${deliveryCount}`)
      if (seen.length === 1) throw new Error('not yet')
    })
    await shop.cluster.until(() => seen.length === 2)
    assert.deepEqual(seen, ['orders 1', 'orders 2'])
    assert.deepEqual(settled, ['retried'])
    const [request] = shop.broker.requestsOf(CONSUMER_SEND_MSG_BACK)
    assert.equal(request?.text('group'), 'g')
    assert.equal(request?.text('offset'), '0')
    assert.equal(request?.text('delayLevel'), '0')
    assert.equal(request?.text('originTopic'), 'orders')
    assert.equal(request?.text('maxReconsumeTimes'), '16')
    await shop.cluster.clock.advance(6000)
    assert.equal(shop.broker.committed('g', 'orders', 0), 1)
  })

  it('asks for the delay that the handler names, and has it buried when that is asked', async () => {
    const shop = await Shop.open(1)
    await shop.send(4)
    const thrown = [
      new Retry({ level: 5 }),
      new Retry({ ms: 1500 }),
      new Retry({ ms: 1e9 }),
      new Reject('bad'),
    ]
    void shop.consumer().run((message) => {
      const error = thrown[message.queueOffset]
      if (message.reconsumeTimes === 0 && error) throw error
    })
    await shop.cluster.until(() => shop.broker.countOf(CONSUMER_SEND_MSG_BACK) === 4)
    const levels = shop.broker.requestsOf(CONSUMER_SEND_MSG_BACK).map((request) => request.text('delayLevel'))
    assert.deepEqual(levels, ['5', '2', '18', '-1'])
  })

  it('sends a message again that the broker does not take back', async () => {
    const shop = await Shop.open(1)
    const properties = { colour: 'red' }
    await shop.cluster.result(
      shop.client.producer().send({ topic: 'orders', body: 'x', tag: 't', properties }),
    )
    shop.broker.intercept.set(CONSUMER_SEND_MSG_BACK, () => ({
      code: ResponseCode.SYSTEM_ERROR,
      remark: 'no',
    }))
    const seen: ReceivedMessage[] = []
    void shop.consumer({ retriesMax: 3 }).run(async (message) => {
      seen.push(message)
      if (seen.length === 1) throw new Error('not yet')
    })
    await shop.cluster.until(() => seen.length === 2)
    const again = seen[1]
    assert.deepEqual(
      [again?.topic, again?.queue.topic, again?.text, again?.tag, again?.reconsumeTimes, again?.messageId],
      ['orders', '%RETRY%g', 'x', 't', 1, seen[0]?.messageId],
    )
    const request = shop.broker.requestsOf(SEND_MESSAGE_V2).at(-1)
    assert.equal(request?.text('j'), '1')
    assert.equal(request?.text('l'), '3')
    const sent = parseProperties(request?.text('i') ?? '')
    assert.equal(sent.get('DELAY'), '3')
    assert.equal(sent.get('RETRY_TOPIC'), 'orders')
    assert.equal(sent.get('ORIGIN_MESSAGE_ID'), seen[0]?.offsetMessageId)
    assert.equal(sent.get('colour'), 'red')
  })

  it('keeps a message that neither way was taken, and handles it again', async () => {
    const shop = await Shop.open(1)
    await shop.send(1)
    shop.broker.intercept.set(CONSUMER_SEND_MSG_BACK, () => ({
      code: ResponseCode.SYSTEM_ERROR,
      remark: 'no',
    }))
    shop.broker.intercept.set(SEND_MESSAGE_V2, () => ({
      code: ResponseCode.SERVICE_NOT_AVAILABLE,
      remark: 'full',
    }))
    const stalled: string[] = []
    shop.client.on('stalled', ({ error }) => stalled.push((error as ClientError).code))
    let count = 0
    void shop.consumer().run(async () => {
      if (count++ === 0) throw new Error('not yet')
    })
    const tookMs = await shop.cluster.until(() => count === 2)
    assert(tookMs > 5000 && tookMs < 6000)
    assert.deepEqual(stalled, ['notWritable'])
  })

  it('waits itself where the broker puts no messages by, and buries them in the end', async () => {
    const shop = await Shop.open(1)
    await shop.send(1)
    shop.broker.intercept.set(CONSUMER_SEND_MSG_BACK, () => ({
      code: ResponseCode.REQUEST_CODE_NOT_SUPPORTED,
    }))
    const atMs: number[] = []
    void shop.consumer({ retriesMax: 2 }).run(async () => {
      atMs.push(Math.round(shop.cluster.clock.monoMs() / 1000))
      throw new Error('never')
    })
    const buried = () =>
      [0, 1, 2, 3].reduce((sum, queueId) => sum + shop.broker.maxOffset('%DLQ%g', queueId), 0)
    await shop.cluster.until(() => buried() === 1)
    assert.deepEqual(
      atMs.map((each) => each - (atMs[0] ?? 0)),
      [0, 10, 40],
    )
    await shop.cluster.clock.advance(6000)
    assert.equal(shop.broker.committed('g', 'orders', 0), 1)
  })

  it('gives up a handler that takes too long', async () => {
    const shop = await Shop.open(1)
    await shop.send(2)
    const aborted: string[] = []
    let count = 0
    void shop.consumer({ handlerTimeoutMs: 3000 }).run((message, { signal }) => {
      count++
      if (message.reconsumeTimes > 0 || message.text === '1') return undefined
      signal.addEventListener('abort', () => aborted.push(`${(signal.reason as ClientError).code}`))
      return new Promise(() => undefined)
    })
    await shop.cluster.until(() => count === 3)
    assert.deepEqual(aborted, ['timeout'])
    assert.equal(shop.broker.countOf(CONSUMER_SEND_MSG_BACK), 1)
  })

  it('takes whatever has a then for a promise', async () => {
    const shop = await Shop.open(1)
    await shop.send(1)
    // biome-ignore lint/suspicious/noThenProperty: such things exist, and are waited for
    const thenable = { then: (_: unknown, reject: (error: Error) => void) => reject(new Error('late')) }
    void shop.consumer().run(({ reconsumeTimes }) => (reconsumeTimes === 0 ? thenable : undefined))
    await shop.cluster.until(() => shop.broker.countOf(CONSUMER_SEND_MSG_BACK) === 1)
  })
})

describe('Consumer whose broker fails', () => {
  it('introduces itself again after its connection broke, and loses nothing', async () => {
    const shop = await Shop.open(2)
    const seen = note(shop.consumer())
    await shop.cluster.clock.advance(1000)
    const lost: string[] = []
    shop.client.on('disconnected', ({ address }) => lost.push(address))
    for (let round = 0; round < 5; round++) {
      shop.broker.dropConnections()
      await shop.cluster.clock.advance(3000)
      await shop.send(4)
      await shop.cluster.until(() => seen.length === 4 * (round + 1))
    }
    assert.deepEqual(lost, Array(5).fill(shop.broker.address))
  })

  it('introduces itself again when the broker has forgotten it', async () => {
    const shop = await Shop.open(1)
    const seen = note(shop.consumer())
    await shop.cluster.clock.advance(1000)
    let isForgetful = true
    shop.broker.intercept.set(PULL_MESSAGE, () =>
      isForgetful ? { code: ResponseCode.SUBSCRIPTION_NOT_EXIST, remark: 'who?' } : undefined,
    )
    await shop.send(1)
    await shop.cluster.clock.advance(3000)
    const count = shop.broker.heartbeats.length
    await shop.cluster.clock.advance(1500)
    assert(shop.broker.heartbeats.length > count)
    isForgetful = false
    await shop.cluster.until(() => seen.length === 1)
  })

  it('waits a second after an error, and does not storm', async () => {
    const shop = await Shop.open(1)
    let count = 0
    shop.broker.intercept.set(PULL_MESSAGE, (request) => {
      if (request.text('topic') !== 'orders') return undefined
      count++
      return { code: ResponseCode.SYSTEM_BUSY, remark: 'no' }
    })
    note(shop.consumer())
    await shop.cluster.clock.advance(10_000)
    assert(count >= 9 && count <= 11, `${count} pulls`)
  })

  it('does not storm a broker that holds no pulls either', async () => {
    const shop = await Shop.open(1)
    let count = 0
    shop.broker.intercept.set(PULL_MESSAGE, (request) => {
      count++
      const next = request.text('queueOffset')
      const extFields = { nextBeginOffset: next, minOffset: '0', maxOffset: next, suggestWhichBrokerId: '0' }
      return { code: ResponseCode.PULL_NOT_FOUND, extFields }
    })
    note(shop.consumer())
    await shop.cluster.clock.advance(10_000)
    assert(count <= 210, `${count} pulls of two queues`)
  })

  it('notices a broker behind a cut by its silence, and comes back when it can', async () => {
    const shop = await Shop.open(1)
    const seen = note(shop.consumer())
    await shop.cluster.clock.advance(1000)
    shop.cluster.network.partition('10.0.1.1', '10.0.0.1')
    await shop.cluster.clock.advance(60_000)
    shop.cluster.network.heal('10.0.1.1', '10.0.0.1')
    await shop.cluster.clock.advance(5000)
    await shop.send(3)
    await shop.cluster.until(() => seen.length === 3)
  })
})
