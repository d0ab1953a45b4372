import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { FaultyDisk } from '../base/host/faulty-disk.ts'
import { SeededRandom } from '../base/host/seeded-random.ts'
import { VirtualClock } from '../base/host/virtual-clock.ts'
import { javaHashCode } from '../protocol/java-hash.ts'
import { indexHash, topicKeyHash } from './index-keys.ts'
import { type IndexPosition, IndexService } from './index-service.ts'
import { silentLog, TEST_START_MS } from './test-store.ts'

const SHAPE = { slotCount: 7, entryCount: 20 }

interface Bench {
  readonly disk: FaultyDisk
  readonly clock: VirtualClock
  readonly index: IndexService
}

function bench(disk?: FaultyDisk, shape = SHAPE): Bench {
  const clock = new VirtualClock(TEST_START_MS)
  const onDisk = disk ?? new FaultyDisk({ clock })
  if (!disk) {
    onDisk.mkdirSync('/index')
    onDisk.syncDirSync('/')
  }
  return {
    disk: onDisk,
    clock,
    index: new IndexService({ disk: onDisk, clock, log: silentLog, dir: '/index', shape }),
  }
}

/** Puts a message with these keys, of topic T, a second after the one before. */
function put(index: IndexService, physicalOffset: number, keys: readonly string[]): void {
  const hashes = Int32Array.from(keys, (key) => indexHash(javaHashCode(key, topicKeyHash('T'))))
  index.put(hashes, 0, hashes.length, physicalOffset, TEST_START_MS + physicalOffset * 1000)
}

async function offsets(
  index: IndexService,
  key: string,
  range: { beginMs?: number; endMs?: number } = {},
): Promise<number[]> {
  const hits = await index.query({
    topic: 'T',
    key,
    beginMs: 0,
    endMs: Number.MAX_SAFE_INTEGER,
    countMax: 64,
    ...range,
  })
  return hits.map(({ physicalOffset }) => physicalOffset)
}

function newestFirst(count: number, from = 1): number[] {
  return Array.from({ length: count }, (_, i) => from + count - 1 - i)
}

