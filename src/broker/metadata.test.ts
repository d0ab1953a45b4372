import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { FaultyDisk } from '../base/host/faulty-disk.ts'
import { SeededRandom } from '../base/host/seeded-random.ts'
import { VirtualClock } from '../base/host/virtual-clock.ts'
import { Turn } from '../base/turn.ts'
import type { FlushDiskType } from '../store/store-settings.ts'
import { testHost } from '../store/test-store.ts'
import { Metadata, type MetadataTable } from './metadata.ts'

/** A table of words. */
class Words implements MetadataTable {
  readonly fileName: string
  readonly journalKind: string
  readonly isVital: boolean
  words: string[] = []
  onChange: (text: string) => void = () => undefined

  constructor(journalKind: string, isVital: boolean) {
    this.fileName = `${journalKind}.json`
    this.journalKind = journalKind
    this.isVital = isVital
  }

  load(content: Buffer): void {
    this.words = JSON.parse(content.toString())
  }

  replay(text: string): void {
    if (!this.words.includes(text)) this.words.push(text)
  }

  encode(): Buffer {
    return Buffer.from(JSON.stringify(this.words))
  }

  add(word: string): void {
    this.words.push(word)
    this.onChange(word)
  }
}

/** Two tables, of which only the first is vital, as a broker that has just been started has them. */
function started(flushDiskType: FlushDiskType, disk?: FaultyDisk) {
  const clock = new VirtualClock(0)
  const faulty = disk ?? new FaultyDisk({ clock })
  // what the store has done by then
  faulty.mkdirSync('/store/ternmq')
  faulty.syncDirSync('/')
  faulty.syncDirSync('/store')
  const [vital, other] = [new Words('v', true), new Words('o', false)]
  const metadata = new Metadata({
    host: testHost(faulty, clock),
    turn: new Turn(clock),
    store: { rootDir: '/store', flushDiskType },
    tables: [vital, other],
  })
  metadata.open()
  return { vital, other, metadata, clock, disk: faulty }
}

/** What the tables hold after the loss of all that is not durable. */
function wordsAfterPowerLoss(disk: FaultyDisk): string[][] {
  const { vital, other } = started('SYNC_FLUSH', disk.afterPowerLoss('lost', new SeededRandom(1)))
  return [vital.words, other.words]
}

describe('Metadata', () => {
  it('has under SYNC_FLUSH made a vital change durable when the turn ends', async () => {
    const { vital, other, clock, disk } = started('SYNC_FLUSH')
    other.add('offset')
    await clock.settle()
    vital.add('topic')
    await clock.settle()
    assert.deepEqual(wordsAfterPowerLoss(disk), [['topic'], ['offset']])
  })

  it('makes vital changes durable soon under ASYNC_FLUSH, those that come meanwhile together', async () => {
    const { vital, clock, disk } = started('ASYNC_FLUSH')
    let go: () => void = () => undefined
    let syncCount = 0
    const until = new Promise<void>((resolve) => {
      go = resolve
    })
    disk.delay(
      ({ kind, path }) => kind === 'datasync' && path.includes('/journal/') && ++syncCount > 0,
      () => until,
    )
    for (const word of ['a', 'b', 'c', 'd']) {
      vital.add(word)
      await clock.advance(1)
    }
    go()
    await clock.settle()
    assert.equal(syncCount, 2)
    assert.deepEqual(wordsAfterPowerLoss(disk), [['a', 'b', 'c', 'd'], []])
  })

  it('keeps all that changes in one turn, however much that is', async () => {
    const { vital, clock, disk } = started('SYNC_FLUSH')
    const words = Array.from({ length: 3000 }, (_, i) => `größe ${i}`)
    for (const word of words) vital.add(word)
    await clock.settle()
    vital.add('one more')
    await clock.settle()
    assert.deepEqual(wordsAfterPowerLoss(disk)[0], [...words, 'one more'])
  })

  it('has everything durable after five seconds', async () => {
    const { other, clock, disk } = started('ASYNC_FLUSH')
    other.add('offset')
    await clock.advance(5001)
    assert.deepEqual(wordsAfterPowerLoss(disk), [[], ['offset']])
  })

  it('loses nothing to a kill (issue apache/rocketmq#3401: offsets that are unreadable after a crash)', async () => {
    const { vital, other, clock, disk } = started('ASYNC_FLUSH')
    vital.add('topic')
    other.add('old')
    await clock.advance(5001)
    other.add('new')
    await clock.advance(5001)
    // the newest generation is damaged: the one before is used, and what the journal has beyond it
    other.add('newest')
    await clock.settle()
    const killed = disk.afterProcessKill()
    killed.corrupt('/store/config/o.json', 0, 0xff)
    const next = started('ASYNC_FLUSH', killed)
    assert.deepEqual(next.vital.words, ['topic'])
    assert.deepEqual(next.other.words, ['old', 'newest'])
  })

  /** Two changes, and a disk that has no room for a new journal between them. */
  async function changedWithoutRoom() {
    const run = started('ASYNC_FLUSH')
    const end = run.disk.fail(({ kind, path }) => kind === 'open' && path.includes('/journal/'), 'ENOSPC')
    run.other.add('before')
    await run.clock.advance(5001)
    run.other.add('meanwhile')
    await run.clock.settle()
    return { ...run, end }
  }

  it('goes on with the journal it has while the disk has no room for a new one', async () => {
    const { disk } = await changedWithoutRoom()
    const { other } = started('ASYNC_FLUSH', disk.afterProcessKill())
    assert.deepEqual(other.words, ['before', 'meanwhile'])
  })

  it('writes its files as soon as there is room for a new journal', async () => {
    const { clock, disk, end } = await changedWithoutRoom()
    end()
    await clock.advance(5001)
    assert.deepEqual(wordsAfterPowerLoss(disk), [[], ['before', 'meanwhile']])
  })

  it('does not begin at nothing when all generations are damaged', async () => {
    const { other, clock, disk } = started('ASYNC_FLUSH')
    other.add('old')
    await clock.advance(5001)
    other.add('new')
    await clock.advance(5001)
    const killed = disk.afterProcessKill()
    for (const name of ['o.json', 'o.json.bak']) killed.corrupt(`/store/config/${name}`, 0, 0xff)
    assert.throws(() => started('ASYNC_FLUSH', killed))
  })
})
