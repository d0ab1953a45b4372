import assert from 'node:assert/strict'
import { describe, it, type TestContext } from 'node:test'
import { errnoOf, MqError } from '../errors.ts'
import type { Disk, File } from '../host.ts'
import { readText, textOf, writeText } from './disk-text.ts'
import { below } from './random-range.ts'
import { SeededRandom } from './seeded-random.ts'

/** A disk under test and an existing empty directory on it. */
export interface DiskSetup {
  readonly disk: Disk
  readonly root: string
}

export type DiskMaker = (t: TestContext) => DiskSetup

/** What every disk promises, real or simulated. `makeDisk` removes what it made by `t.after`. */
export function diskContract(name: string, makeDisk: DiskMaker): void {
  describe(name, () => {
    describe('names', () => namesContract(makeDisk))
    describe('renames and removals', () => removalContract(makeDisk))
    describe('bytes', () => bytesContract(makeDisk))
    describe('sizes', () => sizesContract(makeDisk))
    describe('handles', () => handlesContract(makeDisk))
    describe('lock', () => lockContract(makeDisk))
  })
}

function namesContract(makeDisk: DiskMaker): void {
  it('makes directories with their parents, and again', async (t) => {
    const { disk, root } = makeDisk(t)
    disk.mkdirSync(`${root}/a/b/c`)
    disk.mkdirSync(`${root}/a/b/c`)
    assert.equal(disk.statSync(`${root}/a/b/c`)?.isDirectory, true)
    disk.syncDirSync(`${root}/a/b`)
    await disk.syncDir(`${root}/a/b`)
  })

  it('lists sorted by code unit, nothing where there is no directory', async (t) => {
    const { disk, root } = makeDisk(t)
    for (const name of ['b', 'a', 'B', '10', '9', 'é']) writeText(disk, `${root}/${name}`, '')
    assert.deepEqual(disk.listSync(root), ['10', '9', 'B', 'a', 'b', 'é'])
    assert.deepEqual(await disk.list(root), ['10', '9', 'B', 'a', 'b', 'é'])
    assert.deepEqual(disk.listSync(`${root}/none`), [])
    assert.deepEqual(await disk.list(`${root}/none`), [])
  })

  it('opens a missing file only to create it, with 0 bytes', (t) => {
    const { disk, root } = makeDisk(t)
    assert.equal(errnoOf(thrownBy(() => disk.openSync(`${root}/f`, 'read'))), 'ENOENT')
    assert.equal(errnoOf(thrownBy(() => disk.openSync(`${root}/f`, 'write'))), 'ENOENT')
    assert.equal(errnoOf(thrownBy(() => disk.openSync(`${root}/none/f`, 'create'))), 'ENOENT')
    assert.equal(disk.statSync(`${root}/f`), undefined)
    disk.openSync(`${root}/f`, 'create').closeSync()
    assert.equal(disk.statSync(`${root}/f`)?.sizeBytes, 0)
  })

  it('keeps the content of a file that is opened to create it', (t) => {
    const { disk, root } = makeDisk(t)
    writeText(disk, `${root}/f`, 'kept')
    disk.openSync(`${root}/f`, 'create').closeSync()
    assert.equal(readText(disk, `${root}/f`), 'kept')
  })

  it('tells size and kind', (t) => {
    const { disk, root } = makeDisk(t)
    writeText(disk, `${root}/f`, 'hello')
    const stat = disk.statSync(`${root}/f`)
    assert.equal(stat?.sizeBytes, 5)
    assert.equal(stat?.isDirectory, false)
    assert.ok(Number.isInteger(stat?.modifiedMs))
  })

  it('refuses paths through a file and syncs of directories that are not there', (t) => {
    const { disk, root } = makeDisk(t)
    writeText(disk, `${root}/f`, '')
    assert.equal(errnoOf(thrownBy(() => disk.openSync(`${root}/f/g`, 'create'))), 'ENOTDIR')
    assert.equal(errnoOf(thrownBy(() => disk.mkdirSync(`${root}/f/g`))), 'ENOTDIR')
    assert.equal(errnoOf(thrownBy(() => disk.mkdirSync(`${root}/f`))), 'EEXIST')
    assert.equal(errnoOf(thrownBy(() => disk.listSync(`${root}/f`))), 'ENOTDIR')
    assert.equal(errnoOf(thrownBy(() => disk.syncDirSync(`${root}/none`))), 'ENOENT')
  })

  it('tells its space', (t) => {
    const { disk, root } = makeDisk(t)
    const { totalBytes, freeBytes } = disk.space(root)
    assert.ok(totalBytes > 0 && freeBytes >= 0 && freeBytes <= totalBytes)
    assert.equal(errnoOf(thrownBy(() => disk.space(`${root}/none`))), 'ENOENT')
  })
}

