import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { gunzipSync, inflateSync } from 'node:zlib'
import { MemoryDisk } from '../base/host/memory-disk.ts'
import { RealDisk } from '../base/host/real-disk.ts'
import { VirtualClock } from '../base/host/virtual-clock.ts'
import type { Disk } from '../base/host.ts'
import { int32At, int64At } from '../protocol/big-endian.ts'
import { RecordScan } from '../protocol/record-scan.ts'
import { LogWalk } from './log-walk.ts'
import { type ArchiveEntry, filesBelow, readArchive, unpack } from './test-archive.ts'
import { keyOffsets } from './test-history.ts'
import { TEST_START_MS, TestStore, testHost, testSettings } from './test-store.ts'

const FIXTURES = new URL('../../test/fixtures/store-5x/', import.meta.url)
const STORES = ['store-clean', 'store-kill9', 'store-torn'] as const

type StoreName = (typeof STORES)[number]

interface Manifest {
  readonly stores: Record<
    StoreName,
    {
      readonly expectedEndAfterRecovery: number
      readonly messagesBelowEnd: number
      readonly maxOffsetPerQueue: Record<string, Record<string, number>>
    }
  >
}

interface SentLine {
  readonly kind: string
  readonly topic: string
  readonly keys: string
  readonly bodySha256: string
  readonly queueId: number
  readonly queueOffset: number
  readonly msgId: string
}

const manifest: Manifest = JSON.parse(readFileSync(new URL('manifest.json', FIXTURES), 'utf8'))
const sentLines: SentLine[] = gunzipSync(readFileSync(new URL('sent.jsonl.gz', FIXTURES)))
  .toString()
  .trim()
  .split('\n')
  .map((line) => JSON.parse(line))

/** The store's files; its timers are not ours to read, and large. */
function entriesOf(name: StoreName): ArchiveEntry[] {
  const entries = readArchive(readFileSync(new URL(`${name}.tar.gz`, FIXTURES)))
  return entries.filter(({ path }) => !path.startsWith('timer'))
}

function storeOn(disk: Disk, rootDir: string): TestStore {
  const settings = testSettings({
    ...{ rootDir, commitLogDir: `${rootDir}/commitlog`, commitLogFileBytes: 1_048_576 },
    ...{ consumeQueueFileBytes: 6000, index: { slotCount: 100, entryCount: 400 } },
    // the fixture is older than any reservation
    retention: { ...testSettings().retention, fileReservedHours: 1_000_000 },
  })
  return new TestStore(testHost(disk), settings)
}

/** The store in memory, with what a test does to it before it is opened. */
function openFixture(name: StoreName, prepare: (disk: Disk) => void = () => undefined): TestStore {
  const disk = new MemoryDisk({ clock: new VirtualClock(TEST_START_MS) })
  unpack(entriesOf(name), disk, '/store')
  prepare(disk)
  const test = storeOn(disk, '/store')
  test.store.open()
  return test
}

/** Where a message that a client sent first stood: delayed ones, timers and halves of transactions wait in queues of the broker. */
function placeOf({ kind, topic, queueId, queueOffset }: SentLine): {
  topic: string
  queueId: number
  offset: number
} {
  if (kind.startsWith('timer')) return { topic: 'rmq_sys_wheel_timer', queueId: 0, offset: queueOffset }
  if (kind.startsWith('tx')) return { topic: 'RMQ_SYS_TRANS_HALF_TOPIC', queueId: 0, offset: queueOffset }
  const level = /^delay-level-(\d+)/.exec(kind)?.[1]
  if (level) return { topic: 'SCHEDULE_TOPIC_XXXX', queueId: Number(level) - 1, offset: queueOffset }
  return { topic, queueId, offset: queueOffset }
}

