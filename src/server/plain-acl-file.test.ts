import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { readFile, replaceFileSync } from '../base/atomic-file.ts'
import { FaultyDisk } from '../base/host/faulty-disk.ts'
import { SeededRandom } from '../base/host/seeded-random.ts'
import { SimulatedNetwork } from '../base/host/simulated-net.ts'
import { VirtualClock } from '../base/host/virtual-clock.ts'
import type { Host } from '../base/host.ts'
import { plainAclHandlers } from '../gateways/rocketmq/plain-acl-admin.ts'
import { Request } from '../protocol/request.ts'
import { RequestCode } from '../protocol/request-code.ts'
import { PlainAclFile } from './plain-acl-file.ts'

const PATH = '/plain_acl.yml'

const TEXT = `globalWhiteRemoteAddresses:
  - 10.10.103.*

accounts:
  # who sells
  - accessKey: seller1
    secretKey: 0012345678
    whiteRemoteAddress:
    admin: false
    defaultTopicPerm: DENY
    topicPerms:
      - orders=PUB
  - accessKey: operator
    secretKey: '87654321'
    admin: true
`

class Setup {
  readonly clock = new VirtualClock(0)
  readonly disk = new FaultyDisk({ clock: this.clock })
  readonly logged: string[] = []
  readonly host: Host

  constructor(text = TEXT) {
    const note = (_: object, line: string): number => this.logged.push(line)
    const { clock, disk } = this
    const random = new SeededRandom(1)
    this.host = {
      ...{ clock, disk, random, net: new SimulatedNetwork(clock, random).net('10.0.0.1') },
      ...{ log: { debug() {}, info: note, warn: note, error: note }, memoryBytes: 1 },
    }
    this.write(text)
  }

  write(text: string): void {
    replaceFileSync(this.disk, PATH, Buffer.from(text))
  }

  get text(): string {
    return readFile(this.disk, PATH)?.toString() ?? ''
  }

  open(): Promise<PlainAclFile> {
    return PlainAclFile.open(this.host, PATH)
  }
}

