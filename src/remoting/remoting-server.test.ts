import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { describe, it } from 'node:test'
import { SeededRandom } from '../base/host/seeded-random.ts'
import { VirtualClock } from '../base/host/virtual-clock.ts'
import { encodeCommand } from '../protocol/remoting-command.ts'
import { CONNECTION_CAPS, ConnectionBudget } from './connection-budget.ts'
import { SERVER_ADDRESS, TestEnds } from './test-ends.ts'

const ECHO = 900

describe('RemotingServer', () => {
  it('closes a connection that was idle for 120 s, by the clock alone', async () => {
    const ends = new TestEnds()
    await ends.listen()
    const raw = await ends.rawConnection()
    let isClosed = false
    raw.start({ data() {}, drained() {}, closed: () => (isClosed = true) })
    await ends.clock.advance(118_000)
    assert.equal(isClosed, false)
    await ends.clock.advance(10_000)
    assert(isClosed)
    assert.equal(ends.server.connections.size, 0)
  })

  it('keeps a connection that says something every 100 s', async () => {
    const ends = new TestEnds()
    ends.dispatcher.add({ [ECHO]: () => ({}) })
    await ends.listen()
    const client = ends.client()
    for (let i = 0; i < 10; i++) {
      await ends.result(client.invoke(SERVER_ADDRESS, { code: ECHO }, 3000))
      await ends.clock.advance(100_000)
    }
    assert.equal(ends.server.connections.size, 1)
  })

  it('closes a connection whose frame is not whole after 30 s, however it drips', async () => {
    const ends = new TestEnds()
    ends.dispatcher.add({ [ECHO]: () => ({}) })
    await ends.listen()
    const raw = await ends.rawConnection()
    let isClosed = false
    raw.start({ data() {}, drained() {}, closed: () => (isClosed = true) })
    const frame = encodeCommand({ code: ECHO, opaque: 1, body: Buffer.alloc(1000) })
    for (let at = 0; at < 60 && !isClosed; at++) {
      raw.write(frame.subarray(at, at + 1))
      await ends.clock.advance(1000)
      assert(isClosed || at < 37, `still open after ${at} s`)
    }
    assert(isClosed)
  })

  it('refuses connections above its cap and takes new ones when others have gone', async () => {
    const budget = new ConnectionBudget(new VirtualClock(0), { ...CONNECTION_CAPS, totalMax: 2 })
    const ends = new TestEnds({ budget })
    ends.dispatcher.add({ [ECHO]: () => ({}) })
    await ends.listen()
    const clients = [1, 2, 3].map(() => ends.client())
    const echo = async (index: number): Promise<void> => {
      await clients[index]?.invoke(SERVER_ADDRESS, { code: ECHO }, 1000)
    }
    await ends.result(Promise.all([echo(0), echo(1)]))
    await assert.rejects(ends.result(echo(2)), { kind: 'connectionLost' })
    await ends.result(clients[0]?.close() ?? Promise.resolve())
    await ends.clock.advance(2000)
    await ends.result(echo(2))
    assert.equal(ends.server.connections.size, 2)
  })

  it('answers what is under way before it closes, and takes nothing more', async () => {
    const ends = new TestEnds()
    const store: (() => void)[] = []
    ends.dispatcher.add({ [ECHO]: () => new Promise((resolve) => store.push(() => resolve({}))) })
    await ends.listen()
    const client = ends.client()
    const first = client.invoke(SERVER_ADDRESS, { code: ECHO }, 60_000)
    await ends.clock.advanceUntil(() => store.length === 1, 1000)
    const closing = ends.server.close()
    const second = client.invoke(SERVER_ADDRESS, { code: ECHO }, 60_000)
    const lost = assert.rejects(second, { kind: 'connectionLost' })
    await ends.clock.advance(500)
    for (const stored of store) stored()
    await ends.result(first)
    await ends.result(closing)
    await ends.result(lost)
    assert.equal(store.length, 1)
  })

  it('closes after some seconds although a request is not answered', async () => {
    const ends = new TestEnds()
    ends.dispatcher.add({ [ECHO]: () => new Promise(() => undefined) })
    await ends.listen()
    const lost = assert.rejects(ends.client().invoke(SERVER_ADDRESS, { code: ECHO }, 60_000), {
      kind: 'connectionLost',
    })
    await ends.clock.advance(500)
    await ends.result(ends.server.close(), 4000)
    await ends.result(lost)
  })

  it('tells once of each connection that is gone', async () => {
    const gone: number[] = []
    const ends = new TestEnds({ onClosed: ({ id }) => gone.push(id) })
    ends.dispatcher.add({ [ECHO]: () => ({}) })
    await ends.listen()
    const clients = [1, 2, 3].map(() => ends.client())
    await ends.result(
      Promise.all(clients.map((client) => client.invoke(SERVER_ADDRESS, { code: ECHO }, 1000))),
    )
    for (const client of clients) await ends.result(client.close())
    await ends.clock.advance(5000)
    assert.deepEqual(gone.sort(), [1, 2, 3])
  })

  it('sends what is there before it closes, and leaves no timer', async () => {
    const ends = new TestEnds()
    ends.dispatcher.add({ [ECHO]: ({ body }) => ({ body }) })
    await ends.listen()
    const client = ends.client()
    const body = Buffer.alloc(100_000, 1)
    const request = client.invoke(SERVER_ADDRESS, { code: ECHO, body }, 3000)
    await ends.clock.advanceUntil(
      () => [...ends.server.connections.values()].some((one) => one.unsentBytes > 0),
      1000,
    )
    void ends.server.close()
    assert.deepEqual((await ends.result(request)).body, body)
    await ends.result(client.close())
    await ends.clock.advance(10_000)
    assert.equal(ends.clock.timerCount, 0)
  })

  it('never mixes bytes of one connection into bodies of another (issue apache/rocketmq#10911)', async () => {
    for (const seed of [1, 2, 3, 4, 5]) await interleave(seed)
  })
})

/** Many connections whose frames come in arbitrary pieces, each body with its own hash. */
async function interleave(seed: number): Promise<void> {
  const ends = new TestEnds({}, seed)
  const random = new SeededRandom(seed)
  const kept: { readonly body: Buffer; readonly hash: string }[] = []
  ends.dispatcher.add({
    [ECHO]: ({ fields, body }) => {
      // kept as it is, as a store would: a later frame must not change it
      kept.push({ body, hash: fields.hash ?? '' })
      return { extFields: { hash: fields.hash ?? '' }, body }
    },
  })
  await ends.listen()
  const clients = Array.from({ length: 12 }, () => ends.client())
  const requests: Promise<void>[] = []
  for (let round = 0; round < 15; round++) {
    for (const client of clients) {
      const body = random.bytes(random.u32() % (round % 5 === 0 ? 150_000 : 3000))
      const hash = hashOf(body)
      const request = client.invoke(SERVER_ADDRESS, { code: ECHO, extFields: { hash }, body }, 60_000)
      requests.push(
        request.then((answer) => {
          assert.equal(answer.extFields.hash, hash)
          assert.equal(hashOf(answer.body), hash)
        }),
      )
    }
    await ends.clock.advance(random.u32() % 3)
  }
  await ends.result(Promise.all(requests))
  assert.equal(kept.length, requests.length)
  for (const { body, hash } of kept) assert.equal(hashOf(body), hash, `seed ${seed}`)
}

function hashOf(body: Buffer): string {
  return createHash('sha1').update(body).digest('hex')
}