function removalContract(makeDisk: DiskMaker): void {
  it('renames, replacing what is there', (t) => {
    const { disk, root } = makeDisk(t)
    writeText(disk, `${root}/old`, 'old')
    writeText(disk, `${root}/new`, 'new')
    disk.renameSync(`${root}/new`, `${root}/old`)
    assert.deepEqual(disk.listSync(root), ['old'])
    assert.equal(readText(disk, `${root}/old`), 'new')
  })

  it('renames directories, and into another directory', (t) => {
    const { disk, root } = makeDisk(t)
    disk.mkdirSync(`${root}/a`)
    disk.mkdirSync(`${root}/b`)
    writeText(disk, `${root}/a/f`, 'text')
    disk.renameSync(`${root}/a`, `${root}/b/c`)
    assert.equal(readText(disk, `${root}/b/c/f`), 'text')
    assert.equal(disk.statSync(`${root}/a`), undefined)
  })

  it('refuses renames that cannot be', (t) => {
    const { disk, root } = makeDisk(t)
    disk.mkdirSync(`${root}/dir/sub`)
    writeText(disk, `${root}/f`, '')
    const errnos = [
      ['none', 'x'],
      ['f', 'none/x'],
      ['f', 'dir'],
      ['dir', 'f'],
      ['dir', 'dir/sub/x'],
    ].map(([from, to]) => errnoOf(thrownBy(() => disk.renameSync(`${root}/${from}`, `${root}/${to}`))))
    assert.deepEqual(errnos, ['ENOENT', 'ENOENT', 'EISDIR', 'ENOTDIR', 'EINVAL'])
    assert.deepEqual(disk.listSync(root), ['dir', 'f'])
  })

  it('unlinks files, at once and off the loop', async (t) => {
    const { disk, root } = makeDisk(t)
    writeText(disk, `${root}/a`, '')
    writeText(disk, `${root}/b`, '')
    disk.unlinkSync(`${root}/a`)
    await disk.unlink(`${root}/b`)
    assert.deepEqual(disk.listSync(root), [])
    assert.equal(errnoOf(thrownBy(() => disk.unlinkSync(`${root}/a`))), 'ENOENT')
    await assert.rejects(disk.unlink(`${root}/b`), { code: 'ENOENT' })
  })

  it('removes empty directories only', (t) => {
    const { disk, root } = makeDisk(t)
    disk.mkdirSync(`${root}/a/b`)
    assert.equal(errnoOf(thrownBy(() => disk.rmdirSync(`${root}/a`))), 'ENOTEMPTY')
    disk.rmdirSync(`${root}/a/b`)
    disk.rmdirSync(`${root}/a`)
    assert.deepEqual(disk.listSync(root), [])
    assert.equal(errnoOf(thrownBy(() => disk.rmdirSync(`${root}/a`))), 'ENOENT')
  })

  it('lets an open file live on when its name is gone or renamed', (t) => {
    const { disk, root } = makeDisk(t)
    const file = openAt(t, disk, `${root}/f`)
    file.writeSync([Buffer.from('one')], 0)
    disk.renameSync(`${root}/f`, `${root}/g`)
    disk.unlinkSync(`${root}/g`)
    file.writeSync([Buffer.from('two')], 3)
    assert.equal(textOf(file), 'onetwo')
  })
}

