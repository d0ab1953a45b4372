import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { endpointOf } from './remoting-client.ts'
import { CLIENT_IP, SERVER_ADDRESS, SERVER_IP, TestEnds } from './test-ends.ts'

const ECHO = 900

async function echoEnds(): Promise<TestEnds> {
  const ends = new TestEnds()
  ends.dispatcher.add({ [ECHO]: ({ body }) => ({ body }) })
  await ends.listen()
  return ends
}

describe('RemotingClient', () => {
  it('makes one connection an address, however many ask for it at once', async () => {
    const ends = await echoEnds()
    const client = ends.client()
    assert.equal(client.connected(SERVER_ADDRESS), undefined)
    const requests = Array.from({ length: 20 }, () => client.invoke(SERVER_ADDRESS, { code: ECHO }, 3000))
    await ends.result(Promise.all(requests))
    assert.equal(ends.server.connections.size, 1)
    assert.equal(client.connected(SERVER_ADDRESS), await client.connection(SERVER_ADDRESS))
  })

  it('connects anew after a connection was lost, and tells of the loss once', async () => {
    const ends = await echoEnds()
    const lost: string[] = []
    const client = ends.client({ onClosed: (address) => lost.push(address) })
    await ends.result(client.invoke(SERVER_ADDRESS, { code: ECHO }, 3000))
    ends.network.reset(CLIENT_IP, SERVER_IP)
    await ends.clock.advance(100)
    assert.deepEqual(lost, [SERVER_ADDRESS])
    await ends.result(client.invoke(SERVER_ADDRESS, { code: ECHO }, 3000))
    assert.deepEqual(lost, [SERVER_ADDRESS])
  })

  it('fails with connectionLost where nobody listens, and tries again at the next request', async () => {
    const ends = await echoEnds()
    const client = ends.client()
    ends.network.refuse(SERVER_IP, true)
    await assert.rejects(ends.result(client.invoke(SERVER_ADDRESS, { code: ECHO }, 3000)), {
      kind: 'connectionLost',
    })
    ends.network.refuse(SERVER_IP, false)
    await ends.result(client.invoke(SERVER_ADDRESS, { code: ECHO }, 3000))
  })

  it('fails with timeout where no answer to its connecting comes', async () => {
    const ends = await echoEnds()
    ends.network.partition(CLIENT_IP, SERVER_IP)
    const request = ends.client().invoke(SERVER_ADDRESS, { code: ECHO }, 60_000)
    await assert.rejects(ends.result(request), { kind: 'timeout' })
  })

  it('sends oneway requests without waiting for anything but a connection', async () => {
    const ends = await echoEnds()
    const heard: string[] = []
    ends.dispatcher.add({
      [ECHO + 1]: ({ body }) => {
        heard.push(body.toString())
        return {}
      },
    })
    await ends.result(ends.client().sendOneway(SERVER_ADDRESS, { code: ECHO + 1, body: Buffer.from('gone') }))
    await ends.clock.advance(100)
    assert.deepEqual(heard, ['gone'])
  })

  it('refuses work once it is closed, and leaves neither connection nor timer', async () => {
    const ends = await echoEnds()
    const client = ends.client()
    await ends.result(client.invoke(SERVER_ADDRESS, { code: ECHO }, 3000))
    await ends.result(client.close())
    await assert.rejects(client.invoke(SERVER_ADDRESS, { code: ECHO }, 3000), { kind: 'connectionLost' })
    await ends.clock.advance(3000)
    assert.equal(ends.server.connections.size, 0)
    void ends.server.close()
    await ends.clock.advance(10_000)
    assert.equal(ends.clock.timerCount, 0)
  })
})

describe('endpointOf', () => {
  it('reads names, IPv4 and IPv6 addresses', () => {
    assert.deepEqual(endpointOf('broker:10911'), { host: 'broker', port: 10_911 })
    assert.deepEqual(endpointOf('10.0.0.1:1'), { host: '10.0.0.1', port: 1 })
    assert.deepEqual(endpointOf('[fd00::2]:10911'), { host: 'fd00::2', port: 10_911 })
  })

  it('refuses what is no address', () => {
    for (const text of [
      '',
      'broker',
      ':1',
      'broker:',
      'broker:x',
      'broker:65536',
      'broker:-1',
      'broker:1.5',
    ]) {
      assert.throws(() => endpointOf(text), { kind: 'invalidParameter' }, text)
    }
  })
})