describe('IndexService', () => {
  it('finds messages by key, the newest first, across files and however many share a slot', async () => {
    const { index } = bench()
    index.open(undefined, false)
    for (let at = 1; at <= 60; at++) put(index, at, [`id${at}`, 'all', at % 2 === 0 ? 'even' : 'odd'])
    assert.deepEqual(await offsets(index, 'all'), newestFirst(60))
    assert.deepEqual(
      await offsets(index, 'even'),
      newestFirst(60).filter((at) => at % 2 === 0),
    )
    for (let at = 1; at <= 60; at++) assert.deepEqual(await offsets(index, `id${at}`), [at])
    assert.deepEqual(await offsets(index, 'none'), [])
    const few = await index.query({
      topic: 'T',
      key: 'all',
      beginMs: 0,
      endMs: Number.MAX_SAFE_INTEGER,
      countMax: 5,
    })
    assert.deepEqual(
      few.map(({ physicalOffset }) => physicalOffset),
      newestFirst(5, 56),
    )
    assert.deepEqual(
      (await index.query({ topic: 'U', key: 'all', beginMs: 0, endMs: 2 ** 50, countMax: 5 })).length,
      0,
    )
  })

  it('finds those of a time only, by the second', async () => {
    const { index } = bench()
    index.open(undefined, false)
    for (let at = 1; at <= 40; at++) put(index, at, ['all'])
    const range = { beginMs: TEST_START_MS + 10_000, endMs: TEST_START_MS + 20_000 }
    assert.deepEqual(await offsets(index, 'all', range), newestFirst(11, 10))
    assert.deepEqual(await offsets(index, 'all', { beginMs: TEST_START_MS + 41_000 }), [])
    assert.deepEqual(await offsets(index, 'all', { endMs: TEST_START_MS }), [])
  })

  it('keeps the keys of one message together when a file is full between them', async () => {
    const { index, disk } = bench()
    index.open(undefined, false)
    for (let at = 1; at <= 7; at++) put(index, at, ['a', 'b', 'c', 'd'])
    assert.equal(disk.listSync('/index').length, 2)
    for (const key of ['a', 'b', 'c', 'd']) assert.deepEqual(await offsets(index, key), newestFirst(7))
  })

  it('syncs nothing on the event loop when a file is full, and gives its memory back with the next flush', async () => {
    const { index, disk } = bench()
    index.open(undefined, false)
    const synced: string[] = []
    disk.fail(({ kind, path }) => {
      if (kind === 'datasync') synced.push(path)
      return false
    }, 'EIO')
    for (let at = 1; at <= 50; at++) put(index, at, ['all'])
    assert.equal(disk.listSync('/index').length, 3)
    assert.deepEqual([synced.length, index.fullEndMs], [0, 0])
    await index.flush(51)
    assert.deepEqual(
      [...new Set(synced)],
      disk.listSync('/index').map((name) => `/index/${name}`),
    )
    assert.equal(index.fullEndMs, TEST_START_MS + 38_000)
    assert.deepEqual(await offsets(index, 'all'), newestFirst(50))
    // faster than any flush: their number is bounded all the same
    for (let at = 51; at <= 51 + 19 * 8; at++) put(index, at, ['all'])
    assert.ok(synced.length > 6)
  })

  it('is after a crash what it was at the noted position, and takes other messages then', async () => {
    for (const outcome of [
      'kill',
      'lost',
      'kept',
      ...Array.from({ length: 40 }, (_, seed) => `torn ${seed}`),
    ]) {
      const { index, disk } = bench()
      index.open(undefined, false)
      for (let at = 1; at <= 15; at++) put(index, at, [`id${at}`, 'all'])
      await index.flush(16)
      const { position } = index
      for (let at = 16; at <= 40; at++) put(index, at, [`id${at}`, 'all'])
      const [kind, seed] = outcome.split(' ')
      // the flush goes no further than its slots: the header does not count the entries yet
      const end = disk.fail((op) => op.kind === 'write' && op.sizeBytes === 40, 'EIO')
      await index.flush(41)
      end()
      const next =
        kind === 'kill'
          ? disk.afterProcessKill()
          : disk.afterPowerLoss(kind as 'torn', new SeededRandom(Number(seed)))
      await checkCutAgain(next.afterProcessKill(), position, outcome)
      await checkRewound(next.afterProcessKill(), position, outcome)
    }
  })

  it('is what it was when its newest file was filled while a flush waited for the device', async () => {
    const { index, disk } = bench()
    index.open(undefined, false)
    for (let at = 1; at <= 5; at++) put(index, at, [`id${at}`, 'all'])
    let goOn: () => void = () => undefined
    const held = new Promise<void>((resolve) => {
      goOn = resolve
    })
    const end = disk.delay(
      (op) => op.kind === 'datasync',
      () => held,
    )
    const flushing = index.flush(6)
    end()
    for (let at = 6; at <= 30; at++) put(index, at, [`id${at}`, 'all'])
    goOn()
    await flushing
    assert.deepEqual(await offsets(index, 'all'), newestFirst(30))
    await index.flush(31)
    const { position } = index
    const next = bench(disk.afterProcessKill()).index
    next.open(position, false)
    assert.deepEqual(await offsets(next, 'all'), newestFirst(30))
    for (let at = 1; at <= 30; at++) assert.deepEqual(await offsets(next, `id${at}`), [at])
  })

  it('keeps what is put while a flush waits for the device', async () => {
    const { index, disk } = bench(undefined, { slotCount: 7, entryCount: 100 })
    index.open(undefined, false)
    for (let at = 1; at <= 5; at++) put(index, at, [`id${at}`, 'all'])
    let goOn: () => void = () => undefined
    const held = new Promise<void>((resolve) => {
      goOn = resolve
    })
    const end = disk.delay(
      (op) => op.kind === 'datasync',
      () => held,
    )
    const flushing = index.flush(6)
    end()
    for (let at = 6; at <= 10; at++) put(index, at, [`id${at}`, 'all'])
    goOn()
    await flushing
    assert.equal(index.position.nextEntry, 11)
    const atFirst = bench(disk.afterPowerLoss('lost', new SeededRandom(1)), {
      slotCount: 7,
      entryCount: 100,
    }).index
    atFirst.open(index.position, true)
    assert.deepEqual(await offsets(atFirst, 'all'), newestFirst(5))
  })

  describe('a flush in slices', () => {
    const shape = { slotCount: 300 * 1024, entryCount: 450 }

    /** Flushes 300 messages, and puts ten more between the slices: `keysOf` says which keys the message at an offset has. */
    async function flushedInSlices(keysOf: (at: number) => readonly string[]): Promise<Bench> {
      const made = bench(undefined, shape)
      const { index, clock } = made
      index.open(undefined, false)
      for (let at = 1; at <= 300; at++) put(index, at, [`id${at}`])
      const flushing = index.flush(301)
      let at = 300
      const putBetween = (): void => {
        put(index, ++at, keysOf(at))
        if (at < 310) clock.endOfTurn(putBetween)
      }
      clock.endOfTurn(putBetween)
      await clock.settle()
      await flushing
      assert.equal(at, 310)
      return made
    }

    function afterPowerLoss({ disk, index }: Bench): IndexService {
      const next = bench(disk.afterPowerLoss('lost', new SeededRandom(1)), shape).index
      next.open(index.position, true)
      return next
    }

    it('saves what was there when it began, and leaves what is put meanwhile to the next', async () => {
      const keysOf = (at: number): string[] => [`id${at}`, `id${at - 300}`]
      const first = afterPowerLoss(await flushedInSlices(keysOf))
      assert.equal(first.nextOffset, 301)
      for (let at = 1; at <= 300; at++) assert.deepEqual(await offsets(first, `id${at}`), [at])

      const both = await flushedInSlices(keysOf)
      const flushing = both.index.flush(311)
      await both.clock.settle()
      await flushing
      const second = afterPowerLoss(both)
      for (let at = 1; at <= 10; at++) assert.deepEqual(await offsets(second, `id${at}`), [at + 300, at])
      for (let at = 11; at <= 310; at++) assert.deepEqual(await offsets(second, `id${at}`), [at])
    })

    it('is overtaken by the one that saves the file when it is full', async () => {
      const many = Array.from({ length: 200 }, (_, i) => `many${i}`)
      const rolled = await flushedInSlices((at) => (at === 302 ? many : [`id${at}`]))
      const next = afterPowerLoss(rolled)
      for (let at = 1; at <= 300; at++) assert.deepEqual(await offsets(next, `id${at}`), [at])
    })
  })

  it('is built again when its files have another shape, or the noted one is missing', async () => {
    const { index, disk } = bench()
    index.open(undefined, false)
    for (let at = 1; at <= 5; at++) put(index, at, ['all'])
    await index.flush(6)
    const other = bench(disk, { slotCount: 8, entryCount: 20 }).index
    other.open(index.position, false)
    assert.deepEqual([other.nextOffset, disk.listSync('/index')], [0, []])
    const gone = bench(disk).index
    gone.open(index.position, false)
    assert.equal(gone.nextOffset, 0)
  })

  it('believes what RocketMQ left by a clean stop, and nothing after a crash without a position', () => {
    const { index, disk } = bench()
    index.open(undefined, false)
    for (let at = 1; at <= 30; at++) put(index, at, ['all'])
    index.flushSync(31)
    const believed = bench(disk.afterProcessKill()).index
    believed.open(undefined, false)
    assert.equal(believed.nextOffset, 31)
    const doubted = bench(disk.afterProcessKill()).index
    doubted.open(undefined, true)
    assert.equal(doubted.nextOffset, 0)
  })

  it('deletes files of expired messages while a query reads them', async () => {
    const { index, disk } = bench()
    index.open(undefined, false)
    for (let at = 1; at <= 60; at++) put(index, at, ['all'])
    const asked = offsets(index, 'all')
    await index.deleteBefore(30)
    const found = await asked
    assert.deepEqual(found, newestFirst(60).slice(0, found.length))
    assert(found.length >= 31)
    assert.equal(disk.listSync('/index').length, 3)
    assert.deepEqual(await offsets(index, 'all'), newestFirst(41, 20))
  })
})

