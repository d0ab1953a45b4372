import assert from 'node:assert/strict'
import { copyFileSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, it, type TestContext } from 'node:test'
import { testPem, testPemPath } from '../base/host/test-pem.ts'
import { VirtualClock } from '../base/host/virtual-clock.ts'
import { readConfig } from './config.ts'
import { settings } from './settings.ts'
import { TlsFiles } from './tls-files.ts'

/** Settings with TLS, on copies of certificate and key that the test may change. */
class Setup {
  readonly dir: string
  readonly clock = new VirtualClock(0)
  readonly logged: string[] = []

  constructor(t: TestContext) {
    this.dir = mkdtempSync(join(tmpdir(), 'ternmq-tls-'))
    t.after(() => rmSync(this.dir, { recursive: true }))
    this.put('server')
  }

  put(name: string): void {
    copyFileSync(testPemPath(`${name}.pem`), join(this.dir, 'server.pem'))
    copyFileSync(testPemPath(`${name}.key`), join(this.dir, 'server.key'))
  }

  files(given: Record<string, string> = {}): TlsFiles {
    const note = (_: object, text: string): number => this.logged.push(text)
    const log = { debug() {}, info: note, warn: note, error: note }
    const file = {
      tlsServerCertPath: join(this.dir, 'server.pem'),
      tlsServerKeyPath: join(this.dir, 'server.key'),
      ...given,
    }
    const paths = { file: 'broker.conf', 'run time': 'dynamic.json' }
    const { config } = readConfig({ flags: {}, environment: {}, runTime: {}, file, paths }, log)
    return new TlsFiles(config, { clock: this.clock, log })
  }
}

describe('TlsFiles', () => {
  it('secures nothing without a certificate, or where TLS is disabled', (t) => {
    const setup = new Setup(t)
    assert.equal(setup.files({ tlsServerCertPath: '', tlsServerKeyPath: '' }).security, undefined)
    assert.equal(setup.files({ tlsServerMode: 'disabled' }).security, undefined)
    assert.equal(setup.files().security?.server?.mode, 'permissive')
    assert.equal(setup.files().security?.client, undefined)
    assert.equal(setup.files({ tlsEnable: 'true' }).security?.client?.verifiesServer, true)
  })

  it('reads what has changed within ten seconds', async (t) => {
    const setup = new Setup(t)
    const files = setup.files()
    const certificate = (): string | undefined => files.security?.server?.credentials.certificate
    files.watch()
    await setup.clock.advance(30_000)
    assert.equal(certificate(), testPem('server.pem'))
    setup.put('server-2')
    await setup.clock.advance(10_001)
    assert.equal(certificate(), testPem('server-2.pem'))
    files.stop()
    setup.put('server')
    await setup.clock.advance(30_000)
    assert.equal(certificate(), testPem('server-2.pem'))
  })

  it('goes on with what it has when the new files cannot be used', (t) => {
    const setup = new Setup(t)
    const files = setup.files()
    setup.logged.length = 0
    writeFileSync(join(setup.dir, 'server.pem'), testPem('server-2.pem'))
    files.reload()
    files.reload()
    assert.deepEqual(setup.logged, ['changed certificate or key not used; the one before goes on'])
    assert.equal(files.security?.server?.credentials.certificate, testPem('server.pem'))
    writeFileSync(join(setup.dir, 'server.key'), testPem('server-2.key'))
    files.reload()
    assert.equal(files.security?.server?.credentials.certificate, testPem('server-2.pem'))
  })

  it('says once that a file cannot even be looked at', (t) => {
    const setup = new Setup(t)
    const files = setup.files()
    setup.logged.length = 0
    const path = join(setup.dir, 'server.pem')
    rmSync(path)
    symlinkSync(path, path)
    files.reload()
    files.reload()
    assert.deepEqual(setup.logged, ['changed certificate or key not used; the one before goes on'])
    assert.throws(() => setup.files(), { kind: 'badSetting', message: /server\.pem cannot be read/ })
  })

  it('refuses settings that would secure less than they say', (t) => {
    const setup = new Setup(t)
    const refused: readonly (readonly [Record<string, string>, RegExp])[] = [
      [{ tlsServerMode: 'enforcing', tlsServerCertPath: '' }, /enforcing wants tlsServerCertPath/],
      [{ tlsServerNeedClientAuth: 'require' }, /require wants tlsServerTrustCertPath/],
      [{ tlsServerKeyPath: testPemPath('client.key') }, /cannot be used/],
      [{ tlsServerKeyPath: join(setup.dir, 'missing') }, /missing cannot be read/],
      [
        { tlsServerKeyPath: testPemPath('server-encrypted.key'), tlsServerKeyPassword: 'wrong' },
        /cannot be used/,
      ],
    ]
    for (const [given, message] of refused)
      assert.throws(() => setup.files(given), { kind: 'badSetting', message })
    assert.ok(
      setup.files({
        tlsServerKeyPath: testPemPath('server-encrypted.key'),
        tlsServerKeyPassword: 'test-only',
      }),
    )
  })

  it('says when others may read a key', (t) => {
    const setup = new Setup(t)
    setup.files()
    assert.deepEqual(setup.logged, ['private key may be read by others'])
  })
})

describe('settings that are secret', () => {
  it('are those with a word for it in their name', () => {
    const secrets = Object.entries(settings).filter(([, { isSecret }]) => isSecret)
    const named = Object.keys(settings).filter((name) =>
      /password|secret|credential|authenticationUser/i.test(name),
    )
    assert.deepEqual(secrets.map(([name]) => name).sort(), named.sort())
    assert.ok(named.length > 0)
  })

  it('are not shown in an error either', () => {
    assert.throws(
      () => settings.tlsServerKeyPassword.parse('tlsServerKeyPassword', 'pass\u0000word'),
      (error) => {
        assert.ok(!String(error).includes('pass\u0000word'))
        return true
      },
    )
  })
})
