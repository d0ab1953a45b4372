import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { type ConsumeMessageDirectlyResult, decodeConsumeResult } from '../protocol/consume-result.ts'
import { type ConsumerRunningInfo, decodeConsumerRunningInfo } from '../protocol/consumer-running-info.ts'
import { decodeConsumerStatus } from '../protocol/offset-table.ts'
import { RequestCode } from '../protocol/request-code.ts'
import { ResponseCode } from '../protocol/response-code.ts'
import type { Handler } from './handler-runner.ts'
import { Retry } from './outcomes.ts'
import { Shop } from './test-shop.ts'

const { GET_CONSUMER_RUNNING_INFO, CONSUME_MESSAGE_DIRECTLY, GET_CONSUMER_STATUS_FROM_CLIENT } = RequestCode

async function infoOf(shop: Shop, isVerbose = false): Promise<ConsumerRunningInfo> {
  const fields = { consumerGroup: 'g', jstackEnable: String(isVerbose) }
  const { body } = await shop.cluster.result(shop.broker.ask('g', GET_CONSUMER_RUNNING_INFO, fields))
  return decodeConsumerRunningInfo(body)
}

async function consume(shop: Shop): Promise<ConsumeMessageDirectlyResult> {
  const fields = { consumerGroup: 'g', brokerName: 'a' }
  const record = shop.broker.record('orders', 0, 0)
  const { body } = await shop.cluster.result(shop.broker.ask('g', CONSUME_MESSAGE_DIRECTLY, fields, record))
  return decodeConsumeResult(body)
}

/** A shop with three messages, and a consumer that has seen them. */
async function consuming(handler: Handler, options: { ordered?: boolean } = {}): Promise<Shop> {
  const shop = await Shop.open(1)
  await shop.send(3)
  void shop.consumer(options).run(handler)
  await shop.cluster.until(() => shop.broker.clientIds('g').length === 1)
  await shop.cluster.clock.advance(1000)
  return shop
}

describe('a consumer that operators look at', () => {
  it('tells its settings, what it holds and how it fares', async () => {
    let release: () => void = () => undefined
    const shop = await consuming((message) =>
      message.queueOffset === 1 ? new Promise<void>((resolve) => (release = resolve)) : undefined,
    )
    const info = await infoOf(shop)
    const { properties } = info
    assert.deepEqual(
      ['PROP_CONSUME_TYPE', 'PROP_CONSUMEORDERLY', 'messageModel', 'PROP_NAMESERVER_ADDR'].map((name) =>
        properties.get(name),
      ),
      ['CONSUME_PASSIVELY', 'false', 'CLUSTERING', '10.0.9.1:9876;'],
    )
    assert.match(properties.get('PROP_CLIENT_VERSION') ?? '', /^V5_/)
    const startMs = Number(properties.get('PROP_CONSUMER_START_TIMESTAMP'))
    assert.ok(shop.cluster.clock.nowMs() - startMs < 5000)
    assert.deepEqual(info.subscriptionSet.map(({ topic }) => topic).sort(), ['%RETRY%g', 'orders'])
    const queues = new Map([...info.mqTable].map(([{ topic }, queue]) => [topic, queue]))
    const { cachedMsgCount, commitOffset, cachedMsgMinOffset, cachedMsgMaxOffset, locked } =
      queues.get('orders') ?? assert.fail()
    assert.deepEqual([cachedMsgCount, commitOffset, cachedMsgMinOffset, cachedMsgMaxOffset], [1, 1, 1, 2])
    assert.equal(locked, true)
    assert.ok((info.statusTable.get('orders')?.consumeOKTPS ?? 0) > 0)
    assert.equal(info.jstack, undefined)
    const stack = (await infoOf(shop, true)).jstack ?? ''
    assert.match(stack, /^1 of 20 handlers at work\n[0-9A-F]{32} of .*orders.* at 1, for \d+ ms\n$/)
    release()
    await shop.cluster.clock.advance(100)
    assert.equal((await infoOf(shop)).mqTable.size, 2)
    await shop.cluster.close()
  })

  it('tells how far it has come', async () => {
    const shop = await consuming(() => undefined)
    const fields = { group: 'g', topic: 'orders' }
    const asked = shop.broker.ask('g', GET_CONSUMER_STATUS_FROM_CLIENT, fields)
    const { body } = await shop.cluster.result(asked)
    assert.deepEqual([...decodeConsumerStatus(body).values()], [3])
    await shop.cluster.close()
  })

  it('handles the message that it is given, beside what it consumes', async () => {
    const seen: string[] = []
    const answers: (() => unknown)[] = []
    const shop = await consuming(({ text, queueOffset, topic }) => {
      seen.push(`${topic} ${queueOffset} ${text}`)
      return answers.shift()?.()
    })
    answers.push(
      () => undefined,
      () => Promise.reject(new Retry()),
      () => Promise.reject(new Error('no')),
    )
    const outcomes = [await consume(shop), await consume(shop), await consume(shop)]
    assert.deepEqual(
      outcomes.map(({ consumeResult, remark, order }) => [consumeResult, remark, order]),
      [
        ['CR_SUCCESS', undefined, false],
        ['CR_LATER', 'to be delivered again', false],
        ['CR_THROW_EXCEPTION', 'no', false],
      ],
    )
    assert.deepEqual(seen.slice(3), ['orders 0 0', 'orders 0 0', 'orders 0 0'])
    await shop.cluster.clock.advance(10_000)
    assert.equal(seen.length, 6)
    assert.equal(shop.broker.committed('g', 'orders', 0), 3)
    await shop.cluster.close()
  })

  it('says so where it is ordered, has no handler, or is not of the group', async () => {
    const ordered = await consuming(() => undefined, { ordered: true })
    assert.equal((await consume(ordered)).order, true)
    const { mqTable } = await infoOf(ordered)
    assert.deepEqual(
      [...mqTable.values()].map(({ locked }) => locked),
      [true, true],
    )
    await ordered.cluster.close()

    const shop = await Shop.open(1)
    await shop.cluster.result(shop.consumer().pull({ waitMs: 10 }))
    for (const [consumerGroup, word] of [
      ['g', /no handler/],
      ['other', /<other> not exist/],
    ] as const) {
      const answer = await shop.cluster.result(
        shop.broker.ask(
          'g',
          CONSUME_MESSAGE_DIRECTLY,
          { consumerGroup },
          ordered.broker.record('orders', 0, 0),
        ),
      )
      assert.equal(answer.code, ResponseCode.SYSTEM_ERROR)
      assert.match(answer.remark ?? '', word)
    }
    await shop.cluster.close()
  })
})
