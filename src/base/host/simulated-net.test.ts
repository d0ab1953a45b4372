import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { Connection } from '../host.ts'
import { SeededRandom } from './seeded-random.ts'
import { SimulatedNetwork, type SimulatedNetworkOptions } from './simulated-net.ts'
import { VirtualClock } from './virtual-clock.ts'

const A = '10.0.0.1'
const B = '10.0.0.2'

/** Two machines with one connection from A to B, and what both ends have heard. */
async function world(seed = 1, options: SimulatedNetworkOptions = {}) {
  const clock = new VirtualClock(0)
  const network = new SimulatedNetwork(clock, new SeededRandom(seed), options)
  const heard = { near: '', far: '', chunks: [] as number[], closed: [] as string[] }
  const accepted: Connection[] = []
  await network.net(B).listen({ host: '0.0.0.0', port: 10911 }, (connection) => {
    accepted.push(connection)
    connection.start({
      data: (chunk) => {
        heard.far += chunk
        heard.chunks.push(chunk.length)
      },
      drained: () => undefined,
      closed: (error) => heard.closed.push(`far: ${error?.message ?? 'end'}`),
    })
  })
  const connecting = network.net(A).connect({ host: B, port: 10911 }, 3000)
  await clock.advance(200)
  const near = await connecting
  near.start({
    data: (chunk) => {
      heard.near += chunk
    },
    drained: () => undefined,
    closed: (error) => heard.closed.push(`near: ${error?.message ?? 'end'}`),
  })
  const [far] = accepted
  assert.ok(far)
  return { clock, network, heard, near, far }
}

