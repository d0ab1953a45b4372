import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { connect as connectPlain } from 'node:net'
import { describe, it } from 'node:test'
import { testPem, testPemPath } from '#ternmq/base/host/test-pem.ts'
import { connect } from '#ternmq/client/index.ts'
import { TestSystem, until } from './test-system.ts'

/** Broker and NameServer that speak nothing but TLS, and trust each other and clients by one authority. */
const enforcing = {
  tlsServerMode: 'enforcing',
  tlsServerCertPath: testPemPath('server.pem'),
  tlsServerKeyPath: testPemPath('server.key'),
  tlsServerNeedClientAuth: 'require',
  tlsServerTrustCertPath: testPemPath('ca.pem'),
  tlsEnable: 'true',
  tlsClientTrustCertPath: testPemPath('ca.pem'),
  tlsClientCertPath: testPemPath('client.pem'),
  tlsClientKeyPath: testPemPath('client.key'),
}

const tls = { ca: testPem('ca.pem'), cert: testPem('client.pem'), key: testPem('client.key') }

const permissive = {
  tlsServerCertPath: testPemPath('server.pem'),
  tlsServerKeyPath: testPemPath('server.key'),
}

describe('a system where TLS is permitted', () => {
  it('serves clients with and without it, on the same ports', async (t) => {
    const { namesrv, ...system } = await TestSystem.start(t, { settings: permissive })
    const caPath = testPemPath('ca.pem')
    const client = await connect({ namesrv, tls: { ca: readFileSync(caPath, 'utf8') } })
    system.clients.push(client)
    const plain = await connect({ namesrv })
    system.clients.push(plain)
    for (const each of [client, plain]) {
      assert.equal((await each.producer().send({ topic: 'both', body: 'x' })).status, 'SEND_OK')
    }
  })
})

describe('a system where TLS is enforced', () => {
  it('registers, sends and consumes over TLS only', async (t) => {
    const system = await TestSystem.start(t, { settings: enforcing })
    const client = await system.client({ tls })
    const producer = client.producer()
    const body = randomBytes(200_000)
    for (let i = 0; i < 20; i++) await producer.send({ topic: 'secured', body })
    const consumer = client.consumer({ group: 'readers', topic: 'secured', from: 'earliest' })
    let bytes = 0
    void consumer.run((message) => {
      bytes += message.body.length
    })
    await until(() => bytes === 20 * body.length)
    await assert.rejects(system.client({ tls: { ca: testPem('other-ca.pem') } }), { code: 'connectionLost' })
    const { host, port } = system.brokerAddress
    const plain = connectPlain(port, host)
    plain.on('error', () => undefined)
    plain.write(Buffer.from([0, 0, 0, 1]))
    plain.resume()
    await once(plain, 'close')
  })
})
