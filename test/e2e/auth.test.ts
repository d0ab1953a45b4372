import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, it, type TestContext } from 'node:test'
import { RealClock } from '#ternmq/base/host/real-clock.ts'
import { RealNet } from '#ternmq/base/host/real-net.ts'
import { Turn } from '#ternmq/base/turn.ts'
import { connect } from '#ternmq/client/index.ts'
import type { CommandParts, RemotingCommand } from '#ternmq/protocol/remoting-command.ts'
import { RequestCode } from '#ternmq/protocol/request-code.ts'
import { type Credentials, RequestSigner } from '#ternmq/protocol/signature.ts'
import { RemotingClient } from '#ternmq/remoting/remoting-client.ts'
import { RequestDispatcher } from '#ternmq/remoting/request-dispatcher.ts'
import { TestSystem, until } from './test-system.ts'

const ROOT: Credentials = { accessKey: 'root', secretKey: 'root-secret' }

const guarded = {
  authenticationEnabled: 'true',
  authorizationEnabled: 'true',
  initAuthenticationUser: '{"username":"root","password":"root-secret"}',
  innerClientAuthenticationCredentials: '{"accessKey":"inner","secretKey":"inner-secret"}',
}

/** Sends requests as a tool does, signed or not. */
class Tool {
  readonly #client: RemotingClient

  constructor(t: TestContext, credentials?: Credentials) {
    const clock = new RealClock()
    const log = { debug() {}, info() {}, warn() {}, error() {} }
    this.#client = new RemotingClient({
      ...{ clock, log, net: new RealNet(log), turn: new Turn(clock), dispatcher: new RequestDispatcher(log) },
      signer: credentials && new RequestSigner(credentials),
    })
    t.after(() => this.#client.close())
  }

  ask(address: string, command: Omit<CommandParts, 'opaque'>): Promise<RemotingCommand> {
    return this.#client.invoke(address, command, 3000)
  }
}

async function addUser(
  tool: Tool,
  addresses: readonly string[],
  name: string,
  policies: object[],
): Promise<void> {
  for (const address of addresses) {
    const user = {
      code: RequestCode.AUTH_CREATE_USER,
      extFields: { username: name },
      body: Buffer.from(JSON.stringify({ password: `${name}-secret` })),
    }
    const acl = {
      code: RequestCode.AUTH_CREATE_ACL,
      extFields: { subject: `User:${name}` },
      body: Buffer.from(JSON.stringify({ policies: [{ policyType: 'Custom', entries: policies }] })),
    }
    for (const command of [user, acl]) {
      const { code, remark } = await tool.ask(address, command)
      assert.equal(code, 0, remark)
    }
  }
}

const pubOrders = { resource: 'Topic:orders', actions: ['Pub'], decision: 'Allow' }
const subOrders = [
  { resource: 'Topic:orders', actions: ['Sub'], decision: 'Allow' },
  { resource: 'Group:billing', actions: ['Sub'], decision: 'Allow' },
]

