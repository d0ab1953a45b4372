import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { describe, it } from 'node:test'
import { setImmediate } from 'node:timers/promises'
import { MqError } from '../errors.ts'
import type { Connection } from '../host.ts'
import { RealNet } from './real-net.ts'

/**
 * Listens with the shortest queue, says where, and then never accepts: the kernel soon answers no more
 * connects.
 */
const DEAF = `
import { createServer } from 'node:net'
const server = createServer().listen({ host: '127.0.0.1', port: 0, backlog: 1 }, () => {
  process.stdout.write(String(server.address().port), () =>
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 60_000),
  )
})
`

/** The memory in which each of `count` connections gets its bytes, at both ends. */
async function roomsOf(net: RealNet, count: number): Promise<Set<ArrayBufferLike>> {
  const rooms = new Set<ArrayBufferLike>()
  const heard: Promise<void>[] = []
  const listen = (connection: Connection): void => {
    const data = (resolve: () => void) => (chunk: Buffer) => {
      rooms.add(chunk.buffer)
      resolve()
    }
    const first = (resolve: () => void) =>
      connection.start({ data: data(resolve), drained() {}, closed() {} })
    heard.push(new Promise(first))
  }
  const accepted: Connection[] = []
  const listener = await net.listen({ host: '127.0.0.1', port: 0 }, (connection) => {
    accepted.push(connection)
    listen(connection)
    connection.write(Buffer.from('there'))
  })
  const opened = Array.from({ length: count }, () => net.connect(listener.endpoint, 5000))
  const near = await Promise.all(opened)
  for (const connection of near) {
    listen(connection)
    connection.write(Buffer.from('here'))
  }
  while (heard.length < 2 * count) await setImmediate()
  await Promise.all(heard)
  for (const connection of [...near, ...accepted]) connection.destroy()
  await listener.close()
  return rooms
}

describe('RealNet', () => {
  it('reads into one buffer, whatever the connection and its end', async () => {
    const rooms = await roomsOf(new RealNet({ debug() {}, info() {}, warn() {}, error() {} }), 3)
    assert.equal(rooms.size, 1)
  })

  it('gives up a connect after its time', async (t) => {
    const deaf = spawn(process.execPath, ['--input-type=module', '-e', DEAF])
    t.after(() => deaf.kill('SIGKILL'))
    const [port] = await once(deaf.stdout, 'data')
    const net = new RealNet({ debug() {}, info() {}, warn() {}, error() {} })
    const connects = Array.from({ length: 8 }, () =>
      net.connect({ host: '127.0.0.1', port: Number(port) }, 300).then(
        (connection) => connection.destroy(),
        (error) => error,
      ),
    )
    const errors = (await Promise.all(connects)).filter((result) => result !== undefined)
    assert.deepEqual(errors[0], new MqError('timeout', `127.0.0.1:${port} did not answer within 300 ms`))
  })
})