/** Opens at a position of 15 messages, and checks that others, of which only entries reach the disk, change nothing. */
async function checkCutAgain(disk: FaultyDisk, position: IndexPosition, outcome: string): Promise<void> {
  const { index } = bench(disk)
  index.open(position, true)
  for (let at = 16; at <= 30; at++) put(index, at, [`other${at}`, 'rest'])
  const end = disk.fail((op) => op.kind === 'datasync', 'EIO')
  await index.flush(31)
  end()
  const again = bench(disk.afterProcessKill()).index
  again.open(position, true)
  assert.deepEqual(await offsets(again, 'all'), newestFirst(15), outcome)
  for (let at = 1; at <= 15; at++) assert.deepEqual(await offsets(again, `id${at}`), [at], outcome)
}

/** Opens at a position of 15 messages, checks them, puts others in the place of the dropped ones, and checks all. */
async function checkRewound(disk: FaultyDisk, position: IndexPosition, outcome: string): Promise<void> {
  const { index } = bench(disk)
  index.open(position, true)
  assert.equal(index.nextOffset, 16, outcome)
  assert.deepEqual(await offsets(index, 'all'), newestFirst(15), outcome)
  for (let at = 1; at <= 15; at++) assert.deepEqual(await offsets(index, `id${at}`), [at], outcome)
  for (let at = 16; at <= 30; at++) put(index, at, [`other${at}`, 'rest', 'all'])
  assert.deepEqual(await offsets(index, 'all'), newestFirst(30), outcome)
  assert.deepEqual(await offsets(index, 'rest'), newestFirst(15, 16), outcome)
  index.flushSync(31)
  const again = bench(disk.afterPowerLoss('lost', new SeededRandom(1))).index
  again.open(index.position, true)
  assert.deepEqual(await offsets(again, 'all'), newestFirst(30), outcome)
  for (let at = 1; at <= 15; at++) assert.deepEqual(await offsets(again, `id${at}`), [at], outcome)
}
