import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { FaultyDisk } from '../base/host/faulty-disk.ts'
import { SeededRandom } from '../base/host/seeded-random.ts'
import { VirtualClock } from '../base/host/virtual-clock.ts'
import { javaHashCode } from '../protocol/java-hash.ts'
import type { FlushDiskType } from './store-settings.ts'
import { keyOffsets } from './test-history.ts'
import { type StoredMessage, TEST_START_MS, TestStore, testHost, testSettings } from './test-store.ts'

const FLUSH_INTERVAL_MS = 500
const TOPICS = ['A', 'B', 'Topic with é'.replaceAll(' ', '_')]
const TAGS = ['x', 'y', 'z']

/** Something done to the store. Numbers are folded into what there is. */
type Op =
  | { readonly do: 'append'; readonly messages: readonly Drawn[]; readonly isBatch: boolean }
  | {
      readonly do: 'read'
      readonly queue: number
      readonly offset: number
      readonly countMax: number
      readonly tag: number
    }
  | { readonly do: 'byTime'; readonly queue: number; readonly message: number; readonly shiftMs: number }
  | { readonly do: 'byKey'; readonly message: number }
  | { readonly do: 'wait'; readonly ms: number }
  | { readonly do: 'expire' }
  | { readonly do: 'deleteTopic'; readonly queue: number }
  | { readonly do: 'restart' | 'kill' }
  | { readonly do: 'powerLoss'; readonly seed: number }

interface Drawn {
  readonly queue: number
  readonly bytes: number
  readonly tag: number
  readonly waits: boolean
}

/** A message as the naive store keeps it. */
interface Kept extends StoredMessage {
  readonly topic: string
  readonly queueId: number
  readonly tag: string
  readonly key: string
  readonly waits: boolean
  readonly answeredMs: number
}

const drawn: fc.Arbitrary<Drawn> = fc.record({
  ...{
    queue: fc.nat(5),
    bytes: fc.oneof({ weight: 4, arbitrary: fc.nat(200) }, { weight: 1, arbitrary: fc.nat(3000) }),
  },
  ...{ tag: fc.nat(2), waits: fc.boolean() },
})

const op: fc.Arbitrary<Op> = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.record({
      ...{ do: fc.constant('append' as const), isBatch: fc.boolean() },
      messages: fc.array(drawn, { minLength: 1, maxLength: 8 }),
    }),
  },
  {
    weight: 6,
    arbitrary: fc.record({
      ...{ do: fc.constant('read' as const), queue: fc.nat(5), offset: fc.nat(60) },
      ...{ countMax: fc.integer({ min: 1, max: 40 }), tag: fc.nat(3) },
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      ...{ do: fc.constant('byTime' as const), queue: fc.nat(5), message: fc.nat() },
      shiftMs: fc.integer({ min: -2, max: 2 }),
    }),
  },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('byKey' as const), message: fc.nat() }) },
  { weight: 4, arbitrary: fc.record({ do: fc.constant('wait' as const), ms: fc.nat(15_000) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('expire' as const) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('deleteTopic' as const), queue: fc.nat(5) }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constantFrom('restart' as const, 'kill' as const) }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('powerLoss' as const), seed: fc.nat(1000) }) },
)

/** A store and the naive one beside it: a list of messages. */
class Pair {
  readonly #mode: FlushDiskType
  #disk: FaultyDisk
  #test: TestStore
  #log: Kept[] = []
  #count = 0
  /** Monotonic time that earlier lives of the process have seen. */
  #livedBeforeMs = 0

  constructor(mode: FlushDiskType) {
    const clock = new VirtualClock(TEST_START_MS)
    this.#mode = mode
    this.#disk = new FaultyDisk({ clock })
    this.#test = this.#open(clock)
  }