/** The body's SHA-256 as the client had it, and where the record is; undefined when the queue does not reach so far. */
async function read(
  test: TestStore,
  place: ReturnType<typeof placeOf>,
): Promise<{ sha256: string; at: number } | undefined> {
  const { reader, queues } = test.store
  const queue = queues.existing(place.topic, place.queueId)
  assert(queue, `${place.topic}/${place.queueId} is missing`)
  const request = { queueOffset: place.offset, countMax: 1, bytesMax: 1, filter: undefined }
  while (reader.read(queue, request) === 'loading') await reader.load()
  if (reader.status === 'OFFSET_OVERFLOW_ONE' || reader.status === 'OFFSET_OVERFLOW_BADLY') return undefined
  const bytes = Buffer.alloc(reader.slices.bytes)
  reader.slices.copyTo(bytes, 0)
  const scan = new RecordScan()
  const at = Number(bytes.readBigInt64BE(28))
  assert.equal(scan.read(bytes, 0, bytes.length, at), 'message', scan.reason)
  assert.deepEqual([scan.topic, scan.queueId, scan.queueOffset], [place.topic, place.queueId, place.offset])
  const body = bytes.subarray(scan.bodyAt, scan.bodyEnd)
  const whole = (scan.sysFlag & 1) !== 0 ? inflateSync(body) : body
  return { sha256: createHash('sha256').update(whole).digest('hex'), at }
}

/**
 * Everything the manifest and the client say of a store.
 * @param everyNth of so many messages one is looked for by its keys
 */
async function checkStore(test: TestStore, name: StoreName, everyNth = 10): Promise<void> {
  const { expectedEndAfterRecovery, messagesBelowEnd, maxOffsetPerQueue } = manifest.stores[name]
  const { store } = test
  assert.equal(store.log.end, expectedEndAfterRecovery)
  const walk = new LogWalk(store.log.files, 0)
  while (walk.next());
  assert.deepEqual([walk.end, walk.recordCount], [expectedEndAfterRecovery, messagesBelowEnd])
  for (const [topic, queues] of Object.entries(maxOffsetPerQueue)) {
    for (const [queueId, maxOffset] of Object.entries(queues)) {
      assert.equal(store.queues.existing(topic, Number(queueId))?.maxOffset, maxOffset, `${topic}/${queueId}`)
    }
  }
  for (const [index, line] of sentLines.entries()) {
    const isLater = line.kind.startsWith('second-run') && name === 'store-clean'
    const found = isLater ? undefined : await read(test, placeOf(line))
    if (!found) {
      assert(
        line.kind.startsWith('second-run') && name !== 'store-kill9',
        `${JSON.stringify(line)} is missing`,
      )
      continue
    }
    assert.equal(found.sha256, line.bodySha256, JSON.stringify(line))
    if (index % everyNth === 0) await checkKeys(test, line, found.at)
  }
}

/** Whether the index leads to a message by its unique key and by each of its keys. */
async function checkKeys(test: TestStore, line: SentLine, at: number): Promise<void> {
  const { topic } = placeOf(line)
  // messages of a batch have two unique keys, of which the last counts: that of the whole batch
  const uniqueKeys = line.kind.startsWith('batch') ? [] : [line.msgId]
  for (const key of [...uniqueKeys, ...line.keys.split(' ')]) {
    if (key === 'common') continue
    assert((await keyOffsets(test, topic, key)).includes(at), `${topic}#${key} does not lead to ${at}`)
  }
}

/** Files that RocketMQ and we have in common. */
function commonFiles(test: TestStore, folders: readonly string[]): Map<string, string> {
  const files = filesBelow(test.host.disk, '/store')
  const common = [...files].filter(([path]) => folders.some((folder) => path.startsWith(`/${folder}/`)))
  return new Map(common.map(([path, bytes]) => [path, createHash('sha256').update(bytes).digest('hex')]))
}

function remove(disk: Disk, path: string): void {
  if (!disk.statSync(path)?.isDirectory) {
    disk.unlinkSync(path)
    return
  }
  for (const name of disk.listSync(path)) remove(disk, `${path}/${name}`)
  disk.rmdirSync(path)
}

/** All entries of the index, file by file: what it says of itself, and hash, offset and seconds of each. */
function indexContent(test: TestStore): unknown[] {
  const files = filesBelow(test.host.disk, '/store/index')
  return [...files.values()].map((bytes) => {
    const header = [0, 8, 16, 24].map((at) => int64At(bytes, at))
    const entries = []
    for (let number = 1; number < int32At(bytes, 36); number++) {
      const at = 40 + 100 * 4 + number * 20
      entries.push([
        int32At(bytes, at),
        int64At(bytes, at + 4),
        int32At(bytes, at + 12),
        int32At(bytes, at + 16),
      ])
    }
    return { header, slots: int32At(bytes, 32), count: int32At(bytes, 36), entries }
  })
}

