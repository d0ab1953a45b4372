import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { decodeClientConfigCheck } from '../protocol/client-config-check.ts'
import { RequestCode } from '../protocol/request-code.ts'
import { ResponseCode } from '../protocol/response-code.ts'
import { type SqlValue, sql } from './sql-filter.ts'
import { note, Shop } from './test-shop.ts'

describe('sql', () => {
  it('makes literals of its values', () => {
    const regions = ['north', "south'; DROP"]
    const cheap = sql`price < ${5.5}`
    const filter = sql`${cheap} AND region IN (${regions}) AND paid = ${true} AND n BETWEEN ${-3} AND ${7n}`
    assert.equal(
      filter.expression,
      "(price < 5.5) AND region IN ('north', 'south''; DROP') AND paid = TRUE AND n BETWEEN -3 AND 7",
    )
  })

  it('refuses what no literal can be, and nothing at all', () => {
    for (const value of [Number.NaN, Number.POSITIVE_INFINITY, 1e21, []] as SqlValue[]) {
      assert.throws(() => sql`a = ${value}`, { code: 'subscriptionParseFailed' })
    }
    assert.throws(() => sql`  `, { code: 'subscriptionParseFailed' })
  })
})

describe('a consumer with an SQL filter', () => {
  it('has the broker look at it before it consumes', async () => {
    const shop = await Shop.open(1)
    shop.broker.intercept.set(RequestCode.CHECK_CLIENT_CONFIG, () => ({}))
    await shop.send(2)
    const seen = note(shop.consumer({ filter: sql`a > ${1}` }))
    await shop.cluster.until(() => seen.length === 2)
    const [request] = shop.broker.requestsOf(RequestCode.CHECK_CLIENT_CONFIG)
    assert(request)
    const { group, clientId, subscriptionData } = decodeClientConfigCheck(request.body)
    assert.deepEqual([group, clientId], ['g', shop.client.clientId])
    assert.deepEqual(
      [subscriptionData.topic, subscriptionData.expressionType, subscriptionData.subString],
      ['orders', 'SQL92', 'a > 1'],
    )
    const heartbeat = shop.broker.heartbeats.at(-1)?.consumers[0]
    const data = heartbeat?.subscriptionDataSet.find(({ topic }) => topic === 'orders')
    assert.deepEqual([data?.expressionType, data?.subString, data?.tagsSet], ['SQL92', 'a > 1', []])
    await shop.cluster.close()
  })

  it('does not start when the broker cannot read it', async () => {
    const shop = await Shop.open(1)
    const refusal = { code: ResponseCode.SUBSCRIPTION_PARSE_FAILED, remark: 'what is this' }
    shop.broker.intercept.set(RequestCode.CHECK_CLIENT_CONFIG, () => refusal)
    const consumer = shop.consumer({ filter: sql`a >` })
    await assert.rejects(shop.cluster.result(consumer.start()), {
      code: 'subscriptionParseFailed',
      message: /what is this/,
    })
    await shop.cluster.close()
  })

  it('names it in each pull of a lite consumer', async () => {
    const shop = await Shop.open(1)
    await shop.send(1)
    const fields: Record<string, string>[] = []
    shop.broker.intercept.set(RequestCode.LITE_PULL_MESSAGE, (request) => {
      fields.push(request.fields)
      return undefined
    })
    const lite = shop.client.litePull({ group: 'g', from: 'earliest' })
    const [queue] = await shop.cluster.result(lite.queuesOf('orders'))
    assert(queue)
    await shop.cluster.result(lite.assign([queue], sql`a = ${'b'}`))
    assert.equal((await shop.cluster.result(lite.pull())).length, 1)
    assert.deepEqual([fields[0]?.subscription, fields[0]?.expressionType], ["a = 'b'", 'SQL92'])
    await shop.cluster.close()
  })
})
