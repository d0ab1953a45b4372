import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { BlockCache } from './block-cache.ts'

const BYTES = 10

async function loaded(cache: BlockCache, ...keys: number[]): Promise<void> {
  for (const key of keys) await cache.load(key, BYTES, async (target) => target.fill(key).length)
}

describe('BlockCache', () => {
  it('keeps what was used last, and forgets what was not', async () => {
    const cache = new BlockCache(2 * BYTES)
    await loaded(cache, 1, 2)
    assert.equal(cache.find(1)?.buffer[0], 1)
    await loaded(cache, 3)
    assert.deepEqual([cache.has(1), cache.has(2), cache.has(3)], [true, false, true])
    assert.equal(cache.bytes, 2 * BYTES)
  })

  it('does not find again what was found last and is gone', async () => {
    const cache = new BlockCache(BYTES)
    await loaded(cache, 1)
    assert.ok(cache.find(1))
    await loaded(cache, 2)
    assert.equal(cache.find(1), undefined)
    assert.ok(cache.find(2))
    cache.clear()
    assert.equal(cache.find(2), undefined)
  })

  it('finds the newer bytes of a block that was read again', async () => {
    const cache = new BlockCache(BYTES)
    await cache.load(1, BYTES, async () => 4)
    assert.equal(cache.find(1)?.bytes, 4)
    await cache.load(1, BYTES, async () => 8)
    assert.equal(cache.find(1)?.bytes, 8)
  })

  it('reads a block on the event loop when asked to', () => {
    const cache = new BlockCache(BYTES)
    const block = cache.loadSync(1, BYTES, (target) => target.fill(7).length)
    assert.deepEqual([block.bytes, block.buffer[BYTES - 1]], [BYTES, 7])
    assert.equal(cache.find(1), block)
  })

  it('reads into the memory of a dropped block of the same size', async () => {
    const cache = new BlockCache(2 * BYTES)
    await cache.load(1, BYTES, async () => BYTES)
    const first = cache.find(1)?.buffer
    await cache.load(2, 2 * BYTES, async () => 2 * BYTES)
    assert.equal(cache.find(1), undefined)
    assert.notEqual(cache.find(2)?.buffer, first)
    await cache.load(3, BYTES, async () => BYTES)
    assert.equal(cache.find(3)?.buffer, first)
  })

  it('reads a block once, however many ask for it', async () => {
    const cache = new BlockCache(BYTES)
    let reads = 0
    const read = async (): Promise<number> => ++reads
    await Promise.all([cache.load(1, BYTES, read), cache.load(1, BYTES, read)])
    assert.equal(reads, 1)
  })
})
