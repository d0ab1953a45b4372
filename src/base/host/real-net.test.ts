import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { describe, it } from 'node:test'
import { MqError } from '../errors.ts'
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

describe('RealNet', () => {
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
