import assert from 'node:assert/strict'
import { describe, it, type TestContext } from 'node:test'
import { MqError } from '../errors.ts'
import type { Connection, Endpoint, Net } from '../host.ts'
import { below } from './random-range.ts'
import { SeededRandom } from './seeded-random.ts'

/** Two machines, or one twice, that reach each other. */
export interface NetSetup {
  readonly client: Net
  readonly server: Net
  /** Where the server may listen. */
  readonly serverHost: string
  /** Whether a small write is with the kernel at once; not so where it is encrypted first. */
  readonly takesAtOnce: boolean
  /** Lets time pass until the condition holds; fails after some seconds. */
  until(done: () => boolean): Promise<void>
}

export type NetMaker = (t: TestContext) => NetSetup

/** What every network promises, real or simulated. */
export function netContract(name: string, makeNet: NetMaker): void {
  describe(name, () => {
    describe('listeners', () => listenerContract(makeNet))
    describe('streams', () => streamContract(makeNet))
    describe('back-pressure', () => pressureContract(makeNet))
    describe('ends', () => endContract(makeNet))
    describe('closes', () => closeContract(makeNet))
  })
}

/** An owner of a connection that notes what it hears. */
class Ear {
  readonly connection: Connection
  readonly chunks: Buffer[] = []
  byteCount = 0
  drainedCount = 0
  closedCount = 0
  dataAfterClose = false

  constructor(connection: Connection) {
    this.connection = connection
  }

  listen(): this {
    this.connection.start({
      data: (chunk) => {
        this.chunks.push(Buffer.from(chunk))
        this.byteCount += chunk.length
        if (this.closedCount > 0) this.dataAfterClose = true
      },
      drained: () => this.drainedCount++,
      closed: () => this.closedCount++,
    })
    return this
  }

  get text(): string {
    return Buffer.concat(this.chunks).toString()
  }
}

interface Pair {
  readonly near: Ear
  readonly far: Ear
}

/** Runs a promise under a clock that may be virtual. */
async function settled<Result>(setup: NetSetup, promise: Promise<Result>): Promise<Result> {
  let isSettled = false
  const note = (): void => {
    isSettled = true
  }
  promise.then(note, note)
  await setup.until(() => isSettled)
  return promise
}

async function listen(
  t: TestContext,
  setup: NetSetup,
  onConnection: (connection: Connection) => void,
): Promise<{ endpoint: Endpoint; close: () => Promise<void> }> {
  const at = { host: setup.serverHost, port: 0 }
  const accept = (connection: Connection): void => {
    t.after(() => connection.destroy())
    onConnection(connection)
  }
  const listener = await settled(setup, setup.server.listen(at, accept))
  t.after(() => listener.close())
  return { endpoint: listener.endpoint, close: () => listener.close() }
}

async function connectedPair(t: TestContext, setup: NetSetup): Promise<Pair> {
  const accepted: Connection[] = []
  const { endpoint } = await listen(t, setup, (connection) => accepted.push(connection))
  const near = await settled(setup, setup.client.connect(endpoint, 5000))
  t.after(() => near.destroy())
  await setup.until(() => accepted.length === 1)
  const [far] = accepted
  assert.ok(far)
  return { near: new Ear(near), far: new Ear(far) }
}

