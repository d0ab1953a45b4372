import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect as connectPlain } from 'node:net'
import { describe, it, type TestContext } from 'node:test'
import { connect as connectTls } from 'node:tls'
import { MqError } from '../errors.ts'
import type { ClientTls, Connection, Listener, ServerTls, TlsCredentials } from '../host.ts'
import { RealNet } from './real-net.ts'
import { testPem } from './test-pem.ts'

const ca = testPem('ca.pem')

const SERVER: TlsCredentials = {
  certificate: testPem('server.pem'),
  privateKey: testPem('server.key'),
  trusted: ca,
}

const CLIENT: ClientTls = { verifiesServer: true, credentials: { trusted: ca } }

function clientTls(name: string): ClientTls {
  const credentials = { trusted: ca, certificate: testPem(`${name}.pem`), privateKey: testPem(`${name}.key`) }
  return { verifiesServer: true, credentials }
}

/** A server that echoes, and what it logs. */
class EchoServer {
  readonly logged: string[] = []
  readonly net: RealNet
  open = 0
  port = 0

  constructor(tls: Partial<ServerTls> = {}) {
    const info = (_: object, text: string): number => this.logged.push(text)
    const log = { debug() {}, info, warn: info, error: info }
    const server = tls as { -readonly [Name in keyof ServerTls]: ServerTls[Name] }
    server.mode ??= 'permissive'
    server.clientAuth ??= 'none'
    server.credentials ??= SERVER
    this.net = new RealNet(log, { server })
  }

  async listen(t: TestContext): Promise<Listener> {
    const listener = await this.net.listen({ host: '127.0.0.1', port: 0 }, (connection) => {
      this.open++
      t.after(() => connection.destroy())
      connection.start({
        data: (chunk) => connection.write(Buffer.from(chunk)),
        drained: () => undefined,
        closed: () => this.open--,
      })
    })
    t.after(() => listener.close())
    this.port = listener.endpoint.port
    return listener
  }

  /** What comes back for a word; 'closed' when the connection is closed instead. */
  async echo(t: TestContext, client: ClientTls | undefined, host = '127.0.0.1'): Promise<string> {
    const net = new RealNet({ debug() {}, info() {}, warn() {}, error() {} }, { client })
    const connection = await net.connect({ host, port: this.port }, 5000)
    t.after(() => connection.destroy())
    return answerOf(connection)
  }
}

function answerOf(connection: Connection): Promise<string> {
  return new Promise((resolve) => {
    connection.start({
      data: (chunk) => resolve(chunk.toString()),
      drained: () => undefined,
      closed: () => resolve('closed'),
    })
    connection.write(Buffer.from('word'))
  })
}

async function echoServer(t: TestContext, tls: Partial<ServerTls> = {}): Promise<EchoServer> {
  const server = new EchoServer(tls)
  await server.listen(t)
  return server
}

describe('TLS on the port of plain connections', () => {
  it('serves both where it is permissive', async (t) => {
    const server = await echoServer(t)
    assert.equal(await server.echo(t, CLIENT), 'word')
    assert.equal(await server.echo(t, undefined), 'word')
  })

  it('closes plain connections where it is enforcing', async (t) => {
    const server = await echoServer(t, { mode: 'enforcing' })
    assert.equal(await server.echo(t, CLIENT), 'word')
    assert.equal(await server.echo(t, undefined), 'closed')
  })

  it('lets nobody in without a trusted certificate where one is required', async (t) => {
    const server = await echoServer(t, { clientAuth: 'require' })
    assert.equal(await server.echo(t, clientTls('client')), 'word')
    for (const client of [CLIENT, clientTls('stranger')]) {
      // under TLS 1.3 the client hears of the refusal only after its side of the handshake
      const outcome = await server.echo(t, client).catch((error: unknown) => error)
      assert.ok(outcome === 'closed' || outcome instanceof MqError, String(outcome))
    }
  })

  it('checks a certificate that it does not require', async (t) => {
    const server = await echoServer(t, { clientAuth: 'optional' })
    assert.equal(await server.echo(t, clientTls('client')), 'word')
    assert.equal(await server.echo(t, CLIENT), 'word')
    assert.equal(await server.echo(t, clientTls('stranger')), 'closed')
  })

  it('refuses versions before 1.2', async (t) => {
    const server = await echoServer(t)
    const socket = connectTls({
      ...{ host: '127.0.0.1', port: server.port, ca, ciphers: 'DEFAULT:@SECLEVEL=0' },
      ...{ minVersion: 'TLSv1', maxVersion: 'TLSv1.1' },
    })
    t.after(() => socket.destroy())
    const [error] = await once(socket, 'error')
    assert.match(String(error), /version|protocol/i)
  })

  it('closes a handshake that is none, and counts the connection until then', async (t) => {
    const server = await echoServer(t)
    const socket = connectPlain(server.port, '127.0.0.1')
    await once(socket, 'connect')
    socket.on('error', () => undefined)
    socket.write(Buffer.from([0x16, 0x03, 0x01, 0xff, 0xff, ...Buffer.from('x'.repeat(600))]))
    socket.resume()
    await once(socket, 'close')
    assert.deepEqual(server.logged, ['connection closed: no TLS could be agreed upon'])
    // the owner was told: `closed` came
    assert.equal(await server.echo(t, CLIENT), 'word')
    assert.equal(server.open, 1)
  })

  it('uses other credentials for connections that come after the change', async (t) => {
    const tls = { credentials: SERVER }
    const server = await echoServer(t, tls)
    const nameOf = async (): Promise<unknown> => {
      const socket = connectTls({ host: '127.0.0.1', port: server.port, ca })
      t.after(() => socket.destroy())
      await once(socket, 'secureConnect')
      return socket.getPeerCertificate().subject.CN
    }
    assert.equal(await nameOf(), 'TernMQ test server')
    tls.credentials = {
      ...SERVER,
      certificate: testPem('server-2.pem'),
      privateKey: testPem('server-2.key'),
    }
    assert.equal(await nameOf(), 'TernMQ second test server')
  })
})

describe('TLS of those who connect', () => {
  it('refuses a server that nobody vouches for, unless it is not to check', async (t) => {
    const server = await echoServer(t)
    const doubting: ClientTls = { verifiesServer: true, credentials: { trusted: testPem('other-ca.pem') } }
    await assert.rejects(server.echo(t, doubting), { kind: 'connectionLost' })
    assert.equal(await server.echo(t, { ...doubting, verifiesServer: false }), 'word')
  })

  it('refuses a server of another name', async (t) => {
    const server = await echoServer(t)
    assert.equal(await server.echo(t, CLIENT, 'localhost'), 'word')
    await assert.rejects(server.echo(t, { ...CLIENT, serverName: 'broker.example' }), {
      kind: 'connectionLost',
    })
    assert.equal(await server.echo(t, { ...CLIENT, serverName: 'localhost' }), 'word')
  })

  it('opens an encrypted key, and says when it cannot', () => {
    const credentials = {
      certificate: testPem('server.pem'),
      privateKey: testPem('server-encrypted.key'),
      passphrase: 'test-only',
    }
    assert.ok(new EchoServer({ credentials }))
    assert.throws(() => new EchoServer({ credentials: { ...credentials, passphrase: 'wrong' } }), {
      kind: 'badSetting',
    })
    assert.throws(
      () => new EchoServer({ credentials: { ...SERVER, privateKey: testPem('client.key') } }),
      /key values mismatch/,
    )
  })
})
