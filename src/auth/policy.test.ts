import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { isAddressRange, isInRange } from './address-range.ts'
import { type Access, type Action, aclJson, decodeAcl, isAllowed, type Policies } from './policy.ts'
import { parseResourcePattern, resourcePatternText } from './resource.ts'

interface Line {
  readonly resource: string
  readonly actions?: readonly string[]
  readonly decision?: string
  readonly sourceIps?: readonly string[]
}

function policies(custom: readonly Line[], byDefault: readonly Line[] = []): Policies {
  const entries = (lines: readonly Line[]) =>
    lines.map((line) => ({ actions: ['Pub'], decision: 'Allow', ...line }))
  const list = [
    { policyType: 'Custom', entries: entries(custom) },
    { policyType: 'Default', entries: entries(byDefault) },
  ].filter((policy) => policy.entries.length > 0)
  return decodeAcl(Buffer.from(JSON.stringify({ subject: 'User:u', policies: list })), '').policies
}

function pub(name: string, ...anyOf: Action[]): Access {
  return { resource: { type: 'Topic', name }, anyOf: anyOf.length > 0 ? anyOf : ['Pub'] }
}

const SOMEWHERE = '10.0.0.1'

describe('policies', () => {
  it('deny what no entry is about', () => {
    assert.equal(isAllowed(new Map(), pub('t'), SOMEWHERE), false)
    assert.equal(isAllowed(policies([{ resource: 'Topic:other' }]), pub('t'), SOMEWHERE), false)
    assert.equal(isAllowed(policies([{ resource: 'Group:t' }]), pub('t'), SOMEWHERE), false)
    assert.equal(isAllowed(policies([{ resource: 'Topic:t', actions: ['Sub'] }]), pub('t'), SOMEWHERE), false)
    assert.equal(isAllowed(policies([{ resource: 'Topic:t' }]), pub('t'), SOMEWHERE), true)
  })

  it('take one of several actions for enough, and All for each', () => {
    const some = policies([{ resource: 'Topic:t', actions: ['sub', 'get'] }])
    assert.equal(isAllowed(some, pub('t', 'Pub', 'Get'), SOMEWHERE), true)
    assert.equal(isAllowed(policies([{ resource: '*', actions: ['All'] }]), pub('t'), SOMEWHERE), true)
  })

  it('let the most exact entry decide, whatever the order', () => {
    const lines: Line[] = [
      { resource: '*', decision: 'Deny' },
      { resource: 'Topic:*' },
      { resource: 'Topic:orders*', decision: 'Deny' },
      { resource: 'Topic:orders-eu*' },
      { resource: 'Topic:orders-eu-1', decision: 'Deny' },
    ]
    for (const custom of [lines, [...lines].reverse()]) {
      const all = policies(custom)
      const allowed = ['other', 'orders', 'orders-us', 'orders-eu', 'orders-eu-1'].filter((name) =>
        isAllowed(all, pub(name), SOMEWHERE),
      )
      assert.deepEqual(allowed, ['other', 'orders-eu'])
      const ofGroup: Access = { resource: { type: 'Group', name: 'g' }, anyOf: ['Pub'] }
      assert.equal(isAllowed(all, ofGroup, SOMEWHERE), false)
    }
  })

  it('ask the default ones only where no custom one is about it', () => {
    const both = policies([{ resource: 'Topic:t', decision: 'Deny' }], [{ resource: '*' }])
    assert.equal(isAllowed(both, pub('t'), SOMEWHERE), false)
    assert.equal(isAllowed(both, pub('u'), SOMEWHERE), true)
  })

  it('hold from the addresses that they name', () => {
    const some = policies([{ resource: '*', sourceIps: ['192.168.0.0/20', '10.0.0.1', 'fd00::/8'] }])
    const from = ['192.168.15.255', '192.168.16.0', '10.0.0.1', '10.0.0.2', 'fd12::1', '::1', 'nowhere']
    assert.deepEqual(
      from.filter((ip) => isAllowed(some, pub('t'), ip)),
      ['192.168.15.255', '10.0.0.1', 'fd12::1'],
    )
  })

  it('of one resource have one entry, the last', () => {
    const twice = policies([{ resource: 'Topic:t' }, { resource: 'Topic:t', decision: 'Deny' }])
    assert.equal(isAllowed(twice, pub('t'), SOMEWHERE), false)
    assert.equal(twice.get('Custom')?.length, 1)
  })

  it('are refused where they could be misunderstood', () => {
    const bad: Line[] = [
      { resource: 'Topic:a*b' },
      { resource: 'Topic:**' },
      { resource: 'Topics:a' },
      { resource: 'Any:a' },
      { resource: 'a' },
      { resource: 'Topic:' },
      { resource: 'Topic:t', actions: ['Publish'] },
      { resource: 'Topic:t', actions: ['Any'] },
      { resource: 'Topic:t', actions: [] },
      { resource: 'Topic:t', decision: 'Maybe' },
      { resource: 'Topic:t', sourceIps: ['10.0.0.0/33'] },
      { resource: 'Topic:t', sourceIps: ['10.0.0.*'] },
    ]
    for (const line of bad)
      assert.throws(() => policies([line]), { kind: 'invalidParameter' }, JSON.stringify(line))
  })

  it('are written as they were read', () => {
    const body = {
      policies: [
        {
          entries: [
            { actions: ['Pub', 'Sub'], decision: 'Allow', resource: 'Topic:a*', sourceIps: ['10.0.0.0/8'] },
            { actions: ['All'], decision: 'Deny', resource: '*' },
          ],
          policyType: 'Custom',
        },
      ],
      subject: 'User:u',
    }
    assert.deepEqual(
      JSON.parse(JSON.stringify(aclJson(decodeAcl(Buffer.from(JSON.stringify(body)), '')))),
      body,
    )
    for (const text of ['*', 'Topic:*', 'Group:a*', 'Cluster:c'])
      assert.equal(resourcePatternText(parseResourcePattern(text)), text)
  })
})

describe('address ranges', () => {
  it('are whole addresses, or start and count of bits', () => {
    const good = ['1.2.3.4', '0.0.0.0/0', '10.0.0.0/8', '::1', '::/0', 'fd00::/8', '1.2.3.4/32']
    const bad = [
      '',
      '1.2.3',
      '01.2.3.4',
      '1.2.3.4/',
      '1.2.3.4/33',
      '::/129',
      '1.2.3.4/8/8',
      'host',
      '1.2.3.4/-1',
    ]
    assert.deepEqual(good.filter(isAddressRange), good)
    assert.deepEqual(bad.filter(isAddressRange), [])
  })

  it('are told apart bit by bit', () => {
    assert.equal(isInRange('10.0.0.127', '10.0.0.0/25'), true)
    assert.equal(isInRange('10.0.0.128', '10.0.0.0/25'), false)
    assert.equal(isInRange('10.0.0.1', '::/0'), false)
    assert.equal(isInRange('255.255.255.255', '0.0.0.0/0'), true)
    assert.equal(isInRange('fdff::', 'fd00::/8'), true)
    assert.equal(isInRange('fe00::', 'fd00::/8'), false)
  })
})
