import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { errnoOf } from '../errors.ts'
import { CrashError, type DiskOp } from './disk-faults.ts'
import { readText, syncFile, writeText } from './disk-text.ts'
import type { FaultyDisk } from './faulty-disk.ts'
import { SeededRandom } from './seeded-random.ts'
import { emptyDisk, putDurably } from './test-faulty-disk.ts'
import { VirtualClock } from './virtual-clock.ts'

const random = new SeededRandom('faulty disk')

describe('FaultyDisk on a crash', () => {
  /** Three ops after the two that make the empty disk: create, write, datasync. */
  function life(disk: FaultyDisk): void {
    const file = disk.openSync('/d/f', 'create')
    file.writeSync([Buffer.from('abcd'), Buffer.from('efgh')], 0)
    file.datasyncSync()
    file.closeSync()
  }

  it('dies at the op it is told, before, within or after it', () => {
    const left = (index: number, share: number): string | undefined => {
      const disk = emptyDisk()
      disk.crashAt(2 + index, share)
      assert.throws(() => life(disk), CrashError)
      assert.equal(disk.hasCrashed, true)
      assert.throws(() => disk.listSync('/d'), CrashError)
      return readText(disk.afterProcessKill(), '/d/f')
    }
    assert.equal(left(0, 0), undefined)
    assert.equal(left(0, 1), '')
    assert.equal(left(1, 0), '')
    assert.equal(left(1, 0.01), '')
    assert.equal(left(1, 0.7), 'abcde')
    assert.equal(left(1, 1), 'abcdefgh')
    assert.equal(left(2, 0.5), 'abcdefgh')
  })

  it('refuses every later call, also of open handles and pending promises, but lets them close', async () => {
    const disk = emptyDisk()
    const file = disk.openSync('/d/f', 'create')
    let release = (): void => undefined
    disk.delay(
      (op) => op.kind === 'datasync',
      () => new Promise((resolve) => (release = resolve)),
    )
    const synced = file.datasync()
    disk.crash()
    release()
    await assert.rejects(synced, CrashError)
    await assert.rejects(file.write([Buffer.from('x')], 0), CrashError)
    await assert.rejects(disk.unlink('/d/f'), CrashError)
    assert.throws(() => file.readSync(Buffer.alloc(1), 0), CrashError)
    assert.throws(() => disk.openSync('/d/f', 'read'), CrashError)
    assert.throws(() => disk.mkdirSync('/d'), CrashError)
    file.closeSync()
  })

  it('hands the next process what was not durable yet as not durable yet', () => {
    const disk = emptyDisk()
    writeText(disk, '/d/f', 'text')
    const next = disk.afterProcessKill()
    assert.equal(readText(next, '/d/f'), 'text')
    assert.equal(readText(next.afterPowerLoss('lost', random), '/d/f'), undefined)
    const synced = disk.afterProcessKill()
    syncFile(synced, '/d/f')
    synced.syncDirSync('/d')
    assert.equal(readText(synced.afterPowerLoss('lost', random), '/d/f'), 'text')
  })

  it('keeps the disks that one crash leaves apart from each other', () => {
    const disk = emptyDisk()
    putDurably(disk, '/d/f', 'text')
    const [one, other] = [disk.afterProcessKill(), disk.afterPowerLoss('lost', random)]
    writeText(one, '/d/f', 'ONE')
    writeText(other, '/d/f', 'two')
    assert.deepEqual([readText(one, '/d/f'), readText(other, '/d/f')], ['ONEt', 'twot'])
  })

  it('lets a lock die with its process', () => {
    const disk = emptyDisk()
    disk.lockSync('/d/lock')
    disk.afterProcessKill().lockSync('/d/lock').release()
  })

  it('counts and records changing calls with the line that made them', () => {
    const disk = emptyDisk({ record: true })
    life(disk)
    disk.renameSync('/d/f', '/d/g')
    const told = disk.ops.map(({ index, kind, path, to, sizeBytes }) => [index, kind, path, to, sizeBytes])
    assert.deepEqual(told, [
      [0, 'mkdir', 'd', '', 0],
      [1, 'syncDir', '/', '', 0],
      [2, 'create', '/d/f', '', 0],
      [3, 'write', '/d/f', '', 8],
      [4, 'datasync', '/d/f', '', 0],
      [5, 'rename', '/d/f', '/d/g', 0],
    ])
    assert.equal(disk.opCount, 6)
    for (const { site } of disk.ops) assert.match(site, /^base\/host\/faulty-disk\.test\.[jt]s:\d+$/)
    const sites = disk.ops.map(({ site }) => site)
    assert.equal(new Set(sites.slice(1)).size, 5, 'only the two ops of emptyDisk share a call')
  })
})

