import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { Connection } from '../host.ts'
import { RealNet } from './real-net.ts'
import { WatchedNet } from './watched-net.ts'

const quiet = { debug() {}, info() {}, warn() {}, error() {} }

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

async function until(isSo: () => boolean): Promise<void> {
  while (!isSo()) await turn()
}

describe('WatchedNet', () => {
  it('counts what is on its way between two of its users, and what leaves for others', async () => {
    const net = new WatchedNet(new RealNet(quiet))
    const accepted: Connection[] = []
    const listener = await net.listen({ host: '127.0.0.1', port: 0 }, (connection) =>
      accepted.push(connection),
    )
    const connection = await net.connect(listener.endpoint, 1000)
    await until(() => accepted.length === 1)
    assert.deepEqual([net.inFlightBytes, net.outsideBytes, net.connecting], [0, 0, 0])
    connection.write(Buffer.alloc(10))
    assert.equal(net.inFlightBytes, 10)
    let bytes = 0
    const ear = { data: (chunk: Buffer) => (bytes += chunk.length), drained() {}, closed() {} }
    accepted[0]?.start(ear)
    await until(() => bytes === 10)
    assert.equal(net.inFlightBytes, 0)

    // written and never read
    connection.write(Buffer.alloc(5))
    assert.equal(net.inFlightBytes, 5)
    connection.start({ data() {}, drained() {}, closed() {} })
    accepted[0]?.destroy()
    await until(() => net.inFlightBytes === 0)

    const foreign = await new RealNet(quiet).connect(listener.endpoint, 1000)
    await until(() => accepted.length === 2)
    accepted[1]?.write(Buffer.alloc(7))
    assert.deepEqual([net.inFlightBytes, net.outsideBytes], [0, 7])
    foreign.destroy()
    connection.destroy()
    accepted[1]?.destroy()
    await listener.close()
  })
})
