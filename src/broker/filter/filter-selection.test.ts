import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { VirtualClock } from '../../base/host/virtual-clock.ts'
import { javaHashCode } from '../../protocol/java-hash.ts'
import { type SubscriptionData, tagSubscription } from '../../protocol/subscription-data.ts'
import { parseTagExpression } from '../../protocol/tag-expression.ts'
import { ConsumerFilters } from './consumer-filters.ts'
import { FilterSelection, type FilterSettings } from './filter-selection.ts'
import { RetryMessageFilter, SqlMessageFilter } from './message-filter.ts'

function selection(settings: Partial<FilterSettings> = {}): {
  filters: ConsumerFilters
  selection: FilterSelection
} {
  const filters = new ConsumerFilters(new VirtualClock(0))
  const all = { enablePropertyFilter: true, filterSupportRetry: false, ...settings }
  return { filters, selection: new FilterSelection(all, filters) }
}

function sql(topic: string, subString: string, subVersion = 1n): SubscriptionData {
  return {
    topic,
    subString,
    subVersion,
    expressionType: 'SQL92',
    tagsSet: [],
    codeSet: [],
    classFilterMode: false,
  }
}

describe('FilterSelection', () => {
  it('reads the expression of a request by its type', () => {
    const { selection: select } = selection()
    assert.equal(select.ofRequest('TAG', '*'), undefined)
    assert.equal(select.ofRequest('', undefined), undefined)
    assert.equal(select.ofRequest('TAG', 'TagA || TagB')?.mayMatch(javaHashCode('TagB')), true)
    const filter = select.ofRequest('SQL92', 'a > 5')
    assert.ok(filter instanceof SqlMessageFilter)
    assert.equal(filter.sql.expression, 'a > 5')
    for (const expression of [undefined, '', 'a >'])
      assert.throws(() => select.ofRequest('SQL92', expression), { kind: 'subscriptionParseFailed' })
    assert.throws(() => select.ofRequest('TAG', '||'), { kind: 'subscriptionParseFailed' })
    assert.throws(() => select.ofRequest('JS', 'a > 5'), { kind: 'filterNotSupported' })
  })

  it('compiles an expression once for as long as it is used', () => {
    const { selection: select } = selection()
    const first = select.ofRequest('SQL92', 'a > 5')
    for (let i = 0; i < 300; i++) {
      select.ofRequest('SQL92', `a > ${i + 10}`)
      assert.equal(select.ofRequest('SQL92', 'a > 5'), first)
    }
    for (let i = 0; i < 100; i++) select.ofRequest('SQL92', `b > ${i}`)
    assert.notEqual(select.ofRequest('SQL92', 'a > 5'), first)
  })

  it('finds what a heartbeat has subscribed to', () => {
    const { filters, selection: select } = selection()
    const byTags = tagSubscription('t', parseTagExpression('TagA'), 1n)
    const filter = select.ofSubscription('g', byTags, 1)
    assert.equal(filter?.mayMatch(javaHashCode('TagA')), true)
    assert.equal(filter?.mayMatch(0), false)
    assert.equal(select.ofSubscription('g', byTags, 1), filter)
    assert.equal(select.ofSubscription('g', tagSubscription('t', parseTagExpression('*'), 1n), 1), undefined)
    assert.equal(select.ofSubscription('g', { ...sql('t', 'a'), classFilterMode: true }, 1), undefined)
    assert.throws(() => select.ofSubscription('g', sql('t', 'a > 5'), 1), { kind: 'filterDataNotExist' })
    filters.register('g', [sql('t', 'a > 5')])
    assert.equal(select.ofSubscription('g', sql('t', 'a > 5'), 1), filters.filter('g', 't'))
    assert.throws(() => select.ofSubscription('g', sql('t', 'a > 5'), 2), { kind: 'filterDataNotLatest' })
  })

  it('offers nothing but tags unless it is told to', () => {
    const { filters, selection: select } = selection({ enablePropertyFilter: false })
    const refusal = {
      kind: 'filterNotSupported',
      message: 'The broker does not support consumer to filter message by SQL92',
    }
    filters.register('g', [sql('t', 'a > 5')])
    assert.throws(() => select.check(sql('t', 'a > 5')), refusal)
    assert.throws(() => select.ofRequest('SQL92', 'a > 5'), refusal)
    assert.throws(() => select.ofSubscription('g', sql('t', 'a > 5'), 1), refusal)
    assert.ok(select.ofRequest('TAG', 'a'))
    select.check({ expressionType: 'TAG', subString: '||' })
  })

  it('checks an expression before a client uses it', () => {
    const { selection: select } = selection()
    select.check(sql('t', 'a > 5'))
    assert.throws(() => select.check(sql('t', 'a BETWEEN AND')), {
      kind: 'subscriptionParseFailed',
      message: /^Encountered " "AND" "AND "" at line 1, column 11\./,
    })
    assert.throws(() => select.check(sql('t', '')), { kind: 'subscriptionParseFailed' })
    assert.throws(() => select.check({ expressionType: 'JS', subString: 'a' }), {
      kind: 'filterNotSupported',
    })
  })

  it('filters retry topics by where their messages came from, where it is told to', () => {
    const retry = sql('%RETRY%g', '*  IS NULL')
    for (const filterSupportRetry of [false, true]) {
      const { filters, selection: select } = selection({ filterSupportRetry })
      filters.register('g', [sql('t', 'a > 5'), { ...retry, subString: 'TRUE' }])
      const filter = select.ofSubscription('g', retry, 1)
      assert.equal(filter instanceof RetryMessageFilter, filterSupportRetry)
      assert.equal(select.ofSubscription('g', sql('t', 'a > 5'), 1) instanceof SqlMessageFilter, true)
    }
  })
})
