import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { describe, it } from 'node:test'
import { gunzipSync } from 'node:zlib'
import { MemoryDisk } from '../../base/host/memory-disk.ts'
import { VirtualClock } from '../../base/host/virtual-clock.ts'
import { readArchive, unpack } from '../../store/test-archive.ts'
import { testHost } from '../../store/test-store.ts'
import { TestBroker } from '../test-broker.ts'

const FIXTURES = new URL('../../../test/fixtures/store-5x/', import.meta.url)
const HOUR_MS = 3_600_000

/** A little after RocketMQ wrote its last message there. */
const WRITTEN_MS = 1_795_225_100_000

const sent: { kind: string; topic: string; keys: string }[] = gunzipSync(
  readFileSync(new URL('sent.jsonl.gz', FIXTURES)),
)
  .toString()
  .trim()
  .split('\n')
  .map((line) => JSON.parse(line))

/** A broker on a store that RocketMQ wrote, without its timer wheel and log. */
function openedOn(name: string): TestBroker {
  const disk = new MemoryDisk({ clock: new VirtualClock(WRITTEN_MS) })
  const entries = readArchive(readFileSync(new URL(`${name}.tar.gz`, FIXTURES)))
  unpack(
    entries.filter(({ path }) => !path.startsWith('timer')),
    disk,
    '/store',
  )
  return TestBroker.open({
    host: testHost(disk, new VirtualClock(WRITTEN_MS)),
    store: { commitLogFileBytes: 1_048_576, consumeQueueFileBytes: 6000, index: undefined },
  })
}

async function keysIn(test: TestBroker, topic: string): Promise<string[]> {
  const keys: string[] = []
  for (let queueId = 0; queueId < 4; queueId++)
    for (const { properties } of await test.messages(topic, queueId)) keys.push(properties.get('KEYS') ?? '')
  return keys.sort()
}

describe('a store that RocketMQ wrote', () => {
  const of = (part: string): string[] =>
    sent
      .filter(({ kind }) => kind.startsWith(part))
      .map(({ keys }) => keys)
      .sort()

  it('has its delayed messages delivered, each once, and not those that were', async () => {
    const test = openedOn('store-clean')
    await test.clock.advance(1000)
    assert.deepEqual(
      await keysIn(test, 'F_DELAY'),
      of('delay').filter((key) => key.includes('done')),
    )
    assert.deepEqual(
      await keysIn(test, 'F_TIMER'),
      of('timer').filter((key) => key.includes('done')),
    )
    test.clock.setWallMs(WRITTEN_MS + 60 * HOUR_MS)
    await test.clock.advance(3000)
    assert.deepEqual(await keysIn(test, 'F_DELAY'), of('delay'))
    assert.deepEqual(await keysIn(test, 'F_TIMER'), of('timer'))
    await test.close()
  })

  it('loses none of them after a kill', async () => {
    const test = openedOn('store-kill9')
    test.clock.setWallMs(WRITTEN_MS + 60 * HOUR_MS)
    await test.clock.advance(3000)
    for (const [topic, keys] of [
      ['F_DELAY', of('delay')],
      ['F_TIMER', of('timer')],
    ] as const) {
      const found = new Set(await keysIn(test, topic))
      assert.deepEqual(
        keys.filter((key) => !found.has(key)),
        [],
      )
    }
    await test.close()
  })
})