describe('PlainAclFile', () => {
  it('goes on with the accounts that it has while the file cannot be looked at', async () => {
    const setup = new Setup()
    const file = await setup.open()
    file.watch()
    setup.logged.length = 0
    const end = setup.disk.fail(({ path }) => path === PATH, 'EACCES')
    await setup.clock.advance(60_000)
    assert.deepEqual(setup.logged, ['changed accounts not used; those before go on'])
    assert.equal(file.accounts.length, 2)
    await assert.rejects(setup.open(), { kind: 'badSetting', message: /plain_acl\.yml cannot be read/ })
    end()
    setup.write(TEXT.replace('operator', 'director'))
    await setup.clock.advance(60_000)
    assert.equal(file.accounts[1]?.accessKey, 'director')
    file.stop()
  })

  it('changes the account that is meant, where the file was edited a moment ago', async () => {
    const setup = new Setup()
    const file = await setup.open()
    setup.write(
      TEXT.replace('  # who sells', '  - accessKey: auditor\n    secretKey: 11111111\n  # who sells'),
    )
    file.put('seller1', { secretKey: '99999999' })
    const keys = () => file.accounts.map(({ accessKey, secretKey }) => `${accessKey} ${secretKey}`)
    assert.deepEqual(keys(), ['auditor 11111111', 'seller1 99999999', 'operator 87654321'])
    setup.write(
      TEXT.replace('  # who sells', '  - accessKey: auditor\n    secretKey: 22222222\n  # who sells'),
    )
    file.delete('operator')
    assert.deepEqual(keys(), ['auditor 22222222', 'seller1 0012345678'])
  })

  it('reads accounts, keys of digits as they are written, and warns of what spares no signature', async () => {
    const setup = new Setup()
    const acl = await setup.open()
    assert.equal(acl.principal('seller1')?.secret, '0012345678')
    assert.equal(acl.principal('seller1')?.isSuper, false)
    assert.equal(acl.principal('operator')?.isSuper, true)
    assert.equal(acl.principal('nobody'), undefined)
    assert.match(setup.logged.join(), /globalWhiteRemoteAddresses have no effect/)
  })

  it('reads again what has changed, and goes on with what it has when that cannot be used', async () => {
    const setup = new Setup()
    const acl = await setup.open()
    acl.watch()
    setup.write(TEXT.replace('orders=PUB', 'orders=PUBLISH'))
    await setup.clock.advance(10_001)
    assert.match(setup.logged.join(), /changed accounts not used/)
    assert.equal(acl.principal('seller1')?.name, 'seller1')
    setup.write(TEXT.replace('seller1', 'seller2'))
    await setup.clock.advance(10_001)
    assert.equal(acl.principal('seller1'), undefined)
    assert.equal(acl.principal('seller2')?.name, 'seller2')
    acl.stop()
  })

  it('is refused at the start where it is missing or broken', async () => {
    for (const text of ['accounts: [', 'accounts:\n  - accessKey: seller1\n', 'a: b: c'])
      await assert.rejects(new Setup(text).open(), { kind: 'badSetting' })
    await assert.rejects(PlainAclFile.open(new Setup().host, '/missing.yml'), { kind: 'badSetting' })
  })

  it('takes changes by requests 50 and 51, keeps comments, and shows no secret key', async () => {
    const setup = new Setup()
    const acl = await setup.open()
    const handlers = plainAclHandlers(acl, {
      brokerName: 'b',
      clusterName: 'c',
      brokerAddr: '10.0.0.1:10911',
    })
    const ask = (code: number, extFields: Record<string, string> = {}) => {
      const header = { code, language: 0, version: 409, opaque: 1, flag: 0, remark: undefined }
      const request = new Request(
        { ...header, extFields, body: Buffer.alloc(0) },
        { id: 1, address: '10.0.0.2:1' },
      )
      return handlers[code]?.(request)
    }
    ask(RequestCode.UPDATE_AND_CREATE_ACL_CONFIG, {
      ...{ accessKey: 'buyer01', secretKey: 'buyer-secret', defaultTopicPerm: 'SUB' },
      topicPerms: 'orders=SUB,offers=PUB|SUB',
    })
    ask(RequestCode.UPDATE_AND_CREATE_ACL_CONFIG, { accessKey: 'seller1', topicPerms: 'orders=PUB|SUB' })
    ask(RequestCode.DELETE_ACL_CONFIG, { accessKey: 'operator' })
    assert.throws(() => ask(RequestCode.UPDATE_GLOBAL_WHITE_ADDRS_CONFIG, {}), { kind: 'notSupported' })
    assert.match(setup.text, /# who sells/)
    const again = await setup.open()
    assert.deepEqual(again.accounts, acl.accounts)
    assert.deepEqual(
      again.accounts.map(({ accessKey, secretKey, topicPerms }) => [accessKey, secretKey, topicPerms]),
      [
        ['seller1', '0012345678', ['orders=PUB|SUB']],
        ['buyer01', 'buyer-secret', ['orders=SUB', 'offers=PUB|SUB']],
      ],
    )
    const shown = JSON.stringify([
      ask(RequestCode.GET_BROKER_CLUSTER_ACL_INFO),
      String((await ask(RequestCode.GET_BROKER_CLUSTER_ACL_CONFIG))?.body),
    ])
    assert.match(shown, /buyer01/)
    assert.doesNotMatch(shown, /secret|12345678/i)
    const before = setup.text
    for (const fields of [{ accessKey: 'x' }, { accessKey: 'buyer01', defaultTopicPerm: 'ALL' }])
      assert.throws(() => ask(RequestCode.UPDATE_AND_CREATE_ACL_CONFIG, fields), { kind: 'badSetting' })
    assert.throws(() => ask(RequestCode.DELETE_ACL_CONFIG, { accessKey: 'nobody' }), { kind: 'notFound' })
    assert.equal(setup.text, before)
  })
})