describe('a system with users', () => {
  it('lets each do what policies say, and nothing unsigned', async (t) => {
    const system = await TestSystem.start(t, { settings: guarded })
    const { host, port } = system.brokerAddress
    const broker = `${host}:${port}`
    const root = new Tool(t, ROOT)
    const addresses = [system.namesrv, broker]
    await addUser(root, addresses, 'writer', [pubOrders])
    await addUser(root, addresses, 'reader', subOrders)

    const writing = await system.client({ accessKey: 'writer', secretKey: 'writer-secret' })
    const producer = writing.producer()
    assert.equal((await producer.send({ topic: 'orders', body: 'one', keys: 'k' })).status, 'SEND_OK')
    assert.equal((await producer.sendBatch([{ topic: 'orders', body: 'two' }])).status, 'SEND_OK')
    await assert.rejects(producer.send({ topic: 'others', body: 'no' }), { code: 'noPermission' })

    const { namesrv } = system
    const client = await connect({ namesrv, accessKey: 'reader', secretKey: 'reader-secret' })
    system.clients.push(client)
    const got: string[] = []
    void client.consumer({ group: 'billing', topic: 'orders', from: 'earliest' }).run((message) => {
      got.push(message.body.toString())
    })
    await until(() => got.length === 2)
    await assert.rejects(client.producer().send({ topic: 'orders', body: 'no' }), { code: 'noPermission' })

    for (const credentials of [undefined, { ...ROOT, secretKey: 'wrong' }]) {
      const stranger = new Tool(t, credentials)
      for (const address of addresses) {
        const answer = await stranger.ask(address, { code: RequestCode.GET_BROKER_CLUSTER_INFO })
        assert.equal(answer.code, 16)
        assert.equal(answer.body.length, 0)
      }
    }
  })

  it('keeps users and policies through a restart, and shows no secret (R25, issue apache/rocketmq-dashboard#2321)', async (t) => {
    const system = await TestSystem.start(t, { onDisk: true, settings: guarded })
    const { host, port } = system.brokerAddress
    const broker = `${host}:${port}`
    const root = new Tool(t, ROOT)
    await addUser(root, [broker], 'writer', [pubOrders])
    await system.stopBroker()
    await system.startBroker()
    const writer = new Tool(t, { accessKey: 'writer', secretKey: 'writer-secret' })
    assert.equal((await writer.ask(broker, { code: RequestCode.GET_BROKER_CONFIG })).code, 16)
    const shown: string[] = []
    for (const command of [
      { code: RequestCode.AUTH_LIST_USER },
      { code: RequestCode.AUTH_GET_USER, extFields: { username: 'writer' } },
      { code: RequestCode.AUTH_LIST_ACL },
      { code: RequestCode.AUTH_GET_ACL, extFields: { subject: 'User:writer' } },
      { code: RequestCode.GET_BROKER_CONFIG },
    ]) {
      const { code, body } = await root.ask(broker, command)
      assert.equal(code, 0)
      assert.ok(body.length > 0)
      shown.push(body.toString())
    }
    assert.equal(shown[1], '{"userStatus":"enable","userType":"Normal","username":"writer"}')
    assert.doesNotMatch(shown.join('\n'), /secret|password/i)
    const extFields = { subject: 'User:writer' }
    const policies = [{ policyType: 'Custom', entries: [{ ...pubOrders, decision: 'Deny' }] }]
    const change = {
      code: RequestCode.AUTH_UPDATE_ACL,
      extFields,
      body: Buffer.from(JSON.stringify({ policies })),
    }
    assert.equal((await root.ask(broker, change)).code, 0)
    const policy = async (): Promise<string> =>
      (await root.ask(broker, { code: RequestCode.AUTH_GET_ACL, extFields })).body.toString()
    assert.match(await policy(), /"decision":"DENY"/i)
    assert.equal((await root.ask(broker, { code: RequestCode.AUTH_DELETE_ACL, extFields })).code, 0)
    assert.doesNotMatch(await policy(), /orders/)
  })

  it('gives rights of a super user only by a super user', async (t) => {
    const system = await TestSystem.start(t, { settings: guarded })
    const { host, port } = system.brokerAddress
    const broker = `${host}:${port}`
    await addUser(new Tool(t, ROOT), [broker], 'operator', [
      { resource: 'Cluster:*', actions: ['All'], decision: 'Allow' },
    ])
    const operator = new Tool(t, { accessKey: 'operator', secretKey: 'operator-secret' })
    const make = (username: string, change: object, code: number = RequestCode.AUTH_CREATE_USER) =>
      operator.ask(broker, { code, extFields: { username }, body: Buffer.from(JSON.stringify(change)) })
    assert.equal((await make('normal', { password: 'p' })).code, 0)
    assert.equal((await make('super', { password: 'p', userType: 'super' })).code, 16)
    assert.equal((await make('root', { password: 'p' }, RequestCode.AUTH_UPDATE_USER)).code, 16)
    assert.equal((await make('operator', { userType: 'Super' }, RequestCode.AUTH_UPDATE_USER)).code, 16)
    assert.equal((await make('root', {}, RequestCode.AUTH_DELETE_USER)).code, 16)
  })
})

describe('a system with accounts of ACL 1.0', () => {
  it('lets each do what its lines say', async (t) => {
    const dir = mkdtempSync(join(tmpdir(), 'ternmq-acl-'))
    t.after(() => rmSync(dir, { recursive: true }))
    const plainAclFile = join(dir, 'plain_acl.yml')
    writeFileSync(
      plainAclFile,
      `accounts:
  - accessKey: RocketMQ
    secretKey: 12345678
    defaultTopicPerm: DENY
    defaultGroupPerm: SUB
    topicPerms:
      - orders=PUB|SUB
  - accessKey: administrator
    secretKey: 87654321
    admin: true
`,
    )
    const { innerClientAuthenticationCredentials } = guarded
    const settings = { aclEnable: 'true', plainAclFile, innerClientAuthenticationCredentials }
    const system = await TestSystem.start(t, { onDisk: true, settings })
    const client = await system.client({ accessKey: 'RocketMQ', secretKey: '12345678' })
    const producer = client.producer()
    assert.equal((await producer.send({ topic: 'orders', body: 'one' })).status, 'SEND_OK')
    await assert.rejects(producer.send({ topic: 'others', body: 'no' }), { code: 'noPermission' })
    let count = 0
    void client.consumer({ group: 'billing', topic: 'orders', from: 'earliest' }).run(() => {
      count++
    })
    await until(() => count === 1)
    const { host, port } = system.brokerAddress
    const admin = new Tool(t, { accessKey: 'administrator', secretKey: '87654321' })
    const answer = await admin.ask(`${host}:${port}`, { code: RequestCode.GET_BROKER_CLUSTER_ACL_CONFIG })
    assert.equal(answer.code, 0)
    assert.doesNotMatch(answer.body.toString(), /12345678|87654321/)
  })
})
