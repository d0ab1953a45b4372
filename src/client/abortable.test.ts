import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { abortable } from './abortable.ts'
import { connect } from './connect.ts'
import { NAMESRV, TestCluster } from './test-cluster.ts'
import { Shop } from './test-shop.ts'

describe('abortable', () => {
  it('ends with the promise or with the signal, whichever comes first', async () => {
    const controller = new AbortController()
    const { signal } = controller
    assert.equal(await abortable(Promise.resolve(1), undefined), 1)
    assert.equal(await abortable(Promise.resolve(1), signal), 1)
    await assert.rejects(abortable(Promise.reject(new Error('of the promise')), signal), /of the promise/)
    const never = abortable(new Promise(() => undefined), signal)
    controller.abort(new Error('of the signal'))
    await assert.rejects(never, /of the signal/)
    await assert.rejects(abortable(Promise.resolve(1), signal), /of the signal/)
  })
})

describe('a signal', () => {
  it('ends connect, and what was opened meanwhile is closed', async () => {
    const cluster = await TestCluster.of('a')
    const controller = new AbortController()
    const connecting = connect({
      namesrv: NAMESRV,
      host: cluster.host('10.0.1.9'),
      signal: controller.signal,
    })
    controller.abort(new Error('not now'))
    await assert.rejects(cluster.result(connecting), /not now/)
    const before = cluster.clock.timerCount
    await cluster.clock.advance(60_000)
    assert(cluster.clock.timerCount <= before)
    await cluster.close()
  })

  it('ends the start of a consumer, which may be started again', async () => {
    const shop = await Shop.open(1)
    const consumer = shop.consumer()
    const controller = new AbortController()
    const starting = consumer.start({ signal: controller.signal })
    controller.abort(new Error('not now'))
    await assert.rejects(shop.cluster.result(starting), /not now/)
    await shop.cluster.result(consumer.start())
    await shop.cluster.close()
  })
})