describe('A store that RocketMQ 5.3.3 wrote', () => {
  it('opens after a clean stop with all its messages, and is not changed', async () => {
    let before = new Map<string, string>()
    const test = openFixture('store-clean', (disk) => {
      before = commonFiles(storeOn(disk, '/store'), ['commitlog', 'consumequeue', 'index'])
    })
    const { wasCleanStop, cut, wereQueuesRebuilt } = test.store.recovery ?? {}
    assert.deepEqual([wasCleanStop, cut, wereQueuesRebuilt], [true, undefined, false])
    await checkStore(test, 'store-clean', 1)
    assert.deepEqual(commonFiles(test, ['commitlog', 'consumequeue', 'index']), before)
    await test.store.close()
    assert.deepEqual(commonFiles(test, ['commitlog', 'consumequeue', 'index']), before)
  })

  it('opens after kill -9 with all its messages', async () => {
    const test = openFixture('store-kill9')
    assert.deepEqual([test.store.recovery?.wasCleanStop, test.store.recovery?.cut], [false, undefined])
    await checkStore(test, 'store-kill9')
    await test.store.close()
  })

  it('is cut at a bad record, with a report and a copy of what stood behind', async () => {
    let original: Buffer = Buffer.alloc(0)
    const test = openFixture('store-torn', (disk) => {
      original = filesBelow(disk, '/store/commitlog').get('/00000000000001048576') ?? original
    })
    const { cut } = test.store.recovery ?? {}
    const at = manifest.stores['store-torn'].expectedEndAfterRecovery
    assert(cut)
    assert.deepEqual([cut.offset, cut.reason, cut.recordCount], [at, 'body CRC', 2])
    const within = at - 1_048_576
    const behind = original.subarray(within, within + cut.bytes)
    const name = cut.copiedTo.slice('/store/ternmq/cut'.length)
    assert.deepEqual(filesBelow(test.host.disk, '/store/ternmq/cut').get(name), behind)
    const now = filesBelow(test.host.disk, '/store/commitlog').get('/00000000000001048576')
    assert.deepEqual(now?.subarray(0, within), original.subarray(0, within))
    assert(
      now?.subarray(within).every((byte) => byte === 0),
      'zeros behind the cut',
    )
    assert(
      original.subarray(within + cut.bytes).every((byte) => byte === 0),
      'nothing was left out',
    )
    await checkStore(test, 'store-torn')
    assert.equal((await test.send({ topic: 'F_NORMAL', queueId: 2, body: 'new' })).queueOffset, 361)
    await test.store.close()
  })

  for (const name of STORES) {
    it(`gets its queues and index again from the log alone: ${name}`, async () => {
      const kept = openFixture(name)
      const rebuilt = openFixture(name, (disk) => {
        remove(disk, '/store/consumequeue')
        remove(disk, '/store/index')
      })
      await checkStore(rebuilt, name)
      await Promise.all([kept.store.close(), rebuilt.store.close()])
      const queues = commonFiles(rebuilt, ['consumequeue'])
      assert.deepEqual(queues, commonFiles(kept, ['consumequeue']))
      assert.equal(queues.size, 21)
      assert.deepEqual(indexContent(rebuilt), indexContent(kept))
    })
  }

  it('opens in a folder of the machine as in memory', async (t) => {
    const dir = mkdtempSync(join(tmpdir(), 'ternmq-'))
    t.after(() => rmSync(dir, { recursive: true }))
    const disk = new RealDisk()
    unpack(entriesOf('store-torn'), disk, dir)
    const test = storeOn(disk, dir)
    test.store.open()
    await checkStore(test, 'store-torn')
    await test.store.close()
  })

  it('is taken over for good: what we add is there after our own clean stop and after a kill', async () => {
    const first = openFixture('store-kill9')
    await first.send({ topic: 'F_NORMAL', queueId: 0, body: 'ours', properties: { KEYS: 'ours' } })
    await first.store.close()
    const second = storeOn(first.host.disk, '/store')
    assert.equal(second.store.open().scannedRecords, 0)
    assert.deepEqual(await second.bodies('F_NORMAL', 0, 361), ['ours'])
    assert.equal((await keyOffsets(second, 'F_NORMAL', 'ours')).length, 1)
    await second.store.close()
  })
})
