import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { MqError } from '../base/errors.ts'
import type { Connection } from '../base/host.ts'
import { decodeCommand, encodeCommand } from '../protocol/remoting-command.ts'
import { ResponseCode } from '../protocol/response-code.ts'
import { CONNECTION_LIMITS, type RemotingConnection } from './remoting-connection.ts'
import { SERVER_ADDRESS, SERVER_IP, TestEnds } from './test-ends.ts'

const ECHO = 900
const NEVER = 901
const NOTE = 902

/** A server that echoes, that never answers, and that notes what comes. */
async function echoEnds(options: ConstructorParameters<typeof TestEnds>[0] = {}): Promise<TestEnds> {
  const ends = new TestEnds(options)
  ends.dispatcher.add({
    [ECHO]: ({ fields, body }) => ({ extFields: { ...fields }, body }),
    [NEVER]: () => new Promise(() => undefined),
  })
  await ends.listen()
  return ends
}

function serverSide(ends: TestEnds): RemotingConnection {
  const [connection] = ends.server.connections.values()
  assert(connection)
  return connection
}

describe('RemotingConnection', () => {
  it('takes a request to its handler and the answer to its sender', async () => {
    const ends = await echoEnds()
    const body = Buffer.from('a body')
    const response = await ends.result(
      ends.client().invoke(SERVER_ADDRESS, { code: ECHO, extFields: { name: 'value' }, body }, 3000),
    )
    assert.equal(response.code, ResponseCode.SUCCESS)
    assert.equal(response.flag, 1)
    assert.deepEqual({ ...response.extFields }, { name: 'value' })
    assert.deepEqual(response.body, body)
  })

  it('matches answers that come in any order', async () => {
    const ends = await echoEnds()
    const release: (() => void)[] = []
    ends.dispatcher.add({
      [NOTE]: ({ body }) => new Promise((resolve) => release.push(() => resolve({ body }))),
    })
    const client = ends.client()
    const invoke = (text: string) =>
      client.invoke(SERVER_ADDRESS, { code: NOTE, body: Buffer.from(text) }, 3000)
    const answers = Promise.all(['one', 'two', 'three'].map(invoke))
    await ends.clock.advanceUntil(() => release.length === 3, 1000)
    for (const answer of release.reverse()) answer()
    const texts = (await ends.result(answers)).map(({ body }) => body.toString())
    assert.deepEqual(texts, ['one', 'two', 'three'])
  })

  it('answers no oneway request, not even one that fails', async () => {
    const ends = await echoEnds()
    const seen: string[] = []
    ends.dispatcher.add({
      [NOTE]: ({ body }) => {
        seen.push(body.toString())
        throw new Error('refused')
      },
    })
    const raw = await ends.rawConnection()
    let answered = 0
    raw.start({ data: (chunk) => (answered += chunk.length), drained() {}, closed() {} })
    raw.write(encodeCommand({ code: NOTE, opaque: 1, flag: 2, body: Buffer.from('heard') }))
    raw.write(encodeCommand({ code: 12_345, opaque: 2, flag: 2 }))
    await ends.clock.advance(1000)
    assert.deepEqual(seen, ['heard'])
    assert.equal(answered, 0)
  })

  it('fails a request with timeout when no answer comes, and takes the late one for nothing', async () => {
    const ends = await echoEnds()
    let answer = (): void => undefined
    ends.dispatcher.add({
      [NOTE]: () => new Promise((resolve) => (answer = () => resolve({ code: 0 }))),
    })
    const client = ends.client()
    const startMs = ends.clock.monoMs()
    const request = client.invoke(SERVER_ADDRESS, { code: NOTE }, 500)
    await assert.rejects(ends.result(request), { name: 'MqError', kind: 'timeout' })
    const tookMs = ends.clock.monoMs() - startMs
    assert(tookMs >= 500 && tookMs < 700, `${tookMs} ms`)
    answer()
    const echo = client.invoke(SERVER_ADDRESS, { code: ECHO, body: Buffer.from('still there') }, 500)
    assert.equal((await ends.result(echo)).body.toString(), 'still there')
  })

  it('fails all open requests with connectionLost when the connection breaks', async () => {
    const ends = await echoEnds()
    const client = ends.client()
    const requests = [1, 2, 3].map(() => client.invoke(SERVER_ADDRESS, { code: NEVER }, 60_000))
    const outcome = Promise.allSettled(requests)
    await ends.clock.advanceUntil(() => ends.server.connections.size === 1, 1000)
    serverSide(ends).destroy()
    for (const result of await ends.result(outcome)) {
      assert.equal(result.status, 'rejected')
      assert.equal(((result as PromiseRejectedResult).reason as MqError).kind, 'connectionLost')
    }
    assert.equal(client.connected(SERVER_ADDRESS), undefined)
  })

  it("carries requests of the server to the client over the client's connection", async () => {
    const ends = await echoEnds()
    const seen: string[] = []
    const { dispatcher } = new TestEnds()
    dispatcher.add({
      [NOTE]: ({ body, isOneway }) => {
        seen.push(`${body}${isOneway ? ' oneway' : ''}`)
        return { body: Buffer.from('client') }
      },
    })
    const client = ends.client({ dispatcher })
    await ends.result(client.invoke(SERVER_ADDRESS, { code: ECHO }, 3000))
    const connection = serverSide(ends)
    const answer = await ends.result(connection.invoke({ code: NOTE, body: Buffer.from('asked') }, 3000))
    assert.equal(answer.body.toString(), 'client')
    connection.sendOneway({ code: NOTE, body: Buffer.from('told') })
    await ends.clock.advance(100)
    assert.deepEqual(seen, ['asked', 'told oneway'])
  })

  it('answers in the form of the last frame, and knows language and release of the peer', async () => {
    const ends = await echoEnds()
    const raw = await ends.rawConnection()
    const frames: Buffer[] = []
    raw.start({ data: (chunk) => frames.push(Buffer.from(chunk)), drained() {}, closed() {} })
    raw.write(encodeCommand({ code: ECHO, opaque: 7, language: 9, version: 317 }, 1))
    await ends.clock.advance(100)
    const answer = Buffer.concat(frames)
    assert.equal(answer[4], 1)
    assert.equal(decodeCommand(answer).opaque, 7)
    assert.equal(serverSide(ends).language, 9)
    assert.equal(serverSide(ends).version, 317)
  })

  it('sends all that is written in one turn by one write', async () => {
    const ends = await echoEnds()
    const client = ends.client()
    await ends.result(client.invoke(SERVER_ADDRESS, { code: ECHO }, 3000))
    const connection = client.connected(SERVER_ADDRESS)
    assert(connection)
    const before = connection.lastActiveMs
    for (let i = 0; i < 100; i++) connection.sendOneway({ code: ECHO, body: Buffer.alloc(10) })
    assert(connection.unsentBytes > 100 * 10)
    assert.equal(connection.lastActiveMs, before)
    await ends.clock.advance(0)
    assert.equal(connection.unsentBytes, 0)
  })

  it('says when what it has sent is with the kernel, also when that is never', async () => {
    const ends = await echoEnds()
    const client = ends.client()
    const connection = await ends.result(client.connection(SERVER_ADDRESS))
    const heard: ('written' | 'closed')[] = []
    connection.sendOneway({ code: NOTE, body: Buffer.alloc(2_000_000) })
    connection.whenWritten(() => heard.push('written'))
    assert.equal(heard.length, 0)
    await ends.clock.advance(1000)
    assert.equal(heard.length, 1)
    connection.destroy()
    connection.whenWritten(() => heard.push('closed'))
    await ends.clock.advance(1000)
    assert.deepEqual(heard, ['written', 'closed'])
  })

  it('refuses a request on a closed connection', async () => {
    const ends = await echoEnds()
    const connection = await ends.result(ends.client().connection(SERVER_ADDRESS))
    connection.destroy()
    await ends.clock.advance(100)
    await assert.rejects(connection.invoke({ code: ECHO }, 1000), { kind: 'connectionLost' })
  })

  it('throws for a request beyond the frame limit and keeps nothing of it', async () => {
    const ends = await echoEnds()
    const connection = await ends.result(ends.client().connection(SERVER_ADDRESS))
    const body = Buffer.alloc(16_777_216)
    await assert.rejects(connection.invoke({ code: ECHO, body }, 1000), { kind: 'badFrame' })
    await ends.clock.advance(5000)
    assert.equal(connection.isClosed, false)
    assert.equal((await ends.result(connection.invoke({ code: ECHO }, 1000))).code, 0)
  })
})