function bytesContract(makeDisk: DiskMaker): void {
  it('writes buffers one behind the other, at once and off the loop', async (t) => {
    const { disk, root } = makeDisk(t)
    const file = openAt(t, disk, `${root}/f`)
    assert.equal(file.writeSync([Buffer.from('ab'), Buffer.alloc(0), Buffer.from('c')], 0), 3)
    assert.equal(await file.write([Buffer.from('de'), Buffer.from('f')], 3), 3)
    assert.equal(await file.write([Buffer.from('g')], 6), 1)
    assert.equal(file.writeSync([], 7), 0)
    assert.equal(await file.write([], 7), 0)
    assert.equal(textOf(file), 'abcdefg')
  })

  it('takes more buffers than one system call does', async (t) => {
    const { disk, root } = makeDisk(t)
    const file = openAt(t, disk, `${root}/f`)
    const buffers = Array.from({ length: 2500 }, (_, at) => Buffer.from([at % 251]))
    assert.equal(file.writeSync(buffers, 0), 2500)
    assert.equal(await file.write(buffers, 2500), 2500)
    const bytes = Buffer.alloc(5000)
    assert.equal(file.readSync(bytes, 0), 5000)
    assert.deepEqual(bytes, Buffer.concat([...buffers, ...buffers]))
  })

  it('reads zeros in gaps and fewer bytes only at the end', async (t) => {
    const { disk, root } = makeDisk(t)
    const file = openAt(t, disk, `${root}/f`)
    file.writeSync([Buffer.from('x')], 10_000)
    assert.equal(file.sizeSync(), 10_001)
    const target = Buffer.alloc(8, 7)
    assert.equal(file.readSync(target, 9_995), 6)
    assert.deepEqual([...target], [0, 0, 0, 0, 0, 120, 7, 7])
    assert.equal(await file.read(target, 9_999), 2)
    assert.equal(file.readSync(target, 10_001), 0)
    assert.equal(await file.read(target, 20_000), 0)
  })
}

function sizesContract(makeDisk: DiskMaker): void {
  it('cuts and extends, with zeros where bytes were', (t) => {
    const { disk, root } = makeDisk(t)
    const file = openAt(t, disk, `${root}/f`)
    file.writeSync([Buffer.alloc(10_000, 1)], 0)
    file.truncateSync(4)
    file.truncateSync(2 ** 30)
    assert.equal(file.sizeSync(), 2 ** 30)
    const target = Buffer.alloc(6)
    assert.equal(file.readSync(target, 2), 6)
    assert.deepEqual([...target], [1, 1, 0, 0, 0, 0])
    file.readSync(target, 2 ** 30 - 6)
    assert.deepEqual([...target], [0, 0, 0, 0, 0, 0])
  })

  it('tells where data ends, in a sparse file too', (t) => {
    const { disk, root } = makeDisk(t)
    const path = `${root}/f`
    assert.equal(errnoOf(thrownBy(() => disk.dataEndSync(path, 0))), 'ENOENT')
    const file = openAt(t, disk, path)
    assert.equal(disk.dataEndSync(path, 0), 0)
    file.writeSync([Buffer.from('begin')], 0)
    file.truncateSync(3 * 2 ** 20 + 1234)
    assert.equal(disk.dataEndSync(path, 0), 5)
    assert.equal(disk.dataEndSync(path, 3), 5)
    assert.equal(disk.dataEndSync(path, 5), 5)
    assert.equal(disk.dataEndSync(path, 2 ** 20), 2 ** 20)
    for (const at of [8191, 8192, 400_000, 2 ** 20, 3 * 2 ** 20 + 1233]) {
      file.writeSync([Buffer.from([1])], at)
      for (const from of [0, 4097, at]) assert.equal(disk.dataEndSync(path, Math.min(from, at)), at + 1)
      assert.equal(disk.dataEndSync(path, at + 1), at + 1)
    }
  })

  it('holds what a plain buffer would hold, whatever is written and cut', (t) => {
    const { disk, root } = makeDisk(t)
    for (let seed = 1; seed <= 10; seed++) {
      const random = new SeededRandom(seed)
      const file = openAt(t, disk, `${root}/f${seed}`)
      let model = Buffer.alloc(0)
      for (let round = 0; round < 40; round++) {
        const position = below(random, 30_000)
        if (below(random, 4) === 0) {
          file.truncateSync(position)
          model = resized(model, position)
        } else {
          const bytes = random.bytes(below(random, 12_000))
          file.writeSync([bytes.subarray(0, 100), bytes.subarray(100)], position)
          if (bytes.length > 0) model = resized(model, Math.max(model.length, position + bytes.length))
          bytes.copy(model, position)
        }
      }
      const found = Buffer.alloc(file.sizeSync())
      assert.equal(file.readSync(found, 0), model.length, `seed ${seed}`)
      assert.deepEqual(found, model, `seed ${seed}`)
    }
  })
}

