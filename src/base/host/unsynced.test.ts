import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { Disk } from '../host.ts'
import { CrashError } from './disk-faults.ts'
import { readText, syncFile, writeText } from './disk-text.ts'
import { SeededRandom } from './seeded-random.ts'
import { emptyDisk, putDurably } from './test-faulty-disk.ts'

const random = new SeededRandom('faulty disk')

describe('FaultyDisk on power loss', () => {
  it('keeps what was synced and loses what was not', () => {
    const disk = emptyDisk()
    putDurably(disk, '/d/f', 'durable')
    writeText(disk, '/d/f', 'not', 7)
    assert.equal(readText(disk, '/d/f'), 'durablenot')
    assert.equal(readText(disk.afterPowerLoss('lost', random), '/d/f'), 'durable')
    assert.equal(readText(disk.afterPowerLoss('kept', random), '/d/f'), 'durablenot')
  })

  it('loses a truncation that was not synced', () => {
    const disk = emptyDisk()
    putDurably(disk, '/d/f', 'durable')
    const file = disk.openSync('/d/f', 'write')
    file.truncateSync(3)
    file.writeSync([Buffer.from('X')], 3)
    assert.equal(readText(disk.afterPowerLoss('lost', random), '/d/f'), 'durable')
    assert.equal(readText(disk.afterPowerLoss('kept', random), '/d/f'), 'durX')
  })

  it('loses names before their directory is synced, with the bytes behind them', () => {
    const disk = emptyDisk()
    writeText(disk, '/d/f', 'text')
    syncFile(disk, '/d/f')
    assert.deepEqual(disk.afterPowerLoss('lost', random).listSync('/d'), [])
    const kept = emptyDisk()
    writeText(kept, '/d/f', 'text')
    kept.syncDirSync('/d')
    assert.equal(readText(kept.afterPowerLoss('lost', random), '/d/f'), '')
  })

  it('loses a new directory whose parent was not synced', () => {
    const disk = emptyDisk()
    disk.mkdirSync('/d/sub')
    writeText(disk, '/d/sub/f', 'text')
    syncFile(disk, '/d/sub/f')
    disk.syncDirSync('/d/sub')
    assert.equal(disk.afterPowerLoss('lost', random).statSync('/d/sub'), undefined)
  })

  it('undoes a rename and an unlink before their directory is synced', () => {
    const disk = emptyDisk()
    putDurably(disk, '/d/a', 'old')
    putDurably(disk, '/d/b', 'gone')
    writeText(disk, '/d/a.tmp', 'new')
    syncFile(disk, '/d/a.tmp')
    disk.renameSync('/d/a.tmp', '/d/a')
    disk.unlinkSync('/d/b')
    const lost = disk.afterPowerLoss('lost', random)
    assert.deepEqual([readText(lost, '/d/a'), readText(lost, '/d/b')], ['old', 'gone'])
    const next = disk.afterProcessKill()
    assert.deepEqual([readText(next, '/d/a'), readText(next, '/d/b')], ['new', undefined])
    next.syncDirSync('/d')
    const durable = next.afterPowerLoss('lost', random)
    assert.deepEqual(durable.listSync('/d'), ['a'])
    assert.equal(readText(durable, '/d/a'), 'new')
  })

  it('shows a torn rename as the old or the new file, never as neither', () => {
    const seen = new Set<string>()
    for (let seed = 1; seed <= 50; seed++) {
      const disk = emptyDisk()
      putDurably(disk, '/d/a', 'old')
      writeText(disk, '/d/a.tmp', 'new')
      syncFile(disk, '/d/a.tmp')
      disk.renameSync('/d/a.tmp', '/d/a')
      const after = disk.afterPowerLoss('torn', new SeededRandom(seed))
      seen.add(`${after.listSync('/d')}: ${readText(after, '/d/a')}`)
    }
    assert.deepEqual([...seen].sort(), ['a,a.tmp: old', 'a: new', 'a: old'])
  })

  it('treats a rename between directories as two changes, for each sync one', () => {
    const disk = emptyDisk()
    disk.mkdirSync('/d/aside')
    putDurably(disk, '/d/f', 'text')
    disk.renameSync('/d/f', '/d/aside/f')
    const targetFirst = disk.afterProcessKill()
    targetFirst.syncDirSync('/d/aside')
    const both = targetFirst.afterPowerLoss('lost', random)
    assert.deepEqual([readText(both, '/d/f'), readText(both, '/d/aside/f')], ['text', 'text'])
    const sourceFirst = disk.afterProcessKill()
    sourceFirst.syncDirSync('/d')
    const neither = sourceFirst.afterPowerLoss('lost', random)
    assert.deepEqual([readText(neither, '/d/f'), readText(neither, '/d/aside/f')], [undefined, undefined])
  })

  it('tears writes at 512-byte borders only, and lets sizes run ahead of data', () => {
    const borders = [100, 512, 1024, 1536, 2048, 2100]
    const seen = new Map<string, number>()
    for (let seed = 1; seed <= 200; seed++) {
      const disk = emptyDisk()
      putDurably(disk, '/d/f', '-'.repeat(100))
      writeText(disk, '/d/f', 'x'.repeat(2000), 100)
      const text = readText(disk.afterPowerLoss('torn', new SeededRandom(seed)), '/d/f') ?? ''
      assert.equal(text.slice(0, 100), '-'.repeat(100), `seed ${seed}`)
      const sectors = borders.slice(1).map((end, at) => new Set(text.slice(borders[at], end)))
      assert.ok(
        sectors.every((bytes) => bytes.size <= 1),
        `seed ${seed}: a sector holds a mixture`,
      )
      const written = sectors.filter((bytes) => bytes.has('x')).length
      const outcome = `${Math.ceil(written / 5) + Math.floor(written / 5)} of 2, ${text.length > 100}`
      seen.set(outcome, (seen.get(outcome) ?? 0) + 1)
    }
    // None, some and all of the sectors; the size never lags behind them but may run ahead.
    assert.deepEqual([...seen.keys()].sort(), [
      '0 of 2, false',
      '0 of 2, true',
      '1 of 2, true',
      '2 of 2, true',
    ])
    for (const [outcome, count] of seen) assert.ok(count >= 10, `${outcome}: ${count}`)
  })

  it('keeps torn writes independent of each other, but never touches what is durable', () => {
    const seen = new Set<string | undefined>()
    for (let seed = 1; seed <= 100; seed++) {
      const disk = emptyDisk()
      putDurably(disk, '/d/f', 'abc')
      writeText(disk, '/d/f', 'X', 0)
      writeText(disk, '/d/f', 'Y', 2)
      seen.add(readText(disk.afterPowerLoss('torn', new SeededRandom(seed)), '/d/f'))
    }
    assert.deepEqual([...seen].sort(), ['XbY', 'Xbc', 'abY', 'abc'])
  })

  it('ends the same way under the same seed', () => {
    const disk = emptyDisk()
    for (let at = 0; at < 20; at++) writeText(disk, `/d/${at % 5}`, String(at).repeat(1000), at * 300)
    const listing = (after: Disk): unknown[] =>
      after.listSync('/d').map((name) => [name, readText(after, `/d/${name}`)])
    const one = disk.afterPowerLoss('torn', new SeededRandom(7))
    const same = disk.afterPowerLoss('torn', new SeededRandom(7))
    assert.deepEqual(listing(one), listing(same))
  })
})

