import assert from 'node:assert/strict'
import { describe, it, type TestContext } from 'node:test'
import { TestBroker } from '../../broker/test-broker.ts'
import { decodeGroupForbidden } from '../../protocol/group-subscription.ts'
import type { HandlerFamily } from '../../protocol/request.ts'
import { RequestCode } from '../../protocol/request-code.ts'
import {
  decodeSubscriptionGroupConfig,
  decodeSubscriptionGroupTable,
  encodeSubscriptionGroupConfig,
  encodeSubscriptionGroupList,
  type SubscriptionGroupConfig,
  subscriptionGroupConfig,
} from '../../protocol/subscription-group-config.ts'
import { groupHandlers } from './groups.ts'
import { ask, bodyOf } from './test-request.ts'

function setUp(
  t: TestContext,
  settings: { autoCreateSubscriptionGroup?: boolean } = {},
): { test: TestBroker; family: HandlerFamily } {
  const test = TestBroker.open({ settings })
  t.after(() => test.close())
  return { test, family: groupHandlers(test.broker) }
}

function put(family: HandlerFamily, config: SubscriptionGroupConfig): Promise<unknown> {
  return ask(family, RequestCode.UPDATE_AND_CREATE_SUBSCRIPTIONGROUP, {
    body: encodeSubscriptionGroupConfig(config),
  })
}

async function configOf(family: HandlerFamily, group: string): Promise<SubscriptionGroupConfig> {
  const reply = await ask(family, RequestCode.GET_SUBSCRIPTIONGROUP_CONFIG, { fields: { group } })
  return decodeSubscriptionGroupConfig(bodyOf(reply))
}

describe('groupHandlers', () => {
  it('makes a group, and changes it', async (t) => {
    const { family } = setUp(t)
    await put(family, subscriptionGroupConfig('billing', { retryMaxTimes: 3 }))
    await put(family, subscriptionGroupConfig('billing', { consumeEnable: false }))
    assert.deepEqual(
      await configOf(family, 'billing'),
      subscriptionGroupConfig('billing', { consumeEnable: false }),
    )
  })

  it('says what is wrong with a group', async (t) => {
    const { family, test } = setUp(t)
    const faults: [Partial<SubscriptionGroupConfig>, RegExp][] = [
      [{ groupName: 'a b' }, /may only hold/],
      [{ groupName: 'x'.repeat(256) }, /more than 255/],
      [{ retryQueueNums: -1 }, /retryQueueNums wants/],
      [{ retryQueueNums: 65_537 }, /retryQueueNums wants/],
      [{ retryMaxTimes: -2 }, /retryMaxTimes wants/],
      [{ attributes: new Map([['+odd', '1']]) }, /odd is not known/],
    ]
    for (const [given, message] of faults) {
      const body = encodeSubscriptionGroupList([
        subscriptionGroupConfig('good'),
        { ...subscriptionGroupConfig('bad'), ...given },
      ])
      const asked = ask(family, RequestCode.UPDATE_AND_CREATE_SUBSCRIPTIONGROUP_LIST, { body })
      await assert.rejects(asked, { kind: 'invalidParameter', message })
    }
    assert.equal(test.broker.groups.get('good'), undefined)
  })

  it('makes several groups', async (t) => {
    const { family } = setUp(t)
    const body = encodeSubscriptionGroupList([subscriptionGroupConfig('one'), subscriptionGroupConfig('two')])
    await ask(family, RequestCode.UPDATE_AND_CREATE_SUBSCRIPTIONGROUP_LIST, { body })
    assert.equal((await configOf(family, 'two')).groupName, 'two')
  })

  it('shows a group that is not there as it would be made, and makes none by being asked (R20)', async (t) => {
    const { family, test } = setUp(t)
    const { count } = test.broker.groups
    assert.equal((await configOf(family, 'nobody')).retryMaxTimes, 16)
    await assert.rejects(configOf(family, 'no body'), { kind: 'invalidParameter' })
    assert.equal(test.broker.groups.count, count)
  })

  it('knows no group that nobody made where clients may make none', async (t) => {
    const { family } = setUp(t, { autoCreateSubscriptionGroup: false })
    await assert.rejects(configOf(family, 'nobody'), { kind: 'groupNotExist' })
  })

  it('gives all groups at once to old tools and in parts to new ones', async (t) => {
    const { family, test } = setUp(t)
    test.topic('orders')
    test.broker.groups.forUse('billing')
    test.broker.groups.setReadable('billing', 'orders', false)
    const all = await ask(family, RequestCode.GET_ALL_SUBSCRIPTIONGROUP_CONFIG)
    const table = decodeSubscriptionGroupTable(bodyOf(all))
    assert.equal(table.subscriptionGroupTable.size, test.broker.groups.count)
    assert.equal(all.extFields, undefined)
    const fields = { groupSeq: '0', maxGroupNum: '3' }
    const part = await ask(family, RequestCode.GET_ALL_SUBSCRIPTIONGROUP_CONFIG, { fields })
    const page = decodeSubscriptionGroupTable(bodyOf(part))
    assert.equal(page.subscriptionGroupTable.size, 3)
    assert.equal(page.forbiddenTable.size, 0)
    assert.equal(part.extFields?.totalGroupNum, String(test.broker.groups.count))
  })

  it('deletes a group, with its offsets where told so', async (t) => {
    const { family, test } = setUp(t)
    const { groups, offsets } = test.broker
    const drop = (fields: Readonly<Record<string, string>>): Promise<unknown> =>
      ask(family, RequestCode.DELETE_SUBSCRIPTIONGROUP, { fields })
    groups.forUse('billing')
    offsets.of('billing', 'orders').commit(0, 1)
    await drop({ groupName: 'billing', cleanOffset: 'false' })
    assert.equal(groups.get('billing'), undefined)
    assert.equal(offsets.find('billing', 'orders')?.get(0), 1)
    await drop({ groupName: 'billing', cleanOffset: 'true' })
    assert.equal(offsets.find('billing', 'orders'), undefined)
  })

  it('forbids a group to read a topic, in the bit that RocketMQ uses', async (t) => {
    const { family, test } = setUp(t)
    const { groups } = test.broker
    test.topic('orders')
    groups.forUse('billing')
    const ofGroup = { group: 'billing', topic: 'orders' }
    const readable = async (fields: Readonly<Record<string, string>>): Promise<boolean> => {
      const reply = await ask(family, RequestCode.UPDATE_AND_GET_GROUP_FORBIDDEN, {
        fields: { ...ofGroup, ...fields },
      })
      return decodeGroupForbidden(bodyOf(reply)).readable
    }
    assert.equal(await readable({}), true)
    assert.equal(groups.body.forbiddenTable.size, 0)
    assert.equal(await readable({ readable: 'false' }), false)
    assert.equal(await readable({}), false)
    assert.equal(groups.body.forbiddenTable.get('billing')?.get('orders'), 4)
    assert.equal(await readable({ readable: 'true' }), true)
    assert.equal(await readable({ group: 'new' }), true)
    assert.ok(groups.get('new'), 'made, as by any other use')
    await assert.rejects(readable({ topic: 'nothing' }), { kind: 'topicNotExist' })
  })
})