function listenerContract(makeNet: NetMaker): void {
  it('takes a free port for port 0 and tells both ends where they are', async (t) => {
    const setup = makeNet(t)
    const accepted: Connection[] = []
    const { endpoint } = await listen(t, setup, (connection) => accepted.push(connection))
    assert.ok(endpoint.port > 0)
    assert.equal(endpoint.host, setup.serverHost)
    const near = await settled(setup, setup.client.connect(endpoint, 5000))
    t.after(() => near.destroy())
    await setup.until(() => accepted.length === 1)
    assert.deepEqual(near.remote, endpoint)
    assert.deepEqual(accepted[0]?.local, endpoint)
    assert.deepEqual(accepted[0]?.remote, near.local)
  })

  it('refuses a port that is in use and names it', async (t) => {
    const setup = makeNet(t)
    const { endpoint } = await listen(t, setup, () => assert.fail('nobody connects'))
    await assert.rejects(
      settled(
        setup,
        setup.server.listen(endpoint, () => assert.fail('nobody connects')),
      ),
      new MqError('portTaken', `port ${endpoint.port} on ${endpoint.host} is in use`),
    )
  })

  it('accepts nobody after it was closed, but keeps who is there', async (t) => {
    const setup = makeNet(t)
    const accepted: Connection[] = []
    const { endpoint, close } = await listen(t, setup, (connection) => accepted.push(connection))
    const near = new Ear(await settled(setup, setup.client.connect(endpoint, 5000))).listen()
    t.after(() => near.connection.destroy())
    await setup.until(() => accepted.length === 1)
    near.connection.write(Buffer.from('hello'))
    await settled(setup, close())
    await assert.rejects(settled(setup, setup.client.connect(endpoint, 5000)), { kind: 'connectionLost' })
    accepted[0]?.write(Buffer.from('still here'))
    await setup.until(() => near.text === 'still here')
    const again = await settled(
      setup,
      setup.server.listen(endpoint, () => undefined),
    )
    await again.close()
  })
}

function streamContract(makeNet: NetMaker): void {
  it('carries bytes both ways in order, however they are cut', async (t) => {
    const setup = makeNet(t)
    const { near, far } = await connectedPair(t, setup)
    near.listen()
    far.listen()
    const random = new SeededRandom(1)
    const sent = { near: [] as Buffer[], far: [] as Buffer[] }
    for (let round = 0; round < 300; round++) {
      const side = below(random, 2) === 0 ? 'near' : 'far'
      const bytes = random.bytes(1 + below(random, 3000))
      sent[side].push(bytes)
      const connection = side === 'near' ? near.connection : far.connection
      connection.write(bytes)
    }
    const [ofNear, ofFar] = [Buffer.concat(sent.near), Buffer.concat(sent.far)]
    await setup.until(() => far.byteCount === ofNear.length && near.byteCount === ofFar.length)
    assert.deepEqual(Buffer.concat(far.chunks), ofNear)
    assert.deepEqual(Buffer.concat(near.chunks), ofFar)
  })

  it('lets a buffer be used again at once when a write says so', async (t) => {
    const setup = makeNet(t)
    const { near, far } = await connectedPair(t, setup)
    far.listen()
    const buffer = Buffer.from('first')
    assert.equal(near.connection.write(buffer), setup.takesAtOnce)
    if (setup.takesAtOnce) {
      assert.equal(near.connection.bufferedBytes, 0)
      buffer.write('XXXXX')
    }
    await setup.until(() => far.byteCount === 5)
    assert.equal(far.text, 'first')
  })

  it('reads nothing before it is started, and loses nothing', async (t) => {
    const setup = makeNet(t)
    const { near, far } = await connectedPair(t, setup)
    near.connection.write(Buffer.from('early '))
    far.listen()
    far.connection.write(Buffer.from('signal'))
    near.listen()
    await setup.until(() => near.text === 'signal')
    near.connection.write(Buffer.from('late'))
    await setup.until(() => far.text === 'early late')
  })

  it('stays silent while it is paused', async (t) => {
    const setup = makeNet(t)
    const { near, far } = await connectedPair(t, setup)
    near.listen()
    far.listen().connection.pause()
    near.connection.write(Buffer.from('held'))
    far.connection.write(Buffer.from('the other way'))
    await setup.until(() => near.text === 'the other way')
    assert.equal(far.byteCount, 0)
    far.connection.resume()
    await setup.until(() => far.text === 'held')
  })
}

