import assert from 'node:assert/strict'
import { randomBytes, randomInt } from 'node:crypto'
import { connect as openSocket, type Socket } from 'node:net'
import { describe, it } from 'node:test'
import { connect } from '#ternmq/client/index.ts'
import { decodeCommand, encodeCommand } from '#ternmq/protocol/remoting-command.ts'
import { TestSystem, until } from './test-system.ts'

const topic = 'orders'

function rawSocket(system: TestSystem): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = openSocket(system.brokerAddress)
    socket.once('connect', () => resolve(socket))
    socket.on('error', reject)
  })
}

/** Sends bytes and waits until the broker closes the connection. */
async function closedBy(system: TestSystem, bytes: Buffer): Promise<void> {
  const socket = await rawSocket(system)
  let isClosed = false
  socket.on('close', () => {
    isClosed = true
  })
  socket.resume()
  socket.write(bytes)
  await until(() => isClosed)
}

/** Sends changed copies of a frame, over new connections where the broker closes one. */
async function sendMangled(system: TestSystem, frame: Buffer, count: number): Promise<void> {
  const socket = await rawSocket(system)
  socket.removeAllListeners('error').on('error', () => undefined)
  socket.resume()
  for (let i = 0; i < count && !socket.closed; i++) {
    const bytes = Buffer.from(frame)
    for (let left = 1 + (i % 3); left > 0; left--) {
      bytes[randomInt(bytes.length)] = randomInt(256)
    }
    socket.write(bytes)
  }
  await new Promise((resolve) => setImmediate(resolve))
  socket.destroy()
}

describe('a broker that is fed rubbish', () => {
  it('closes those connections, and serves the others', async (t) => {
    const system = await TestSystem.start(t)
    const client = await system.client()
    const producer = client.producer()
    const rubbish = [
      Buffer.from('GET / HTTP/1.1\r\nHost: x\r\n\r\n'),
      Buffer.from('ffffffff00000000', 'hex'),
      Buffer.from('7fffffff00000010', 'hex'),
      Buffer.from('0000001002000004', 'hex'),
      Buffer.from('000000140000000f7b22636f6465223a31307d7b7b7b7b7b7b', 'hex'),
      Buffer.concat([Buffer.from('0000ffff0000fffb', 'hex'), Buffer.alloc(65_531, '[')]),
    ]
    for (const bytes of rubbish) {
      await closedBy(system, bytes)
      assert.equal((await producer.send({ topic, body: 'still here' })).status, 'SEND_OK')
    }
  })

  it('refuses what it cannot do and keeps the connection', async (t) => {
    const system = await TestSystem.start(t)
    const socket = await rawSocket(system)
    let received = Buffer.alloc(0)
    socket.on('data', (chunk) => {
      received = Buffer.concat([received, chunk])
    })
    t.after(() => socket.destroy())
    const ask = async (command: Parameters<typeof encodeCommand>[0]): Promise<number> => {
      received = Buffer.alloc(0)
      socket.write(encodeCommand(command))
      await until(() => received.length >= 4 && received.length === 4 + received.readInt32BE(0))
      return decodeCommand(received).code
    }
    assert.equal(await ask({ code: 9999, opaque: 1 }), 3)
    const send = { b: topic, c: 'TBW102', d: '4', f: '0', g: '0', h: '0', a: 'p' }
    const bad = [
      [{ ...send, e: '99' }, 29],
      [{ ...send, e: 'x' }, 29],
      [{ ...send, e: '0', b: '../../etc' }, 29],
      [{ ...send, e: '0', b: 'SCHEDULE_TOPIC_XXXX' }, 16],
      [{ ...send, e: '0', b: 'absent', c: 'absent too' }, 17],
    ] as const
    for (const [index, [extFields, code]] of bad.entries()) {
      const body = Buffer.from('x')
      assert.equal(
        await ask({ code: 310, opaque: index + 10, extFields, body }),
        code,
        JSON.stringify(extFields),
      )
    }
    assert.equal(
      await ask({ code: 310, opaque: 30, extFields: { ...send, e: '0' }, body: Buffer.from('good') }),
      0,
    )
    for (const code of [34, 15, 11, 41, 105, 30]) {
      assert.notEqual(await ask({ code, opaque: 40, body: randomBytes(50) }), 0, `code ${code}`)
    }
  })

  it('survives ten thousand mangled requests, and so does what others have stored', async (t) => {
    const system = await TestSystem.start(t)
    const client = await system.client()
    const producer = client.producer()
    for (let i = 0; i < 50; i++) await producer.send({ topic, body: `kept ${i}` })
    const whole = encodeCommand({
      ...{ code: 310, opaque: 1, body: Buffer.from('mangled') },
      extFields: {
        a: 'p',
        b: 'mangled',
        c: 'TBW102',
        d: '4',
        e: '0',
        f: '0',
        g: '1',
        h: '0',
        i: 'A\u0001b\u0002',
      },
    })
    for (let round = 0; round < 100; round++) await sendMangled(system, whole, 100)
    const seen = new Set<string>()
    void client.consumer({ group: 'g', topic, from: 'earliest' }).run(({ text }) => {
      seen.add(text)
    })
    await until(() => seen.size >= 50)
    for (let i = 0; i < 50; i++) assert(seen.has(`kept ${i}`))
  })

  it('holds no more for a peer that reads nothing than it may', async (t) => {
    const system = await TestSystem.start(t)
    const client = await system.client()
    const producer = client.producer({ compressBytesMin: 1e9 })
    const body = randomBytes(200_000)
    for (let i = 0; i < 30; i++) await producer.send({ topic, body }, { queueIndex: 0 })
    const socket = await rawSocket(system)
    socket.pause()
    t.after(() => socket.destroy())
    const pull = (opaque: number) =>
      encodeCommand({
        ...{ code: 11, opaque },
        extFields: {
          ...{ consumerGroup: 'g', topic, queueId: '0', queueOffset: '0', maxMsgNums: '1', sysFlag: '4' },
          ...{ commitOffset: '0', suspendTimeoutMillis: '0', subVersion: '0', subscription: '*' },
        },
      })
    socket.write(Buffer.concat(Array.from({ length: 1000 }, (_, i) => pull(i))))
    // 200 MB of answers were asked for
    for (let i = 0; i < 20; i++) assert.equal((await producer.send({ topic, body: 'x' })).status, 'SEND_OK')
    assert(process.memoryUsage().arrayBuffers < 150_000_000, 'memory grows with what a peer asks for')
  })

  it('answers a client in words when there is no cluster at all', async () => {
    await assert.rejects(connect({ namesrv: '127.0.0.1:1' }), {
      code: 'connectionLost',
      retriable: true,
      message: /no NameServer can be reached/,
    })
  })
})