  async perform(what: Op): Promise<void> {
    switch (what.do) {
      case 'append':
        await this.#append(what.messages, what.isBatch)
        break
      case 'read':
        await this.#read(what)
        break
      case 'byTime':
        this.#byTime(what)
        break
      case 'byKey':
        await this.#byKey(what.message)
        break
      case 'wait':
        await this.#clock.advance(what.ms)
        break
      case 'expire':
        await this.#expire()
        break
      case 'deleteTopic':
        this.#deleteTopic(queueOf(what.queue).topic)
        break
      case 'restart':
        await this.#test.store.close()
        this.#test = this.#open(this.#clock)
        assert.equal(this.#test.store.recovery?.scannedRecords, 0)
        break
      case 'kill':
        this.#disk = this.#disk.afterProcessKill()
        this.#test = this.#open(this.#nextClock())
        break
      case 'powerLoss':
        this.#losePower(what.seed)
        break
    }
    this.#checkEnds()
  }

  /** Everything, at the end. */
  async finish(): Promise<void> {
    for (let queue = 0; queue < 6; queue++) {
      const { topic, queueId } = queueOf(queue)
      const found = await this.#test.records(topic, queueId)
      assert.deepEqual(
        found,
        this.#messagesOf(queue).map(({ body, queueOffset, physicalOffset, storedMs }) => ({
          body,
          queueOffset,
          physicalOffset,
          storedMs,
        })),
      )
    }
    for (let message = 0; message < this.#log.length; message++) await this.#byKey(message)
    await this.#test.store.close()
    assert.equal(this.#clock.timerCount, 0)
  }

  get #clock(): VirtualClock {
    return this.#test.host.clock
  }

  get #livedMs(): number {
    return this.#livedBeforeMs + this.#clock.monoMs()
  }

  #nextClock(): VirtualClock {
    this.#livedBeforeMs = this.#livedMs
    return new VirtualClock(this.#clock.nowMs())
  }

  #open(clock: VirtualClock): TestStore {
    const test = new TestStore(testHost(this.#disk, clock), testSettings({ flushDiskType: this.#mode }))
    test.store.open()
    return test
  }

  /** The naive queue: what its log still holds of it. */
  #messagesOf(queue: number): Kept[] {
    const { topic, queueId } = queueOf(queue)
    const { minOffset } = this.#test.store.log
    return this.#log.filter(
      (kept) => kept.topic === topic && kept.queueId === queueId && kept.physicalOffset >= minOffset,
    )
  }

  async #append(messages: readonly Drawn[], isBatch: boolean): Promise<void> {
    if (isBatch) {
      const bytes = messages.reduce((sum, { bytes }) => sum + 250 + bytes, 0)
      if (bytes > 4000) return
      this.#test.store.reserve(bytes)
    }
    const before = this.#log.length
    for (const message of messages) this.#appendOne(message)
    await this.#clock.settle()
    const added = this.#log.slice(before)
    assert.equal(added.length, messages.length, 'all are stored')
    // WAIT=false is answered first under SYNC_FLUSH; the log has its own order
    added.sort((one, other) => one.physicalOffset - other.physicalOffset)
    this.#log.splice(before, added.length, ...added)
    if (!isBatch) return
    const files = new Set(added.map(({ physicalOffset }) => Math.floor(physicalOffset / 4096)))
    assert.equal(files.size, 1, 'a batch goes into one file')
  }

  #appendOne({ queue, bytes, tag: tagIndex, waits }: Drawn): void {
    const { topic, queueId } = queueOf(queue)
    const number = this.#count++
    const [key, tag] = [`key${number % 9}`, TAGS[tagIndex] ?? '']
    const body = `${number} `.padEnd(bytes)
    const storedMs = Math.max(this.#test.store.lastStoreTimestampMs, this.#clock.nowMs())
    const properties = { KEYS: key, TAGS: tag }
    this.#test.append({ topic, queueId, body, properties, waitsForDisk: waits }, (answer) => {
      assert.equal(answer.outcome, 'stored')
      const { queueOffset, physicalOffset } = answer
      const answeredMs = this.#livedMs
      this.#log.push({
        topic,
        queueId,
        body,
        key,
        tag,
        waits,
        queueOffset,
        physicalOffset,
        storedMs,
        answeredMs,
      })
    })
  }

  async #read({ queue: number, offset, countMax, tag: tagIndex }: Op & { do: 'read' }): Promise<void> {
    const { topic, queueId } = queueOf(number)
    const { reader, queues } = this.#test.store
    const queue = queues.existing(topic, queueId)
    const messages = this.#messagesOf(number)
    if (!queue) {
      assert.equal(messages.length, 0)
      return
    }
    const tag = TAGS[tagIndex]
    const filter = tag === undefined ? undefined : { mayMatch: (code: number) => code === javaHashCode(tag) }
    const request = { queueOffset: offset, countMax, bytesMax: 1024 * 1024, filter }
    while (reader.read(queue, request) === 'loading') await reader.load()
    const { minOffset, maxOffset } = queue
    const { status, nextBeginOffset } = reader
    if (maxOffset === 0) assert.deepEqual([status, nextBeginOffset], ['NO_MESSAGE_IN_QUEUE', 0])
    else if (offset < minOffset) assert.deepEqual([status, nextBeginOffset], ['OFFSET_TOO_SMALL', minOffset])
    else if (offset === maxOffset)
      assert.deepEqual([status, nextBeginOffset], ['OFFSET_OVERFLOW_ONE', offset])
    else if (offset > maxOffset)
      assert.deepEqual([status, nextBeginOffset], ['OFFSET_OVERFLOW_BADLY', maxOffset])
    else this.#checkFound(messages, { offset, countMax, tag })
  }

  /** A read gives the next matching messages in their order, at least one if there is one, and says where to go on. */
  #checkFound(
    messages: readonly Kept[],
    { offset, countMax, tag }: { offset: number; countMax: number; tag: string | undefined },
  ): void {
    const { reader } = this.#test.store
    const matching = messages.filter(
      (kept) => kept.queueOffset >= offset && (tag === undefined || kept.tag === tag),
    )
    const bytes = Buffer.alloc(reader.slices.bytes)
    reader.slices.copyTo(bytes, 0)
    const found: number[] = []
    for (let at = 0; at < bytes.length; at += bytes.readInt32BE(at))
      found.push(Number(bytes.readBigInt64BE(at + 28)))
    assert.equal(found.length, reader.count)
    assert.deepEqual(
      found,
      matching.slice(0, found.length).map(({ physicalOffset }) => physicalOffset),
    )
    assert(found.length <= countMax)
    assert.equal(reader.status, matching.length > 0 ? 'FOUND' : 'NO_MATCHED_MESSAGE')
    const next = matching[found.length]?.queueOffset ?? Number.POSITIVE_INFINITY
    const last = matching[found.length - 1]?.queueOffset ?? offset - 1
    assert(
      reader.nextBeginOffset > last && reader.nextBeginOffset <= next,
      `goes on at ${reader.nextBeginOffset}`,
    )
  }

  #byTime({ queue: number, message, shiftMs }: Op & { do: 'byTime' }): void {
    const messages = this.#messagesOf(number)
    const asked = this.#log[message % Math.max(this.#log.length, 1)]
    const { topic, queueId } = queueOf(number)
    const queue = this.#test.store.queues.existing(topic, queueId)
    if (!asked || !queue || messages.length === 0) return
    const timeMs = asked.storedMs + shiftMs
    const lower = messages.find(({ storedMs }) => storedMs >= timeMs)?.queueOffset ?? queue.maxOffset
    const upper = messages.findLast(({ storedMs }) => storedMs <= timeMs)?.queueOffset ?? 0
    assert.equal(this.#test.store.offsetByTime(queue, timeMs, 'LOWER'), lower)
    assert.equal(this.#test.store.offsetByTime(queue, timeMs, 'UPPER'), upper)
  }

  async #byKey(message: number): Promise<void> {
    const asked = this.#log[message % Math.max(this.#log.length, 1)]
    if (!asked) return
    const { minOffset } = this.#test.store.log
    const same = this.#log.filter(({ topic, key }) => topic === asked.topic && key === asked.key)
    const expected = same.map(({ physicalOffset }) => physicalOffset).filter((at) => at >= minOffset)
    const found = await keyOffsets(this.#test, asked.topic, asked.key)
    // of a deleted topic the index still knows messages
    for (const at of expected)
      assert(found.includes(at), `${asked.topic}#${asked.key} does not lead to ${at}`)
  }

  async #expire(): Promise<void> {
    this.#clock.setWallMs(this.#clock.nowMs() + 73 * 3_600_000)
    await this.#test.store.deleteExpired()
  }

  #deleteTopic(topic: string): void {
    this.#test.store.deleteTopic(topic)
    this.#log = this.#log.filter((kept) => kept.topic !== topic)
  }

  /** What is gone now must be the end of the log, and what the mode could lose. */
  #losePower(seed: number): void {
    this.#disk = this.#disk.afterPowerLoss(seed % 4 === 0 ? 'lost' : 'torn', new SeededRandom(seed))
    this.#test = this.#open(this.#nextClock())
    const { end } = this.#test.store.log
    for (const { physicalOffset, body, waits, answeredMs } of this.#log) {
      if (physicalOffset < end) continue
      const isRecent = answeredMs >= this.#livedMs - FLUSH_INTERVAL_MS
      assert(this.#mode === 'ASYNC_FLUSH' ? isRecent : !waits, `${body} is lost`)
    }
    this.#log = this.#log.filter(({ physicalOffset }) => physicalOffset < end)
  }

  #checkEnds(): void {
    for (let queue = 0; queue < 6; queue++) {
      const { topic, queueId } = queueOf(queue)
      const messages = this.#messagesOf(queue)
      const found = this.#test.store.queues.existing(topic, queueId)
      const last = messages.at(-1)
      if (last) assert.equal(found?.maxOffset, last.queueOffset + 1, `${topic}/${queueId}`)
      if (found)
        assert.equal(found.minOffset, messages[0]?.queueOffset ?? found.maxOffset, `${topic}/${queueId}`)
    }
  }
}

function queueOf(number: number): { topic: string; queueId: number } {
  return { topic: TOPICS[number % 3] ?? '', queueId: number % 2 }
}

describe('MessageStore beside a list of messages', () => {
  for (const mode of ['ASYNC_FLUSH', 'SYNC_FLUSH'] as const) {
    it(`holds the same under ${mode}, whatever is done to both`, async () => {
      const property = fc.asyncProperty(fc.array(op, { minLength: 5, maxLength: 60 }), async (ops) => {
        const pair = new Pair(mode)
        for (const what of ops) await pair.perform(what)
        await pair.finish()
      })
      await fc.assert(property, { numRuns: 150, includeErrorInReport: true })
    })
  }
})
