import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { readFile, replaceFileSync } from '../base/atomic-file.ts'
import { FaultyDisk } from '../base/host/faulty-disk.ts'
import { MemoryDisk } from '../base/host/memory-disk.ts'
import { VirtualClock } from '../base/host/virtual-clock.ts'
import { LocalOffsetStore, RemoteOffsetStore } from './offset-store.ts'
import { TestLog } from './test-cluster.ts'

const queue = { topic: 't', brokerName: 'a', queueId: 0 }
const other = { ...queue, queueId: 1 }
const path = '/home/offsets/group.json'

describe('RemoteOffsetStore', () => {
  it("tells a topic's first offset alone, and those that follow together", async () => {
    let [underWay, most] = [0, 0]
    const commitOffset = async (): Promise<void> => {
      most = Math.max(most, ++underWay)
      await Promise.resolve()
      underWay--
    }
    const store = new RemoteOffsetStore(
      { commitOffset, startOffset: async () => undefined },
      'g',
      new TestLog(),
    )
    const third = { ...queue, queueId: 2 }
    const write = async (offset: number): Promise<number> => {
      most = 0
      await store.write(new Map([queue, other, third].map((each) => [each, offset])))
      return most
    }
    assert.deepEqual([await write(5), await write(6), await write(6)], [2, 3, 0])
  })
})

describe('LocalOffsetStore', () => {
  it("keeps offsets in a file, in the form of RocketMQ's clients", async () => {
    const disk = new MemoryDisk({ clock: new VirtualClock(0) })
    const store = new LocalOffsetStore(disk, path, new TestLog())
    assert.equal(await store.read(queue), undefined)
    await store.write(new Map([[queue, 5]]))
    await store.write(new Map([[other, 7]]))
    assert.equal(
      readFile(disk, path)?.toString(),
      '{"offsetTable":{{"brokerName":"a","queueId":0,"topic":"t"}:5,{"brokerName":"a","queueId":1,"topic":"t"}:7}}',
    )
    const again = new LocalOffsetStore(disk, path, new TestLog())
    assert.deepEqual([await again.read(queue), await again.read({ ...other })], [5, 7])
  })

  it('writes nothing when nothing has changed', async () => {
    const disk = new MemoryDisk({ clock: new VirtualClock(0) })
    const store = new LocalOffsetStore(disk, path, new TestLog())
    await store.write(new Map([[queue, 5]]))
    disk.unlinkSync(path)
    await store.write(new Map([[queue, 5]]))
    assert.equal(disk.statSync(path), undefined)
  })

  it('is done with none of several at once before its offset is in the file', async () => {
    const clock = new VirtualClock(0)
    const disk = new FaultyDisk({ clock })
    disk.delay(
      ({ kind }) => kind === 'datasync',
      () => new Promise((resolve) => clock.after(10, resolve)),
    )
    const store = new LocalOffsetStore(disk, path, new TestLog())
    const writes = [5, 6, 7].map(async (offset) => {
      await store.write(new Map([[queue, offset]]))
      const kept = await new LocalOffsetStore(disk, path, new TestLog()).read(queue)
      assert.ok(kept !== undefined && kept >= offset, `${kept} for ${offset}`)
    })
    await clock.advanceUntilSettled(Promise.all(writes), 1000)
  })

  it('takes the generation before when the newest is damaged, and says so', async () => {
    const disk = new MemoryDisk({ clock: new VirtualClock(0) })
    const store = new LocalOffsetStore(disk, path, new TestLog())
    await store.write(new Map([[queue, 5]]))
    await store.write(new Map([[queue, 6]]))
    replaceFileSync(disk, '/home/offsets/other.json', Buffer.from('{"offsetTable":{{"brok'))
    disk.renameSync('/home/offsets/other.json', path)
    const log = new TestLog()
    assert.equal(await new LocalOffsetStore(disk, path, log).read(queue), 5)
    assert.match(log.lines.join(), /backup/)
  })

  it('refuses to begin anew when nothing can be read', async () => {
    const disk = new MemoryDisk({ clock: new VirtualClock(0) })
    disk.mkdirSync('/home/offsets')
    replaceFileSync(disk, path, Buffer.from('no offsets'))
    assert.throws(() => new LocalOffsetStore(disk, path, new TestLog()), { kind: 'storeUnreadable' })
  })
})