function handlesContract(makeDisk: DiskMaker): void {
  it('shows every handle what another one writes', (t) => {
    const { disk, root } = makeDisk(t)
    const writer = openAt(t, disk, `${root}/f`)
    const reader = disk.openSync(`${root}/f`, 'read')
    writer.writeSync([Buffer.from('seen')], 0)
    assert.equal(textOf(reader), 'seen')
    reader.closeSync()
  })

  it('syncs, at once and off the loop', async (t) => {
    const { disk, root } = makeDisk(t)
    const file = openAt(t, disk, `${root}/f`)
    file.writeSync([Buffer.from('x')], 0)
    file.datasyncSync()
    await file.datasync()
    disk.syncDirSync(root)
  })

  it('does not write through a handle for reading', async (t) => {
    const { disk, root } = makeDisk(t)
    writeText(disk, `${root}/f`, 'text')
    const file = disk.openSync(`${root}/f`, 'read')
    assert.equal(errnoOf(thrownBy(() => file.writeSync([Buffer.from('x')], 0))), 'EBADF')
    await assert.rejects(file.write([Buffer.from('x')], 0), { code: 'EBADF' })
    file.closeSync()
    assert.equal(readText(disk, `${root}/f`), 'text')
  })

  it('refuses a closed handle, even when another file is open by then', async (t) => {
    const { disk, root } = makeDisk(t)
    const file = disk.openSync(`${root}/f`, 'create')
    file.closeSync()
    const other = openAt(t, disk, `${root}/g`)
    assert.equal(errnoOf(thrownBy(() => file.writeSync([Buffer.from('x')], 0))), 'EBADF')
    assert.equal(errnoOf(thrownBy(() => file.readSync(Buffer.alloc(1), 0))), 'EBADF')
    assert.equal(errnoOf(thrownBy(() => file.truncateSync(0))), 'EBADF')
    assert.equal(errnoOf(thrownBy(() => file.sizeSync())), 'EBADF')
    assert.equal(errnoOf(thrownBy(() => file.datasyncSync())), 'EBADF')
    assert.equal(errnoOf(thrownBy(() => file.closeSync())), 'EBADF')
    await assert.rejects(file.write([Buffer.from('x')], 0), { code: 'EBADF' })
    await assert.rejects(file.read(Buffer.alloc(1), 0), { code: 'EBADF' })
    await assert.rejects(file.datasync(), { code: 'EBADF' })
    assert.equal(other.sizeSync(), 0)
  })

  it('finishes the calls that are under way when it is closed', async (t) => {
    const { disk, root } = makeDisk(t)
    const file = disk.openSync(`${root}/f`, 'create')
    const written = file.write([Buffer.from('under way')], 0)
    const synced = file.datasync()
    file.closeSync()
    assert.equal(await written, 9)
    await synced
    assert.equal(readText(disk, `${root}/f`), 'under way')
  })
}

function lockContract(makeDisk: DiskMaker): void {
  it('is refused while it is held, and keeps its file when it is released', (t) => {
    const { disk, root } = makeDisk(t)
    const lock = disk.lockSync(`${root}/lock`)
    const refusal = thrownBy(() => disk.lockSync(`${root}/lock`))
    assert.ok(refusal instanceof MqError && refusal.kind === 'storeLocked')
    assert.match(refusal.message, /\/lock is locked by this process$/)
    lock.release()
    lock.release()
    assert.equal(disk.statSync(`${root}/lock`)?.sizeBytes, 0)
    disk.lockSync(`${root}/lock`).release()
  })
}

function openAt(t: TestContext, disk: Disk, path: string): File {
  const file = disk.openSync(path, 'create')
  t.after(() => file.closeSync())
  return file
}

function resized(bytes: Buffer, length: number): Buffer<ArrayBuffer> {
  const resizedBytes = Buffer.alloc(length)
  bytes.copy(resizedBytes)
  return resizedBytes
}

function thrownBy(call: () => unknown): unknown {
  try {
    call()
  } catch (error) {
    return error
  }
  return assert.fail('nothing was thrown')
}