describe('FaultyDisk as a judge', () => {
  /** Replaces the durable file `/d/f`: `old` by `new`. */
  function replace(disk: Disk, withSync: boolean): void {
    writeText(disk, '/d/f.tmp', 'new')
    if (withSync) syncFile(disk, '/d/f.tmp')
    disk.renameSync('/d/f.tmp', '/d/f')
    disk.syncDirSync('/d')
  }

  /**
   * What a reader finds when the replacement dies in this op and power is lost; `!` marks what was
   * acknowledged.
   */
  function foundAfter(op: number, seed: number, withSync: boolean): string {
    const disk = emptyDisk()
    putDurably(disk, '/d/f', 'old')
    disk.crashAt(disk.opCount + op, seed % 2 === 0 ? 0 : 0.5)
    let mark = ''
    try {
      replace(disk, withSync)
      mark = '!'
    } catch (error) {
      assert.ok(error instanceof CrashError)
    }
    return `${readText(disk.afterPowerLoss('torn', new SeededRandom(seed)), '/d/f')}${mark}`
  }

  function found(withSync: boolean): string[] {
    const results = new Set<string>()
    for (let op = 0; op < 6; op++) {
      for (let seed = 1; seed <= 60; seed++) results.add(foundAfter(op, seed, withSync))
    }
    return [...results].sort()
  }

  it('finds an atomic replacement sound', () => {
    assert.deepEqual(found(true), ['new', 'new!', 'old'])
  })

  it('finds the replacement that forgot the datasync', () => {
    assert.deepEqual(found(false), ['', '\0\0\0', '\0\0\0!', '!', 'new', 'new!', 'old'])
  })
})