describe('SimulatedNetwork', () => {
  it('takes time, cuts writes and joins what arrives together', async () => {
    const { clock, heard, near } = await world(1, {
      delayMsMin: 1,
      delayMsMax: 2,
      slowShare: 0,
      cutShare: 0.5,
    })
    const startMs = clock.monoMs()
    for (let part = 0; part < 20; part++) near.write(Buffer.from('0123456789'))
    assert.equal(await clock.advanceUntil(() => heard.far.length > 0, 10), true)
    assert.ok(clock.monoMs() - startMs >= 1)
    await clock.advance(10)
    assert.equal(heard.far, '0123456789'.repeat(20))
    assert.ok(heard.chunks.some((length) => length % 10 !== 0))
    assert.ok(heard.chunks.some((length) => length > 10))
  })

  it('runs the same way under the same seed', async () => {
    const trace = async (seed: number): Promise<unknown> => {
      const { clock, heard, near, far } = await world(seed)
      for (let part = 0; part < 50; part++) near.write(Buffer.alloc(part * 7))
      far.write(Buffer.from('x'))
      await clock.advanceUntil(() => heard.far.length === 7 * 25 * 49, 1000)
      return [clock.monoMs(), heard.chunks]
    }
    assert.deepEqual(await trace(5), await trace(5))
    assert.notDeepEqual(await trace(5), await trace(6))
  })

  it('holds back what a partition stops, and loses nothing when it heals', async () => {
    const { clock, network, heard, near, far } = await world()
    network.partition(A, B)
    near.write(Buffer.from('question'))
    far.write(Buffer.from('answer'))
    await clock.advance(60_000)
    assert.deepEqual([heard.near, heard.far], ['', ''])
    network.heal(A, B)
    await clock.advance(200)
    assert.deepEqual([heard.near, heard.far], ['answer', 'question'])
  })

  it('can cut one way only', async () => {
    const { clock, network, heard, near, far } = await world()
    network.cut(A, B)
    near.write(Buffer.from('question'))
    far.write(Buffer.from('answer'))
    await clock.advance(1000)
    assert.deepEqual([heard.near, heard.far], ['answer', ''])
    network.healAll()
    await clock.advance(200)
    assert.equal(heard.far, 'question')
  })

  it('lets a connect time out over a cut path, and succeed when it heals in time', async () => {
    const { clock, network } = await world()
    network.partition(A, B)
    const net = network.net(A)
    const late = assert.rejects(net.connect({ host: B, port: 10911 }, 3000), {
      kind: 'timeout',
      message: `${B}:10911 did not answer within 3000 ms`,
    })
    const inTime = net.connect({ host: B, port: 10911 }, 30_000)
    await clock.advance(5000)
    await late
    network.heal(A, B)
    await clock.advance(2000)
    assert.equal((await inTime).remote.host, B)
    await clock.advance(30_000)
    assert.equal(clock.timerCount, 0)
  })

  it('refuses where nobody listens, or where it is told to', async () => {
    const { clock, network } = await world()
    const net = network.net(A)
    const refused = { kind: 'connectionLost', message: /^cannot connect to .*: ECONNREFUSED$/ }
    const nobody = assert.rejects(net.connect({ host: B, port: 1 }, 3000), refused)
    network.refuse(B, true)
    const told = assert.rejects(net.connect({ host: B, port: 10911 }, 3000), refused)
    await clock.advance(200)
    await Promise.all([nobody, told])
    network.refuse(B, false)
    const connecting = net.connect({ host: B, port: 10911 }, 3000)
    await clock.advance(200)
    await connecting
  })

  it('breaks connections at any byte', async () => {
    const lengths = new Set<number>()
    for (let seed = 1; seed <= 20; seed++) {
      const { clock, network, heard, near } = await world(seed)
      near.write(Buffer.alloc(100_000))
      network.reset(A, B)
      assert.equal(heard.closed.length, 0)
      await clock.advance(0)
      assert.deepEqual(
        heard.closed.map((text) => text.includes('ECONNRESET')),
        [true, true],
      )
      lengths.add(heard.far.length)
      assert.equal(near.write(Buffer.from('x')), true)
    }
    assert.ok(lengths.size > 10)
  })

  it('lets a killed process hear nothing, and its peer the last bytes and the end', async () => {
    const { clock, network, heard, near, far } = await world()
    far.write(Buffer.from('last words'))
    near.write(Buffer.from('unheard'))
    network.kill(B)
    await clock.advance(5000)
    assert.deepEqual([heard.near, heard.far], ['last words', ''])
    assert.deepEqual(heard.closed, ['near: end'])
    const again = assert.rejects(network.net(A).connect({ host: B, port: 10911 }, 3000), {
      kind: 'connectionLost',
    })
    await clock.advance(200)
    await again
    await network.net(B).listen({ host: B, port: 10911 }, () => undefined)
    assert.equal(clock.timerCount, 0)
  })

  it('tells a paused writer that its peer is gone', async () => {
    const { clock, network, heard, near } = await world()
    near.pause()
    network.kill(B)
    await clock.advance(1000)
    assert.deepEqual(heard.closed, [])
    near.write(Buffer.from('anybody there'))
    await clock.advance(500)
    assert.match(heard.closed.join(), /near: ECONNRESET/)
  })

  it('loses on destroy what the kernel had not taken', async () => {
    const { clock, heard, near } = await world(1, { bufferBytesMax: 1000, cutShare: 0 })
    near.write(Buffer.alloc(800))
    assert.equal(near.write(Buffer.alloc(700)), false)
    assert.equal(near.bufferedBytes, 500)
    near.destroy()
    await clock.advance(500)
    assert.equal(heard.far.length, 1000)
    assert.deepEqual(heard.closed.sort(), ['far: end', 'near: end'])
  })

  it('closes in the end although the peer never reads', async () => {
    const { clock, heard, near, far } = await world()
    far.pause()
    near.end()
    await clock.advance(2000)
    assert.deepEqual(heard.closed, ['near: end'])
  })

  it('does not listen on the address of another machine', async () => {
    const { network } = await world()
    await assert.rejects(
      network.net(A).listen({ host: B, port: 0 }, () => undefined),
      { kind: 'badSetting' },
    )
  })
})