describe('RemotingConnection against hostile peers', () => {
  it('closes at once for lengths that lie, and allocates nothing by them', async () => {
    const lies = [
      'ffffffff00000000', // a negative length
      '0000000000000000', // too short for its own header length
      '0000000300000000',
      '7fffffff00000010', // more than any frame
      '0100000100000010', // one byte more than the limit
      '00000010000000ff', // a header longer than its frame
      '0000001002000004', // an unknown serialisation
      '00ffffff00ffffff', // a header of 16 MiB
    ]
    for (const lie of lies) {
      const ends = await echoEnds()
      const raw = await ends.rawConnection()
      let isClosed = false
      raw.start({ data() {}, drained() {}, closed: () => (isClosed = true) })
      const beforeBytes = process.memoryUsage().arrayBuffers
      raw.write(Buffer.from(lie, 'hex'))
      await ends.clock.advance(200)
      assert(isClosed, lie)
      assert(process.memoryUsage().arrayBuffers - beforeBytes < 4_000_000, lie)
      assert.equal(ends.server.connections.size, 0)
      assert.match(ends.log.lines.join(), /it sent what is no frame/)
    }
  })

  it('closes for a header that cannot be read', async () => {
    const ends = await echoEnds()
    const raw = await ends.rawConnection()
    let isClosed = false
    raw.start({ data() {}, drained() {}, closed: () => (isClosed = true) })
    const frame = encodeCommand({ code: ECHO, opaque: 1 })
    frame[9] = 0
    raw.write(frame)
    await ends.clock.advance(200)
    assert(isClosed)
  })

  it('serves the others while one lies', async () => {
    const ends = await echoEnds()
    const client = ends.client()
    const raw = await ends.rawConnection()
    raw.start({ data() {}, drained() {}, closed() {} })
    raw.write(Buffer.from('7fffffff00000010', 'hex'))
    assert.equal((await ends.result(client.invoke(SERVER_ADDRESS, { code: ECHO }, 3000))).code, 0)
  })

  it('stops reading from a peer that does not read, and closes it at twice the cap', async () => {
    const limits = { ...CONNECTION_LIMITS, unreadBytesMax: 1_000_000 }
    const ends = await echoEnds({ limits })
    const raw = await ends.rawConnection()
    let answeredCount = 0
    ends.dispatcher.add({
      [NOTE]: () => {
        answeredCount++
        return { body: Buffer.alloc(300_000) }
      },
    })
    sendMany(raw, 100, 300)
    await ends.clock.advance(100)
    const { unsentBytes } = serverSide(ends)
    assert(answeredCount < 10, `${answeredCount} answers of 300 kB were made`)
    assert(unsentBytes <= 1_300_000, `${unsentBytes} bytes wait`)
    // one answer that is larger than all the room there is
    ends.dispatcher.add({ [NEVER + 10]: () => ({ body: Buffer.alloc(4_000_000) }) })
    const other = await ends.rawConnection()
    other.write(encodeCommand({ code: NEVER + 10, opaque: 1 }))
    await ends.clock.advance(1000)
    assert.match(ends.log.lines.join(), /it does not read/)
    assert.equal(ends.server.connections.size, 1)
  })

  it('goes on when a slow reader has read', async () => {
    const limits = { ...CONNECTION_LIMITS, unreadBytesMax: 1_000_000 }
    const ends = await echoEnds({ limits })
    const raw = await ends.rawConnection()
    ends.dispatcher.add({ [NOTE]: () => ({ body: Buffer.alloc(300_000) }) })
    sendMany(raw, 20, 0)
    await ends.clock.advance(100)
    let bytes = 0
    raw.start({ data: (chunk) => (bytes += chunk.length), drained() {}, closed() {} })
    await ends.clock.advanceUntil(() => bytes > 20 * 300_000, 20_000)
    assert(bytes > 20 * 300_000, `${bytes} bytes came`)
  })

  it('reads no further at the cap of requests under way, and goes on at half of it', async () => {
    const limits = { ...CONNECTION_LIMITS, inFlightMax: 10 }
    const ends = await echoEnds({ limits })
    const waiting: (() => void)[] = []
    ends.dispatcher.add({ [NOTE]: () => new Promise((resolve) => waiting.push(() => resolve({}))) })
    const client = ends.client()
    const requests = Array.from({ length: 50 }, () => client.invoke(SERVER_ADDRESS, { code: NOTE }, 60_000))
    const all = Promise.all(requests)
    await ends.clock.advance(1000)
    assert.equal(waiting.length, 10)
    for (const answer of waiting.splice(0, 4)) answer()
    await ends.clock.advance(1000)
    assert.equal(waiting.length, 6, 'more than half are under way')
    for (const answer of waiting.splice(0, 1)) answer()
    await ends.clock.advance(1000)
    assert.equal(waiting.length, 10)
    let left = 50 - 5
    while (left > 0) {
      left -= waiting.length
      for (const answer of waiting.splice(0)) answer()
      await ends.clock.advance(1000)
    }
    assert.equal((await ends.result(all)).length, 50)
  })

  it('reads no further at the cap of bytes under way, and goes on when all are answered', async () => {
    const limits = { ...CONNECTION_LIMITS, inFlightBytesMax: 10_000 }
    const ends = await echoEnds({ limits })
    const waiting: (() => void)[] = []
    ends.dispatcher.add({ [NOTE]: () => new Promise((resolve) => waiting.push(() => resolve({}))) })
    const client = ends.client()
    const body = Buffer.alloc(3000)
    const requests = Array.from({ length: 9 }, () =>
      client.invoke(SERVER_ADDRESS, { code: NOTE, body }, 60_000),
    )
    const all = Promise.all(requests)
    await ends.clock.advance(1000)
    assert.equal(waiting.length, 4)
    for (const answer of waiting.splice(0, 3)) answer()
    await ends.clock.advance(1000)
    assert.equal(waiting.length, 1, 'one is still under way')
    for (let left = 9 - 3; left > 0; ) {
      left -= waiting.length
      for (const answer of waiting.splice(0)) answer()
      await ends.clock.advance(1000)
    }
    assert.equal((await ends.result(all)).length, 9)
  })

  it('does not take a busy peer that is always within a frame for a slow one', async () => {
    const ends = await echoEnds()
    const raw = await ends.rawConnection()
    let answered = 0
    raw.start({ data: () => answered++, drained() {}, closed() {} })
    const frame = encodeCommand({ code: ECHO, opaque: 1, body: Buffer.alloc(100) })
    const half = Math.floor(frame.length / 2)
    raw.write(frame.subarray(0, half))
    for (let second = 0; second < 120; second++) {
      raw.write(Buffer.concat([frame.subarray(half), frame.subarray(0, half)]))
      await ends.clock.advance(1000)
    }
    assert.equal(ends.server.connections.size, 1)
    assert(answered > 100)
  })

  it('notices a peer on the other side of a cut by its time-out', async () => {
    const ends = await echoEnds()
    const client = ends.client()
    await ends.result(client.invoke(SERVER_ADDRESS, { code: ECHO }, 3000))
    ends.network.partition('10.0.0.1', SERVER_IP)
    const request = client.invoke(SERVER_ADDRESS, { code: ECHO }, 3000)
    await assert.rejects(ends.result(request), { kind: 'timeout' })
  })
})

function sendMany(raw: Connection, count: number, firstOpaque: number): void {
  for (let i = 0; i < count; i++) raw.write(encodeCommand({ code: NOTE, opaque: firstOpaque + i }))
}
