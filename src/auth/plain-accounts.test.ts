import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { type PlainAccount, PlainAccounts } from './plain-accounts.ts'
import type { Action } from './policy.ts'
import { RemotePattern } from './remote-pattern.ts'

/** The account of RocketMQ's own example. */
const ACCOUNT: PlainAccount = {
  ...{ accessKey: 'RocketMQ', secretKey: '12345678', whiteRemoteAddress: '', admin: false },
  ...{ defaultTopicPerm: 'DENY', defaultGroupPerm: 'SUB' },
  topicPerms: ['topicA=DENY', 'topicB=PUB|SUB', 'topicC=SUB'],
  groupPerms: ['groupA=DENY', 'groupB=PUB|SUB', 'groupC=SUB'],
}

function mayDo(
  account: Partial<PlainAccount>,
  type: 'Topic' | 'Group' | 'Cluster',
  name: string,
  action: Action,
): boolean {
  const accounts = new PlainAccounts([{ ...ACCOUNT, ...account }])
  const principal = accounts.principal('RocketMQ')
  assert.ok(principal)
  return principal.mayDo({ resource: { type, name }, anyOf: [action] }, '10.0.0.1')
}

describe('PlainAccounts', () => {
  it('lets an account do what its line for a topic or group says, and the default elsewhere', () => {
    const topics = ['topicA', 'topicB', 'topicC', 'other']
    const groups = ['groupA', 'groupB', 'groupC', 'other']
    const topicsFor = (action: Action) => topics.filter((name) => mayDo({}, 'Topic', name, action))
    const groupsFor = (action: Action) => groups.filter((name) => mayDo({}, 'Group', name, action))
    assert.deepEqual(topicsFor('Pub'), ['topicB'])
    assert.deepEqual(topicsFor('Sub'), ['topicB', 'topicC'])
    assert.deepEqual(topicsFor('Get'), ['topicB', 'topicC'])
    assert.deepEqual(groupsFor('Sub'), ['groupB', 'groupC', 'other'])
    for (const action of ['Create', 'Update', 'Delete'] as const) assert.deepEqual(topicsFor(action), [])
  })

  it('leaves the cluster to admins, who may do everything', () => {
    assert.equal(mayDo({}, 'Cluster', 'c', 'Get'), false)
    assert.equal(mayDo({ admin: true }, 'Cluster', 'c', 'Update'), true)
    assert.equal(mayDo({ admin: true }, 'Topic', 'topicA', 'Delete'), true)
  })

  it('is used from its addresses only', () => {
    const accounts = new PlainAccounts([{ ...ACCOUNT, whiteRemoteAddress: '192.168.1.*' }])
    const principal = accounts.principal('RocketMQ')
    assert.equal(principal?.refusal('192.168.1.7'), undefined)
    assert.match(principal?.refusal('192.168.2.7') ?? '', /may not be used from/)
  })

  it('refuses accounts that say nothing clear', () => {
    const bad: Partial<PlainAccount>[] = [
      { accessKey: 'short' },
      { secretKey: '123456' },
      { defaultTopicPerm: 'pub' },
      { topicPerms: ['topicA'] },
      { topicPerms: ['=PUB'] },
      { groupPerms: ['g=PUB=SUB'] },
      { groupPerms: ['g=constructor'] },
      { whiteRemoteAddress: 'host' },
    ]
    for (const change of bad) {
      assert.throws(
        () => new PlainAccounts([{ ...ACCOUNT, ...change }]),
        { kind: 'badSetting' },
        JSON.stringify(change),
      )
    }
    assert.throws(() => new PlainAccounts([ACCOUNT, ACCOUNT]), /there twice/)
  })
})

describe('RemotePattern', () => {
  const ips = ['10.1.2.3', '10.1.2.9', '10.1.30.3', '10.2.2.3', 'fd00::1']
  for (const [pattern, matched] of [
    ['*', ips],
    ['*.*.*.*', ips],
    ['10.1.2.3', ['10.1.2.3']],
    ['10.1.2.3, fd00::1', ['10.1.2.3', 'fd00::1']],
    ['10.1.2.*', ['10.1.2.3', '10.1.2.9']],
    ['10.1.2.4-9', ['10.1.2.9']],
    ['10.1.*.3', ['10.1.2.3', '10.1.30.3']],
    ['10.1.2.{3,4}', ['10.1.2.3']],
    ['10.1.0.0/16', ['10.1.2.3', '10.1.2.9', '10.1.30.3']],
  ] as const) {
    it(`${pattern} is ${matched.length} of ${ips.length}`, () => {
      assert.deepEqual(
        ips.filter((ip) => new RemotePattern(pattern).matches(ip)),
        matched,
      )
    })
  }

  it('is refused where it is none', () => {
    for (const text of ['', '10.1.2', '10.1.2.256', '10.1.2.9-4', '10.1.2.{}', '10.1.2.x', 'a.b.c.d'])
      assert.throws(() => new RemotePattern(text), { kind: 'badSetting' }, text)
  })
})
