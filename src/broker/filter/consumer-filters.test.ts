import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { VirtualClock } from '../../base/host/virtual-clock.ts'
import type { SubscriptionData } from '../../protocol/subscription-data.ts'
import { decodeConsumerFilters, encodeConsumerFilters, isDead } from './consumer-filter-data.ts'
import { ConsumerFilters } from './consumer-filters.ts'

const START_MS = 1_795_225_100_000
const HOUR_MS = 3600 * 1000

/** consumerFilter.json as a RocketMQ 5.3.3 broker wrote it. */
const ROCKETMQ_FILE = `{
	"filterDataByTopic":{
		"F_NORMAL":{
			"groupFilterData":{
				"CG_FIX_SQL":{
					"bloomFilterData":{
						"bitNum":112,
						"bitPos":[72,55,71]
					},
					"bornTime":1795225018090,
					"clientVersion":1795225019438,
					"consumerGroup":"CG_FIX_SQL",
					"dead":true,
					"deadTime":1795225032120,
					"expression":"n BETWEEN 10 AND 20",
					"expressionType":"SQL92",
					"topic":"F_NORMAL"
				}
			},
			"topic":"F_NORMAL"
		}
	}
}`

function sql(topic: string, subString: string, subVersion: bigint): SubscriptionData {
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

function tags(topic: string, subVersion: bigint): SubscriptionData {
  return { ...sql(topic, '*', subVersion), expressionType: 'TAG' }
}

/** A table with a clock, and what it notes in the journal. */
function newTable(): { filters: ConsumerFilters; clock: VirtualClock; journal: string[] } {
  const clock = new VirtualClock(START_MS)
  const filters = new ConsumerFilters(clock)
  const journal: string[] = []
  filters.onChange = (text) => journal.push(text)
  return { filters, clock, journal }
}

/** Moves the wall clock on; nothing here has timers. */
function pass(clock: VirtualClock, delayMs: number): void {
  clock.setWallMs(clock.nowMs() + delayMs)
}

describe('consumerFilter.json', () => {
  it('is read and written as RocketMQ has it', () => {
    const filters = decodeConsumerFilters(Buffer.from(ROCKETMQ_FILE))
    assert.equal(filters.length, 1)
    assert.equal(encodeConsumerFilters(filters).toString(), ROCKETMQ_FILE)
  })

  it('keeps versions beyond 2^53, and finds the bits where a file has none', () => {
    const [data] = decodeConsumerFilters(
      Buffer.from(
        '{"filterDataByTopic":{"F_NORMAL":{"groupFilterData":{"CG_FIX_SQL":{"topic":"F_NORMAL",' +
          '"consumerGroup":"CG_FIX_SQL","expression":"a > 5","clientVersion":1795225019438123457}}}}}',
      ),
    )
    assert.ok(data)
    assert.equal(data.clientVersion, 1795225019438123457n)
    assert.deepEqual(data.bloomFilterData, { bitNum: 112, bitPos: [72, 55, 71] })
    assert.deepEqual(decodeConsumerFilters(encodeConsumerFilters([data])), [data])
  })

  it('may be empty', () => {
    assert.deepEqual(decodeConsumerFilters(Buffer.from('{"filterDataByTopic":{}}')), [])
    assert.deepEqual(decodeConsumerFilters(Buffer.from('{}')), [])
    assert.equal(encodeConsumerFilters([]).toString(), '{\n\t"filterDataByTopic":{}\n}')
  })

  it('is refused when it is something else', () => {
    for (const text of [
      '',
      '[]',
      '{"filterDataByTopic":[]}',
      '{"filterDataByTopic":{"t":{"groupFilterData":{"g":{}}}}}',
    ])
      assert.throws(() => decodeConsumerFilters(Buffer.from(text)), { kind: 'badBody' })
  })
})

describe('ConsumerFilters', () => {
  it('keeps what heartbeats subscribe to by SQL92, and no tags', () => {
    const { filters } = newTable()
    filters.register('g', [
      sql('a', 'x > 1', 1n),
      tags('b', 1n),
      { ...sql('c', 'y', 1n), expressionType: 'JS' },
    ])
    assert.deepEqual(
      filters.all().map(({ topic, expression, bornMs, deadMs }) => ({ topic, expression, bornMs, deadMs })),
      [{ topic: 'a', expression: 'x > 1', bornMs: START_MS, deadMs: 0 }],
    )
    assert.equal(filters.require('g', 'a', 1).sql.expression, 'x > 1')
  })

  it('lets an expression give way to a newer one only', () => {
    const { filters, clock } = newTable()
    filters.register('g', [sql('a', 'x > 2', 2n)])
    filters.register('g', [sql('a', 'x > 1', 1n)])
    filters.register('g', [sql('a', 'x > 9', 2n)])
    assert.equal(filters.get('g', 'a')?.expression, 'x > 2')
    pass(clock, 10)
    filters.register('g', [sql('a', 'x > 2', 3n)])
    assert.deepEqual([filters.get('g', 'a')?.clientVersion, filters.get('g', 'a')?.bornMs], [3n, START_MS])
    filters.register('g', [sql('a', 'x > 4', 4n)])
    assert.deepEqual(
      [filters.get('g', 'a')?.expression, filters.get('g', 'a')?.bornMs],
      ['x > 4', START_MS + 10],
    )
  })

  it('tells a pull what it lacks', () => {
    const { filters } = newTable()
    assert.throws(() => filters.require('g', 'a', 0), { kind: 'filterDataNotExist' })
    filters.register('g', [sql('a', 'x > 1', 5n)])
    assert.throws(() => filters.require('g', 'a', 6), { kind: 'filterDataNotLatest' })
    assert.throws(() => filters.require('g', 'b', 1), { kind: 'filterDataNotExist' })
    assert.throws(() => filters.require('h', 'a', 1), { kind: 'filterDataNotExist' })
    assert.ok(filters.require('g', 'a', 5))
  })

  it('takes nanoseconds of Go as versions', () => {
    const { filters } = newTable()
    filters.register('g', [sql('a', 'x > 1', 1795225019438123457n)])
    assert.ok(filters.require('g', 'a', Number(1795225019438123457n)))
    assert.throws(() => filters.require('g', 'a', Number(1795225019438999999n)), {
      kind: 'filterDataNotLatest',
    })
  })

  it('has no filter where the newest expression cannot be compiled', () => {
    const { filters } = newTable()
    filters.register('g', [sql('a', 'x >', 1n), sql('b', '', 1n)])
    assert.deepEqual(filters.all(), [])
    filters.register('g', [sql('a', 'x > 1', 2n)])
    filters.register('g', [sql('a', 'x >', 3n)])
    assert.throws(() => filters.require('g', 'a', 3), { kind: 'filterDataNotExist' })
  })

  it('marks what nobody asks for, and takes the mark away when somebody does', () => {
    const { filters, clock, journal } = newTable()
    const isDeadNow = (topic: string) => isDead(filters.get('g', topic) ?? assert.fail())
    filters.register('g', [sql('a', 'x > 1', 1n), sql('b', 'x > 1', 1n)])
    pass(clock, 1000)
    filters.register('g', [sql('a', 'x > 1', 1n)])
    assert.deepEqual(
      [isDeadNow('a'), isDeadNow('b'), filters.get('g', 'b')?.deadMs],
      [false, true, START_MS + 1000],
    )
    filters.unregister('g')
    assert.equal(isDeadNow('a'), true)
    const noted = journal.length
    filters.unregister('g')
    filters.unregister('nobody')
    assert.equal(journal.length, noted)
    filters.register('g', [sql('a', 'x > 1', 1n), sql('b', 'x > 1', 2n)])
    assert.deepEqual([isDeadNow('a'), isDeadNow('b')], [false, false])
    // a topic that is subscribed to by tags now is asked for all the same
    filters.register('g', [sql('a', 'x > 1', 1n), tags('b', 3n)])
    assert.equal(isDeadNow('b'), false)
  })

  it('notes nothing for a heartbeat that says what the one before has said', () => {
    const { filters, journal } = newTable()
    const subscriptions = [sql('a', 'x > 1', 1n), tags('b', 1n)]
    filters.register('g', subscriptions)
    filters.register('g', subscriptions)
    filters.register('h', [tags('a', 1n)])
    assert.equal(journal.length, 1)
  })

  it('forgets what has been dead for a day', () => {
    const { filters, clock } = newTable()
    filters.register('g', [sql('a', 'x > 1', 1n), sql('b', 'x > 1', 1n)])
    filters.register('g', [sql('a', 'x > 1', 1n)])
    pass(clock, 24 * HOUR_MS - 1)
    assert.equal(decodeConsumerFilters(filters.encode()).length, 2)
    pass(clock, 1)
    assert.deepEqual(
      decodeConsumerFilters(filters.encode()).map(({ topic }) => topic),
      ['a'],
    )
    assert.equal(filters.get('g', 'b'), undefined)
  })

  it('comes back with everybody dead, as of half a minute ago', () => {
    const { filters, clock } = newTable()
    filters.register('g', [sql('a', 'x > 1', 1n)])
    pass(clock, HOUR_MS)
    filters.register('g', [sql('a', 'x > 1', 1n), sql('b', 'x > 1', 1n)])
    const again = new ConsumerFilters(clock)
    again.load(filters.encode())
    assert.equal(again.get('g', 'a')?.deadMs, START_MS + HOUR_MS - 30_000)
    assert.equal(again.get('g', 'b')?.deadMs, START_MS + HOUR_MS)
    assert.ok(again.require('g', 'a', 1))
  })

  it('loads a file of RocketMQ', () => {
    const { filters } = newTable()
    filters.load(Buffer.from(ROCKETMQ_FILE))
    assert.equal(filters.require('CG_FIX_SQL', 'F_NORMAL', 0).sql.expression, 'n BETWEEN 10 AND 20')
    assert.equal(filters.encode().toString(), ROCKETMQ_FILE)
  })

  it('says what is wrong with an expression of a file when it is asked for', () => {
    const { filters } = newTable()
    filters.load(
      Buffer.from(ROCKETMQ_FILE.replace('n BETWEEN 10 AND 20', `${'('.repeat(40)}n${')'.repeat(40)}`)),
    )
    assert.throws(() => filters.require('CG_FIX_SQL', 'F_NORMAL', 0), { kind: 'subscriptionParseFailed' })
  })

  it('takes no more than can be read again', () => {
    const { filters } = newTable()
    const long = `a = '${'\u0003'.repeat(4000)}'`
    for (let i = 0; i < 3000; i++) filters.register(`g${i}`, [sql('a', long, 1n)])
    const count = filters.all().length
    assert.ok(count > 1500 && count < 2100, String(count))
    const content = filters.encode()
    assert.ok(content.length < 64 * 1024 * 1024)
    filters.load(content)
    assert.equal(filters.all().length, count)
  })

  it('is the same after its journal is replayed', () => {
    const subscription = fc
      .record({
        topic: fc.constantFrom('a', 'b', 'c'),
        subString: fc.constantFrom('x > 1', 'x > 2', "y = '\n\"'", 'wrong ('),
        subVersion: fc.bigInt({ min: 1n, max: 4n }),
        isSql: fc.boolean(),
      })
      .map(({ topic, subString, subVersion, isSql }) =>
        isSql ? sql(topic, subString, subVersion) : tags(topic, subVersion),
      )
    const action = fc.record({
      group: fc.constantFrom('g', 'h'),
      subscriptions: fc.option(fc.array(subscription, { maxLength: 3 })),
      passMs: fc.constantFrom(0, 1, HOUR_MS),
      isFolded: fc.boolean(),
    })
    fc.assert(
      fc.property(fc.array(action, { maxLength: 12 }), (actions) => {
        const { filters, clock, journal } = newTable()
        let content: Buffer | undefined
        for (const { group, subscriptions, passMs, isFolded } of actions) {
          if (subscriptions) filters.register(group, subscriptions)
          else filters.unregister(group)
          pass(clock, passMs)
          if (!isFolded) continue
          content = filters.encode()
          journal.length = 0
        }
        const replayed = new ConsumerFilters(clock)
        const loaded = new ConsumerFilters(clock)
        if (content) replayed.load(content)
        for (const text of journal) {
          assert.ok(!text.includes('\n'))
          replayed.replay(text)
        }
        loaded.load(filters.encode())
        const sorted = (table: ConsumerFilters) =>
          table
            .all()
            .sort((left, right) =>
              left.consumerGroup + left.topic < right.consumerGroup + right.topic ? -1 : 1,
            )
        replayed.encode()
        assert.deepEqual(sorted(replayed), sorted(loaded))
      }),
    )
  })
})
