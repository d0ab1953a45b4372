import assert from 'node:assert/strict'
import dns from 'node:dns'
import { createServer, connect as openSocket, type Server, type Socket } from 'node:net'
import { describe, it, type TestContext } from 'node:test'
import { TestSystem, until, untilTopic } from './test-system.ts'

/** Carries connections on to a port of 127.0.0.1. @returns its port, and what cuts all of it */
async function forwarder(
  t: TestContext,
  host: string,
  from: number,
  to: number,
): Promise<[number, () => void]> {
  const sockets = new Set<Socket>()
  const server: Server = createServer((socket) => {
    const onward = openSocket({ host: '127.0.0.1', port: to })
    for (const [one, other] of [
      [socket, onward],
      [onward, socket],
    ] as const) {
      sockets.add(one)
      one.on('error', () => other.destroy()).on('close', () => other.destroy())
    }
    socket.pipe(onward).pipe(socket)
  })
  await new Promise<void>((resolve) => server.listen(from, host, resolve))
  const cut = (): void => {
    server.close()
    for (const socket of sockets) socket.destroy()
  }
  t.after(cut)
  const address = server.address()
  return [typeof address === 'object' && address ? address.port : 0, cut]
}

describe('the SDK, where servers come and go', () => {
  it('sends by the other broker when one is gone', async (t) => {
    const system = await TestSystem.start(t)
    const stop = await system.addBroker('other')
    const client = await system.client()
    await until(async () => (await client.admin.clusterInfo()).brokerAddrTable.size === 2)
    await client.admin.createTopic({ topic: 'orders', queueCount: 2 })
    await untilTopic(client, 'orders')
    await until(async () => (await client.admin.queues('orders')).length === 4)
    const producer = client.producer()
    const brokers = async (count: number): Promise<Set<string>> => {
      const sends = Array.from({ length: count }, (_, i) => producer.send({ topic: 'orders', body: `${i}` }))
      const results = await Promise.all(sends)
      assert.ok(results.every(({ status }) => status === 'SEND_OK'))
      return new Set(results.map(({ queue }) => queue.brokerName))
    }
    assert.equal((await brokers(8)).size, 2)
    const under = brokers(50)
    await stop()
    await under
    assert.equal((await brokers(8)).size, 1)
    // what must go to one broker goes there or fails: the order of messages would suffer
    const gone = { topic: 'orders', brokerName: 'other', queueId: 0 }
    await assert.rejects(producer.send({ topic: 'orders', body: 'x' }, { queue: gone }))
  })

  it('looks names up anew for each connection', async (t) => {
    const system = await TestSystem.start(t)
    const namesrvPort = Number(system.namesrv.split(':')[1])
    const [port, cut] = await forwarder(t, '127.0.0.2', 0, namesrvPort)
    await forwarder(t, '127.0.0.3', port, namesrvPort)
    let address = '127.0.0.2'
    const { lookup } = dns
    const played = (name: string, options: dns.LookupOptions, callback: (...result: unknown[]) => void) => {
      if (name !== 'names.test') return lookup(name, options, callback)
      process.nextTick(callback, null, options.all ? [{ address, family: 4 }] : address, 4)
    }
    t.mock.method(dns, 'lookup', played as typeof lookup)
    const client = await system.client({ namesrv: `names.test:${port}` })
    const send = (topic: string) => client.producer().send({ topic, body: 'x' })
    assert.equal((await send('one')).status, 'SEND_OK')
    // the name has moved, and where it was nobody listens
    address = '127.0.0.3'
    const isCut = new Promise<void>((resolve) => client.on('disconnected', () => resolve()))
    cut()
    await isCut
    assert.equal((await send('two')).status, 'SEND_OK')
  })
})
