import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { readText, writeText } from '../base/host/disk-text.ts'
import { FaultyDisk } from '../base/host/faulty-disk.ts'
import { MemoryDisk } from '../base/host/memory-disk.ts'
import { SeededRandom } from '../base/host/seeded-random.ts'
import { KV_LIMITS, KvConfig } from './kv-config.ts'

const clock = { nowMs: () => 0 }
const path = '/store/namesrv/kvConfig.json'

function faultyDisk(): FaultyDisk {
  const disk = new FaultyDisk({ clock })
  disk.mkdirSync('/store')
  disk.syncDirSync('/')
  return disk
}

describe('KvConfig', () => {
  it('keeps values by namespace and key', async () => {
    const kv = new KvConfig(new MemoryDisk({ clock }), path)
    assert.equal(kv.list('N'), undefined)
    await kv.put('N', 'k', 'value = ü')
    await kv.put('N', 'k', 'v2')
    await kv.put('N', 'l', '')
    assert.equal(kv.get('N', 'k'), 'v2')
    assert.deepEqual(
      kv.list('N'),
      new Map([
        ['k', 'v2'],
        ['l', ''],
      ]),
    )
    await kv.delete('N', 'k')
    await kv.delete('N', 'l')
    await kv.delete('O', 'l')
    assert.equal(kv.get('N', 'k'), undefined)
    assert.deepEqual(kv.list('N'), new Map())
    assert.equal(kv.list('O'), undefined)
  })

  it('writes and reads the file of RocketMQ', async () => {
    const disk = new MemoryDisk({ clock })
    await new KvConfig(disk, path).put('ORDER_TOPIC_CONFIG', 'T', 'broker-a:4')
    assert.equal(readText(disk, path), '{"configTable":{"ORDER_TOPIC_CONFIG":{"T":"broker-a:4"}}}')
    assert.equal(new KvConfig(disk, path).get('ORDER_TOPIC_CONFIG', 'T'), 'broker-a:4')
    writeText(disk, '/store/old.json', '{"configTable":{"a":{"b":"c"},"empty":{}}}')
    const old = new KvConfig(disk, '/store/old.json')
    assert.equal(old.get('a', 'b'), 'c')
    assert.deepEqual(old.list('empty'), new Map())
  })

  it('refuses a file that is not whole, unless the generation before is', async () => {
    const disk = new MemoryDisk({ clock })
    disk.mkdirSync('/store/namesrv')
    writeText(disk, path, '{"configTable":{"a"')
    assert.throws(() => new KvConfig(disk, path), { kind: 'storeUnreadable', message: /kvConfig\.json/ })
    writeText(disk, `${path}.bak`, '{"configTable":{"a":{"b":"c"}}}')
    assert.equal(new KvConfig(disk, path).get('a', 'b'), 'c')
  })

  it('promises what survives a power cut', async () => {
    for (const outcome of ['lost', 'kept', 'torn'] as const) {
      let disk = faultyDisk()
      await new KvConfig(disk, path).put('N', 'k', '1')
      disk = disk.afterPowerLoss(outcome, new SeededRandom(1))
      const kv = new KvConfig(disk, path)
      assert.equal(kv.get('N', 'k'), '1', outcome)
      await kv.put('N', 'k', '2')
      await kv.delete('N', 'k')
      disk = disk.afterPowerLoss(outcome, new SeededRandom(2))
      assert.equal(new KvConfig(disk, path).get('N', 'k'), undefined, outcome)
    }
  })

  it('is whole after a crash at any point of a write: the old values or the new ones', async () => {
    const before = faultyDisk()
    await new KvConfig(before, path).put('N', 'k', 'old')
    for (let crashes = 0; ; crashes++) {
      const disk = before.afterPowerLoss('kept', new SeededRandom(0))
      const kv = new KvConfig(disk, path)
      disk.crashAt(disk.opCount + crashes, 0.5)
      const isDone = await kv.put('N', 'k', 'new').then(
        () => true,
        () => false,
      )
      for (const outcome of ['lost', 'kept', 'torn'] as const) {
        const value = new KvConfig(disk.afterPowerLoss(outcome, new SeededRandom(crashes)), path).get(
          'N',
          'k',
        )
        assert(
          isDone ? value === 'new' : value === 'old' || value === 'new',
          `${outcome} after op ${crashes}: ${value}`,
        )
      }
      if (isDone) {
        assert(crashes > 3, `only ${crashes} ops`)
        return
      }
    }
  })

  it('writes changes that come together in one go, and says of each whether it was written', async () => {
    const disk = faultyDisk()
    const kv = new KvConfig(disk, path)
    const countOf = async (keys: readonly string[]) => {
      const before = disk.opCount
      await Promise.all(keys.map((key) => kv.put('N', key, '1')))
      return disk.opCount - before
    }
    const one = await countOf(['first'])
    const keys = Array.from({ length: 50 }, (_, index) => `k${index}`)
    const many = await countOf(keys)
    assert(many <= 3 * one, `${many} ops for 50 keys, ${one} for one`)
    assert.equal(new KvConfig(disk, path).list('N')?.size, 51)

    const end = disk.fail(({ kind }) => kind === 'datasync', 'EIO')
    const results = await Promise.allSettled([kv.put('N', 'a', '1'), kv.put('N', 'b', '1')])
    assert.deepEqual(
      results.map(({ status }) => status),
      ['rejected', 'rejected'],
    )
    end()
    await kv.settled()
    await kv.put('N', 'c', '1')
    assert.equal(new KvConfig(disk, path).get('N', 'a'), '1')
  })

  it('says that the disk refuses', async () => {
    const disk = faultyDisk()
    disk.fail(({ kind }) => kind === 'write', 'ENOSPC')
    await assert.rejects(new KvConfig(disk, path).put('N', 'k', '1'), {
      kind: 'notWritable',
      message: /ENOSPC/,
    })
  })

  it('has room for so much and no more', async () => {
    const limits = { ...KV_LIMITS, namespacesMax: 2, keysMax: 3, charsMax: 100, valueCharsMax: 60 }
    const kv = new KvConfig(new MemoryDisk({ clock }), path, limits)
    await assert.rejects(kv.put('N', 'k', 'x'.repeat(61)), { kind: 'invalidParameter' })
    await assert.rejects(kv.put('', 'k', '1'), { kind: 'invalidParameter' })
    await assert.rejects(kv.put('N', 'k'.repeat(300), '1'), { kind: 'invalidParameter' })
    await kv.put('N', 'k', 'x'.repeat(60))
    await assert.rejects(kv.put('N', 'l', 'x'.repeat(60)), { kind: 'busy' })
    await kv.put('N', 'k', '1')
    await kv.put('N', 'l', 'x'.repeat(60))
    await kv.put('O', 'm', '1')
    await assert.rejects(kv.put('O', 'n', '1'), { kind: 'busy', message: /4 keys/ })
    await kv.delete('N', 'k')
    await assert.rejects(kv.put('P', 'n', '1'), { kind: 'busy', message: /namespace P/ })
    await kv.delete('O', 'm')
    await kv.put('P', 'n', '1')
    assert.equal(kv.list('O'), undefined, 'an empty namespace makes room')
  })
})