function pressureContract(makeNet: NetMaker): void {
  it('says when the kernel takes no more, and calls when it has taken all', async (t) => {
    const setup = makeNet(t)
    const { near, far } = await connectedPair(t, setup)
    near.listen()
    let writtenBytes = 0
    let isTaken = true
    while (isTaken && writtenBytes < 2 ** 28) {
      isTaken = near.connection.write(Buffer.alloc(65_536, 1))
      writtenBytes += 65_536
    }
    assert.equal(isTaken, false)
    assert.ok(near.connection.bufferedBytes > 0)
    assert.equal(near.connection.write(Buffer.from('one more')), false)
    writtenBytes += 8
    assert.equal(near.drainedCount, 0)
    far.listen()
    await setup.until(() => far.byteCount === writtenBytes && near.drainedCount > 0)
    assert.equal(near.connection.bufferedBytes, 0)
    assert.equal(near.drainedCount, 1)
    assert.equal(near.connection.write(Buffer.from('small')), setup.takesAtOnce)
  })

  it('calls an owner who listens only later', async (t) => {
    const setup = makeNet(t)
    const { near, far } = await connectedPair(t, setup)
    let writtenBytes = 0
    while (near.connection.write(Buffer.alloc(65_536)) && writtenBytes < 2 ** 28) writtenBytes += 65_536
    far.listen()
    await setup.until(() => near.connection.bufferedBytes === 0)
    near.listen()
    await setup.until(() => near.drainedCount === 1)
  })
}

function endContract(makeNet: NetMaker): void {
  it('delivers everything that was written before an end, then closes both sides once', async (t) => {
    const setup = makeNet(t)
    const { near, far } = await connectedPair(t, setup)
    near.listen()
    for (let part = 0; part < 40; part++) near.connection.write(Buffer.alloc(100_000, part))
    near.connection.end()
    near.connection.end()
    far.listen()
    await setup.until(() => near.closedCount > 0 && far.closedCount > 0)
    assert.equal(far.byteCount, 4_000_000)
    assert.deepEqual([near.closedCount, far.closedCount], [1, 1])
    assert.deepEqual([near.dataAfterClose, far.dataAfterClose], [false, false])
  })

  it('delivers a last answer although the peer goes on sending', async (t) => {
    const setup = makeNet(t)
    const { near, far } = await connectedPair(t, setup)
    far.listen()
    near.listen()
    for (let part = 0; part < 20; part++) far.connection.write(Buffer.alloc(50_000))
    near.connection.write(Buffer.from('goodbye'))
    near.connection.end()
    await setup.until(() => near.closedCount > 0 && far.closedCount > 0)
    assert.equal(far.text, 'goodbye')
  })

  it('ends although nobody listens here', async (t) => {
    const setup = makeNet(t)
    const { near, far } = await connectedPair(t, setup)
    far.listen()
    far.connection.write(Buffer.from('unread'))
    near.connection.write(Buffer.from('refusal'))
    near.connection.end()
    await setup.until(() => far.closedCount === 1)
    assert.equal(far.text, 'refusal')
    near.listen()
    await setup.until(() => near.closedCount === 1)
  })
}

function closeContract(makeNet: NetMaker): void {
  it('closes both sides once when one destroys', async (t) => {
    const setup = makeNet(t)
    const { near, far } = await connectedPair(t, setup)
    near.listen()
    far.listen()
    near.connection.destroy()
    near.connection.destroy()
    assert.equal(near.closedCount, 0) // never within the call
    await setup.until(() => near.closedCount > 0 && far.closedCount > 0)
    assert.deepEqual([near.closedCount, far.closedCount], [1, 1])
  })

  it('swallows what is written after the end', async (t) => {
    const setup = makeNet(t)
    const { near, far } = await connectedPair(t, setup)
    near.listen()
    far.listen()
    near.connection.end()
    assert.equal(near.connection.write(Buffer.from('too late')), true)
    await setup.until(() => near.closedCount > 0 && far.closedCount > 0)
    assert.equal(far.connection.write(Buffer.from('too late')), true)
    near.connection.end()
    near.connection.pause()
    near.connection.resume()
    assert.deepEqual([near.closedCount, far.closedCount, far.byteCount], [1, 1, 0])
  })

  it('tells an owner who starts too late that it is closed', async (t) => {
    const setup = makeNet(t)
    const { near, far } = await connectedPair(t, setup)
    near.listen()
    far.connection.destroy()
    await setup.until(() => near.closedCount === 1)
    far.listen()
    assert.equal(far.closedCount, 0)
    await setup.until(() => far.closedCount === 1)
  })
}