describe('FaultyDisk under faults', () => {
  const isSync = (op: DiskOp): boolean => op.kind === 'datasync'

  it('never saves by a later datasync what a failed one should have saved', () => {
    const disk = emptyDisk()
    putDurably(disk, '/d/f', 'durable')
    writeText(disk, '/d/f', 'BAD')
    const stop = disk.fail(isSync, 'EIO')
    assert.throws(() => syncFile(disk, '/d/f'), { code: 'EIO' })
    stop()
    writeText(disk, '/d/f', 'good', 7)
    syncFile(disk, '/d/f')
    assert.equal(readText(disk, '/d/f'), 'BADablegood')
    assert.equal(readText(disk.afterPowerLoss('lost', random), '/d/f'), 'durablegood')
    assert.equal(readText(disk.afterPowerLoss('kept', random), '/d/f'), 'BADablegood')
  })

  it('fails any call that it is asked to, without effect', async () => {
    const disk = emptyDisk()
    writeText(disk, '/d/f', 'text')
    disk.fail((op) => op.kind === 'write' && op.index >= 5, 'ENOSPC')
    disk.fail((op) => op.kind === 'read', 'EIO')
    disk.fail((op) => op.kind === 'open' && op.path === '/d/secret', 'EACCES')
    disk.fail((op) => op.kind === 'rename' && op.to === '/d/g', 'EROFS')
    const file = disk.openSync('/d/f', 'write')
    file.writeSync([Buffer.from('T')], 0)
    await assert.rejects(file.write([Buffer.from('x')], 0), { code: 'ENOSPC' })
    await assert.rejects(file.read(Buffer.alloc(1), 0), { code: 'EIO' })
    assert.throws(() => disk.openSync('/d/secret', 'create'), { code: 'EACCES' })
    assert.throws(() => disk.renameSync('/d/f', '/d/g'), { code: 'EROFS' })
    assert.deepEqual(disk.listSync('/d'), ['f'])
  })

  it('writes short on a full disk, then not at all, and again when there is room', () => {
    const disk = emptyDisk({ capacityBytes: 3 * 4096 })
    const file = disk.openSync('/d/f', 'create')
    const bytes = Buffer.alloc(5000, 1)
    assert.equal(file.writeSync([bytes, bytes, bytes], 0), 3 * 4096)
    assert.equal(disk.space('/d').freeBytes, 0)
    assert.throws(() => file.writeSync([bytes], 3 * 4096), { code: 'ENOSPC' })
    assert.equal(file.writeSync([bytes], 0), 5000)
    assert.equal(file.sizeSync(), 3 * 4096)
    writeText(disk, '/d/empty', '')
    disk.capacityBytes = 5 * 4096
    assert.equal(file.writeSync([bytes], 3 * 4096), 5000)
    file.truncateSync(1)
    assert.equal(disk.space('/d').freeBytes, 4 * 4096)
    disk.unlinkSync('/d/f')
    assert.equal(disk.space('/d').freeBytes, 4 * 4096)
    file.closeSync()
    assert.equal(disk.space('/d').freeBytes, 5 * 4096)
  })

  it('writes short where it is asked to, and that part is what a sync saves', () => {
    const disk = emptyDisk()
    const stop = disk.shorten((op) => op.kind === 'write', 3)
    const file = disk.openSync('/d/f', 'create')
    assert.equal(file.writeSync([Buffer.from('ab'), Buffer.from('cdef')], 0), 3)
    stop()
    file.datasyncSync()
    disk.syncDirSync('/d')
    assert.equal(readText(disk.afterPowerLoss('lost', random), '/d/f'), 'abc')
  })

  it('holds a datasync open, which then covers only what was written before it', async () => {
    const disk = emptyDisk()
    const file = disk.openSync('/d/f', 'create')
    disk.syncDirSync('/d')
    let release = (): void => undefined
    const stop = disk.delay(isSync, () => new Promise((resolve) => (release = resolve)))
    assert.throws(() => file.datasyncSync(), /a synchronous datasync of \/d\/f cannot be delayed/)
    file.writeSync([Buffer.from('before')], 0)
    let isDone = false
    const synced = file.datasync().then(() => (isDone = true))
    file.writeSync([Buffer.from('after')], 6)
    await Promise.resolve()
    assert.equal(isDone, false)
    stop()
    release()
    await synced
    assert.equal(readText(disk.afterPowerLoss('lost', random), '/d/f'), 'before')
  })

  it('lets a slow call fail, and take its time on a virtual clock', async () => {
    const clock = new VirtualClock(0)
    const disk = emptyDisk({ clock })
    const file = disk.openSync('/d/f', 'create')
    disk.syncDirSync('/d')
    file.writeSync([Buffer.from('lost')], 0)
    const broken = Object.assign(new Error('the device is gone'), { code: 'EIO' })
    disk.delay(isSync, () => new Promise((_, reject) => clock.after(5000, () => reject(broken))))
    let errno: string | undefined
    void file.datasync().catch((error) => {
      errno = errnoOf(error)
    })
    await clock.advance(4999)
    assert.equal(errno, undefined)
    await clock.advance(1)
    assert.equal(errno, 'EIO')
    assert.equal(readText(disk.afterPowerLoss('lost', random), '/d/f'), '')
  })

  it('makes the sync of a directory final when it fails', () => {
    const disk = emptyDisk()
    writeText(disk, '/d/f', 'text')
    const stop = disk.fail((op) => op.kind === 'syncDir', 'EIO')
    assert.throws(() => disk.syncDirSync('/d'), { code: 'EIO' })
    stop()
    disk.syncDirSync('/d')
    assert.equal(readText(disk.afterPowerLoss('lost', random), '/d/f'), undefined)
  })

  it('flips bits in what is read now and in what is left later', () => {
    const disk = emptyDisk()
    putDurably(disk, '/d/f', 'aaa')
    writeText(disk, '/d/f', 'bbb', 3)
    const before = disk.statSync('/d/f')
    const other = disk.afterProcessKill()
    disk.corrupt('/d/f', 1, 3)
    disk.corrupt('/d/f', 4, 1)
    assert.equal(readText(disk.afterProcessKill(), '/d/f'), 'ababcb')
    assert.equal(readText(disk.afterPowerLoss('lost', random), '/d/f'), 'aba')
    assert.equal(readText(other, '/d/f'), 'aaabbb')
    assert.equal(other.statSync('/d/f')?.modifiedMs, before?.modifiedMs)
    assert.throws(() => disk.corrupt('/d/none', 0, 1), { code: 'ENOENT' })
  })

  it('gives files the time of its clock', async () => {
    const clock = new VirtualClock(1_000_000)
    const disk = emptyDisk({ clock })
    writeText(disk, '/d/f', 'text')
    await clock.advance(500)
    assert.equal(disk.statSync('/d/f')?.modifiedMs, 1_000_000)
    writeText(disk, '/d/f', 'TEXT')
    assert.equal(disk.statSync('/d/f')?.modifiedMs, 1_000_500)
  })
})
