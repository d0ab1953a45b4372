import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { RequestCode } from '../protocol/request-code.ts'
import { ClientError } from './client-error.ts'
import { Retry } from './outcomes.ts'
import type { ReceivedMessage } from './received-message.ts'
import { note, Shop, texts } from './test-shop.ts'

const { CONSUMER_SEND_MSG_BACK } = RequestCode

describe('Consumer that is asked for messages', () => {
  it('hands out what is there, and settles it when it is asked again', async () => {
    const shop = await Shop.open(1)
    await shop.send(5)
    const consumer = shop.consumer()
    const first = await shop.cluster.result(consumer.pull({ max: 3 }))
    assert.deepEqual(texts(first), ['0', '1', '2'])
    await shop.cluster.result(consumer.commit())
    assert.equal(shop.broker.committed('g', 'orders', 0), 0)
    assert.deepEqual(texts(await shop.cluster.result(consumer.pull())), ['3', '4'])
    await shop.cluster.result(consumer.commit())
    assert.equal(shop.broker.committed('g', 'orders', 0), 3)
  })

  it('waits for the first message as long as it is told', async () => {
    const shop = await Shop.open(1)
    const consumer = shop.consumer()
    await shop.cluster.result(consumer.start())
    assert.deepEqual(await shop.cluster.result(consumer.pull({ waitMs: 0 })), [])
    const startMs = shop.cluster.clock.monoMs()
    assert.deepEqual(await shop.cluster.result(consumer.pull({ waitMs: 700 })), [])
    assert.equal(Math.round(shop.cluster.clock.monoMs() - startMs), 700)
    const waiting = consumer.pull()
    await shop.send(1)
    assert.equal((await shop.cluster.result(waiting)).length, 1)
  })

  it('ends the waiting when its signal aborts or it is closed', async () => {
    const shop = await Shop.open(1)
    const consumer = shop.consumer()
    const controller = new AbortController()
    const aborted = consumer.pull({ signal: controller.signal })
    const waiting = consumer.pull()
    await shop.cluster.clock.advance(1000)
    const reason = new Error('enough')
    controller.abort(reason)
    await assert.rejects(shop.cluster.result(aborted), reason)
    await assert.rejects(consumer.pull({ signal: controller.signal }), reason)
    await shop.cluster.result(consumer.close())
    assert.deepEqual(await shop.cluster.result(waiting), [])
  })

  it('leaves settling to the program when that is asked', async () => {
    const shop = await Shop.open(1)
    await shop.send(4)
    const consumer = shop.consumer({ manualAck: true })
    const [first, second, third] = await shop.cluster.result(consumer.pull())
    assert(first && second && third)
    await shop.cluster.result(consumer.pull({ waitMs: 100 }))
    consumer.ack(second)
    await shop.cluster.result(consumer.commit())
    assert.equal(shop.broker.committed('g', 'orders', 0), 0)
    consumer.ack(first)
    await shop.cluster.result(consumer.commit())
    assert.equal(shop.broker.committed('g', 'orders', 0), 2)
    assert.throws(() => consumer.ack(first), { code: 'invalidParameter' })
    await shop.cluster.result(consumer.retry(third, new Retry({ level: 1 })))
    const [again] = await shop.cluster.result(consumer.pull())
    assert.equal(again?.reconsumeTimes, 1)
    await shop.cluster.result(consumer.reject(again as ReceivedMessage))
    const levels = shop.broker.requestsOf(CONSUMER_SEND_MSG_BACK).map((request) => request.text('delayLevel'))
    assert.deepEqual(levels, ['1', '-1'])
  })

  it('is iterated over, and delivers again what a loop is left with', async () => {
    const shop = await Shop.open(1)
    await shop.send(5)
    const consumer = shop.consumer()
    const seen: string[] = []
    const loop = async (last: string): Promise<void> => {
      for await (const message of consumer) {
        seen.push(message.text)
        if (message.text === last) break
      }
    }
    await shop.cluster.result(loop('2'))
    await shop.cluster.result(loop('4'))
    assert.deepEqual(seen, ['0', '1', '2', '2', '3', '4'])
    const rest = loop('never')
    await shop.cluster.clock.advance(1000)
    await shop.cluster.result(consumer.close())
    await shop.cluster.result(rest)
  })

  it('is used in one way only', async () => {
    const shop = await Shop.open(1)
    const pulled = shop.consumer()
    await shop.cluster.result(pulled.pull({ waitMs: 0 }))
    await assert.rejects(
      pulled.run(() => undefined),
      ClientError,
    )
    const run = shop.consumer({ group: 'other' })
    note(run)
    await assert.rejects(run.pull(), ClientError)
  })
})
