import assert from 'node:assert/strict'
import { connect as openSocket, type Socket } from 'node:net'
import { describe, it, type TestContext } from 'node:test'
import { deflateSync } from 'node:zlib'
import { decodeCommand, encodeCommand, type RemotingCommand } from '#ternmq/protocol/remoting-command.ts'
import { RequestCode } from '#ternmq/protocol/request-code.ts'
import { TestSystem, until } from './test-system.ts'

/** A peer that speaks bytes. */
class RawPeer {
  isClosed = false
  #received = Buffer.alloc(0)
  readonly #socket: Socket

  private constructor(socket: Socket) {
    this.#socket = socket
    socket.on('data', (chunk) => {
      this.#received = Buffer.concat([this.#received, chunk])
    })
    socket.on('error', () => undefined)
    socket.on('close', () => {
      this.isClosed = true
    })
  }

  static open(t: TestContext, at: { host: string; port: number }): Promise<RawPeer> {
    return new Promise((resolve, reject) => {
      const socket = openSocket(at)
      t.after(() => socket.destroy())
      socket.once('connect', () => resolve(new RawPeer(socket)))
      socket.once('error', reject)
    })
  }

  write(bytes: Buffer): void {
    this.#socket.write(bytes)
  }

  async ask(command: Parameters<typeof encodeCommand>[0]): Promise<RemotingCommand> {
    this.#received = Buffer.alloc(0)
    this.write(encodeCommand(command))
    await until(() => this.#isWhole())
    return decodeCommand(this.#received)
  }

  /** Sends a frame as it is. */
  async askRaw(frame: Buffer): Promise<RemotingCommand> {
    this.#received = Buffer.alloc(0)
    this.write(frame)
    await until(() => this.#isWhole())
    return decodeCommand(this.#received)
  }

  #isWhole(): boolean {
    assert.equal(this.isClosed, false, 'the connection was closed')
    return this.#received.length >= 4 && this.#received.length >= 4 + this.#received.readInt32BE(0)
  }
}

function frameOf(header: string, body = Buffer.alloc(0)): Buffer {
  const bytes = Buffer.from(header)
  const prefix = Buffer.alloc(8)
  prefix.writeInt32BE(4 + bytes.length + body.length)
  prefix.writeInt32BE(bytes.length, 4)
  return Buffer.concat([prefix, bytes, body])
}

const SEND = { a: 'p', b: 'orders', c: 'TBW102', d: '4', e: '0', f: '0', g: '1', h: '0' }

function sendOf(extFields: Readonly<Record<string, string>>, body = 'x') {
  return {
    code: RequestCode.SEND_MESSAGE_V2,
    opaque: 7,
    extFields: { ...SEND, ...extFields },
    body: Buffer.from(body),
  }
}

/** A system, a peer of its broker, and a check that others are still served. */
async function attacked(t: TestContext, settings: Readonly<Record<string, string>> = {}) {
  const system = await TestSystem.start(t, { settings })
  const peer = (): Promise<RawPeer> => RawPeer.open(t, system.brokerAddress)
  const bystander = await peer()
  const isServed = async (): Promise<boolean> => (await bystander.ask(sendOf({}))).code === 0
  assert.equal(await isServed(), true)
  return { system, peer, isServed }
}

async function closes(peer: RawPeer, bytes: Buffer): Promise<void> {
  peer.write(bytes)
  await until(() => peer.isClosed)
}

describe('hostile input, row by row', () => {
  it('length negative, 0 to 3, beyond the maximum, or less than the header: closed at once', async (t) => {
    const { peer, isServed } = await attacked(t)
    for (const hex of [
      'ffffffff00000000',
      '0000000000000000',
      '0000000300000000',
      '0100000100000010',
      '0000000400000010',
    ])
      await closes(await peer(), Buffer.from(hex, 'hex'))
    assert.equal(await isServed(), true)
  })

  it('unknown serialise type, a header that cannot be read: closed at once', async (t) => {
    const { peer, isServed } = await attacked(t)
    await closes(await peer(), Buffer.from('0000001002000004', 'hex'))
    for (const header of ['{"code":10', '[]', '{"code":1e999}', `{"a":${'['.repeat(12)}${']'.repeat(12)}}`])
      await closes(await peer(), frameOf(header))
    assert.equal(await isServed(), true)
  })

  it('unknown code: answered, and the connection stays', async (t) => {
    const { peer } = await attacked(t)
    const one = await peer()
    assert.equal((await one.ask({ code: 9999, opaque: 1 })).code, 3)
    assert.equal((await one.ask(sendOf({}))).code, 0)
  })

  it('JSON header with __proto__, keys twice, integers beyond 2^53, too many fields, huge strings', async (t) => {
    const { peer, isServed } = await attacked(t)
    const one = await peer()
    const proto = frameOf(
      '{"code":30,"opaque":1,"extFields":{"__proto__":"x","constructor":"y","topic":"orders","queueId":"0"}}',
    )
    assert.equal((await one.askRaw(proto)).extFields.offset, '1')
    const twice = frameOf(
      '{"code":30,"opaque":1,"extFields":{"topic":"a","topic":"orders","queueId":"9","queueId":"0"}}',
    )
    assert.equal((await one.askRaw(twice)).extFields.offset, '1')
    const pull = {
      consumerGroup: 'g',
      topic: 'orders',
      queueId: '0',
      maxMsgNums: '1',
      sysFlag: '4',
      subscription: '*',
    }
    for (const queueOffset of [
      '9007199254740993',
      '99999999999999999999',
      '-9223372036854775808',
      '1e3',
      '0x1',
      '',
    ])
      assert.equal(
        (await one.ask({ code: 11, opaque: 2, extFields: { ...pull, queueOffset } })).code,
        29,
        queueOffset,
      )
    const fields = Array.from({ length: 257 }, (_, index) => `"f${index}":"x"`).join()
    await closes(await peer(), frameOf(`{"code":10,"extFields":{${fields}}}`))
    await closes(await peer(), frameOf(`{"code":10,"remark":"${'x'.repeat(300_000)}"}`))
    assert.equal(await isServed(), true)
  })

  it('property bomb: refused, and what only the broker sets is taken away', async (t) => {
    const { peer, isServed } = await attacked(t)
    const one = await peer()
    assert.equal((await one.ask(sendOf({ i: `K\u0001${'x'.repeat(32_768)}\u0002` }))).code, 13)
    const many = Array.from({ length: 600 }, (_, index) => `k${index}\u0001v\u0002`).join('')
    assert.equal((await one.ask(sendOf({ i: many }))).code, 13)
    assert.equal((await one.ask(sendOf({ b: 'marked', i: 'POP_CK\u00011 2 3\u0002A\u0001b\u0002' }))).code, 0)
    const pulled = await one.ask({
      ...{ code: 11, opaque: 3 },
      extFields: {
        ...{
          consumerGroup: 'g',
          topic: 'marked',
          queueId: '0',
          queueOffset: '0',
          maxMsgNums: '1',
          sysFlag: '4',
        },
        ...{ commitOffset: '0', suspendTimeoutMillis: '0', subVersion: '0', subscription: '*' },
      },
    })
    assert.equal(pulled.code, 0)
    assert.equal(pulled.body.includes('POP_CK'), false)
    assert.equal(await isServed(), true)
  })

  it('compressed bomb: never inflated by the broker, and refused by the NameServer beyond its cap', async (t) => {
    const { system, peer } = await attacked(t)
    const bomb = deflateSync(Buffer.alloc(64 * 1024 * 1024))
    const one = await peer()
    assert.equal((await one.ask({ ...sendOf({ f: '769' }), body: bomb })).code, 0)
    const [host = '', port] = system.namesrv.split(':')
    const namesrv = await RawPeer.open(t, { host, port: Number(port) })
    const before = process.memoryUsage().rss
    const identity = { brokerName: 'evil', brokerAddr: '127.0.0.1:1', clusterName: 'c', brokerId: '0' }
    const answer = await namesrv.ask({
      ...{ code: RequestCode.REGISTER_BROKER, opaque: 1, body: bomb },
      extFields: { ...identity, haServerAddr: '127.0.0.1:2', compressed: 'true', bodyCrc32: '0' },
    })
    assert.equal(answer.code, 1)
    assert.ok(process.memoryUsage().rss - before < 100 * 1024 * 1024)
  })

  it('large JSON bodies of admin requests: refused unread', async (t) => {
    const { peer, isServed } = await attacked(t)
    const one = await peer()
    const body = Buffer.from(`{"topicConfigList":[${'{"topicName":"x"},'.repeat(500_000)}0]}`)
    for (const code of [
      RequestCode.UPDATE_AND_CREATE_TOPIC_LIST,
      RequestCode.UPDATE_AND_CREATE_SUBSCRIPTIONGROUP,
    ]) {
      const answer = await one.ask({ code, opaque: 1, body })
      assert.match(answer.remark ?? '', /a body of \d+ bytes, more than 1048576/)
    }
    assert.equal(await isServed(), true)
  })

  it('batch whose inner lengths overlap or lie: none of it is stored', async (t) => {
    const { peer } = await attacked(t)
    const one = await peer()
    const entry = (total: number, bodyLength: number, propertiesLength: number): Buffer => {
      const bytes = Buffer.alloc(24)
      bytes.writeInt32BE(total)
      bytes.writeInt32BE(bodyLength, 16)
      bytes.write('x', 20)
      bytes.writeInt16BE(propertiesLength, 21)
      return bytes
    }
    const good = entry(23, 1, 0).subarray(0, 23)
    const offset = async (): Promise<string | undefined> =>
      (await one.ask({ code: 30, opaque: 1, extFields: { topic: 'orders', queueId: '0' } })).extFields.offset
    const before = await offset()
    for (const bad of [
      entry(22, 1, 0),
      entry(24, 1, 0),
      entry(24, -1, 0),
      entry(24, 2 ** 31 - 1, 0),
      entry(24, 1, 30_000),
      entry(-24, 1, 0),
    ]) {
      const batch = { ...SEND, m: 'true' }
      const body = Buffer.concat([good, bad])
      assert.notEqual((await one.ask({ code: 320, opaque: 1, extFields: batch, body })).code, 0)
    }
    assert.equal(await offset(), before)
  })

  it('connection flood from one address: no more than its share, and those that are there stay', async (t) => {
    const { peer, isServed } = await attacked(t, { connectionsPerAddressMax: '5' })
    const peers: RawPeer[] = []
    for (let i = 0; i < 20; i++) peers.push(await peer())
    await until(() => peers.filter(({ isClosed }) => isClosed).length >= 15)
    assert.equal(await isServed(), true)
  })

  it('pull with a huge count: clamped', async (t) => {
    const { peer } = await attacked(t)
    const one = await peer()
    for (let i = 0; i < 40; i++) await one.ask(sendOf({}))
    const pulled = await one.ask({
      ...{ code: 11, opaque: 3 },
      extFields: {
        ...{ consumerGroup: 'g', topic: 'orders', queueId: '0', queueOffset: '0', maxMsgNums: '2147483647' },
        ...{
          sysFlag: '4',
          commitOffset: '0',
          suspendTimeoutMillis: '9007199254740991',
          subVersion: '0',
          subscription: '*',
        },
      },
    })
    assert.equal(pulled.extFields.nextBeginOffset, '32')
  })

  it('names of topics and groups: by the pattern only', async (t) => {
    const { peer, isServed } = await attacked(t)
    const one = await peer()
    for (const b of ['../../etc', 'a\u0000b', 'täglich', 'x'.repeat(10_240), '', ' ', 'a/b', '%RETRY%../x'])
      assert.equal((await one.ask(sendOf({ b }))).code, 29, b.slice(0, 20))
    for (const b of ['SCHEDULE_TOPIC_XXXX', 'RMQ_SYS_TRANS_HALF_TOPIC'])
      assert.equal((await one.ask(sendOf({ b }))).code, 16, b)
    assert.notEqual((await one.ask(sendOf({ b: '%RETRY%absent' }))).code, 0)
    const pull = {
      topic: 'orders',
      queueId: '0',
      queueOffset: '0',
      maxMsgNums: '1',
      sysFlag: '4',
      subscription: '*',
    }
    for (const consumerGroup of ['../x', 'a\u0000', 'g'.repeat(256), ''])
      assert.notEqual((await one.ask({ code: 11, opaque: 1, extFields: { ...pull, consumerGroup } })).code, 0)
    assert.equal(await isServed(), true)
  })

  it('filters: too long, too deep, or full of regular expressions, are refused in little time', async (t) => {
    const { peer, isServed } = await attacked(t, { enablePropertyFilter: 'true' })
    const one = await peer()
    const check = (subString: string) => ({
      ...{ code: RequestCode.CHECK_CLIENT_CONFIG, opaque: 1 },
      body: Buffer.from(
        JSON.stringify({
          clientId: 'c',
          group: 'g',
          subscriptionData: { topic: 'orders', subString, expressionType: 'SQL92' },
        }),
      ),
    })
    for (const text of [
      `${'('.repeat(5000)}a`,
      `${'('.repeat(40)}a = 1${')'.repeat(40)}`,
      `a = '${'x'.repeat(5000)}'`,
      `${'NOT '.repeat(100)}a`,
    ])
      assert.equal((await one.ask(check(text))).code, 23, text.slice(0, 20))
    assert.equal((await one.ask(check('a = 1'))).code, 0)
    assert.equal(await isServed(), true)
  })

  it('flood of topics and groups made by using them: capped', async (t) => {
    const { peer, isServed } = await attacked(t, { autoCreatedTopicsMax: '3', autoCreatedGroupsMax: '3' })
    const one = await peer()
    const topics: number[] = []
    for (const b of ['t1', 't2', 't3', 't4']) topics.push((await one.ask(sendOf({ b }))).code)
    assert.deepEqual(topics, [0, 0, 17, 17])
    const pull = {
      topic: 'orders',
      queueId: '0',
      queueOffset: '9',
      maxMsgNums: '1',
      sysFlag: '4',
      subscription: '*',
    }
    const groups: number[] = []
    for (const consumerGroup of ['g1', 'g2', 'g3', 'g4'])
      groups.push((await one.ask({ code: 11, opaque: 1, extFields: { ...pull, consumerGroup } })).code)
    assert.deepEqual(groups, [21, 21, 21, 26])
    assert.equal(await isServed(), true)
  })

  it('offsets that lie: beyond the end, negative, of queues that are not there', async (t) => {
    const { peer } = await attacked(t)
    const one = await peer()
    const pull = {
      consumerGroup: 'g',
      topic: 'orders',
      queueId: '0',
      queueOffset: '0',
      maxMsgNums: '1',
      sysFlag: '5',
    }
    await one.ask({ code: 11, opaque: 1, extFields: { ...pull, subscription: '*', commitOffset: '1000' } })
    const commit = { consumerGroup: 'g', topic: 'orders', queueId: '0' }
    for (const commitOffset of ['1000', '-1', '9007199254740993', 'x'])
      assert.equal(
        (await one.ask({ code: 15, opaque: 1, extFields: { ...commit, commitOffset } })).code,
        29,
        commitOffset,
      )
    for (const queueId of ['99', '-1', '2147483647', '4294967296'])
      assert.equal(
        (await one.ask({ code: 15, opaque: 1, extFields: { ...commit, queueId, commitOffset: '0' } })).code,
        29,
        queueId,
      )
    const query = { ...commit, setZeroIfNotFound: 'false' }
    assert.equal((await one.ask({ code: 14, opaque: 1, extFields: query })).code, 22)
  })

  it('end of a transaction at an offset of somebody else: refused', async (t) => {
    const { peer } = await attacked(t)
    const one = await peer()
    const sent = await one.ask(sendOf({}))
    const commitLogOffset = String(Number.parseInt((sent.extFields.msgId ?? '').slice(16), 16))
    const end = { producerGroup: 'p', tranStateTableOffset: '0', commitOrRollback: '8', msgId: 'x' }
    for (const offset of [commitLogOffset, '3', '999999999', '-1'])
      assert.notEqual(
        (await one.ask({ code: 37, opaque: 1, extFields: { ...end, commitLogOffset: offset } })).code,
        0,
        offset,
      )
  })

  it('locks of what does not exist: not given, and not remembered', async (t) => {
    const { system, peer } = await attacked(t)
    const one = await peer()
    const mqSet = Array.from({ length: 5000 }, (_, queueId) => ({
      topic: 'absent',
      brokerName: 'b',
      queueId,
    }))
    const body = Buffer.from(JSON.stringify({ consumerGroup: 'absent', clientId: 'c', mqSet }))
    assert.equal((await one.ask({ code: 41, opaque: 1, body })).body.toString(), '{"lockOKMQSet":[]}')
    assert.equal(system.broker?.locks.isHolding('absent', Date.now()), false)
  })

  it('JSON bodies of clients that would keep the broker busy for seconds: refused unread', async (t) => {
    const { peer, isServed } = await attacked(t)
    const one = await peer()
    const many = (unit: string): string => Array.from({ length: 300_000 }, () => unit).join()
    const bodies = [
      [34, `{"clientID":"c","producerDataSet":[${many('{"groupName":"g"}')}]}`],
      [
        41,
        `{"consumerGroup":"g","clientId":"c","mqSet":[${many('{"topic":"t","brokerName":"b","queueId":1}')}]}`,
      ],
      [42, `{"consumerGroup":"g","clientId":"c","x":"${'x'.repeat(2 ** 21)}"}`],
    ] as const
    for (const [code, body] of bodies) {
      const { remark } = await one.ask({ code, opaque: 1, body: Buffer.from(body) })
      assert.match(remark ?? '', /bytes/)
    }
    assert.equal(await isServed(), true)
  })

  it('heartbeats under ever new names: what was remembered before is forgotten', async (t) => {
    const { system, peer } = await attacked(t)
    const one = await peer()
    const beat = (clientID: string, groups: readonly string[]) =>
      one.ask({
        ...{ code: 34, opaque: 1 },
        body: Buffer.from(
          JSON.stringify({ clientID, producerDataSet: groups.map((groupName) => ({ groupName })) }),
        ),
      })
    for (let i = 0; i < 20; i++) assert.equal((await beat(`client-${i}`, ['g'])).code, 0)
    const clients = system.broker?.clients
    assert.equal(clients?.producer('client-0'), undefined)
    assert.equal(clients?.producer('client-19')?.clientId, 'client-19')
    const names = Array.from({ length: 10_001 }, (_, index) => `group-${index}`)
    assert.equal((await beat('client-19', names)).code, 2)
    assert.equal((await beat('x'.repeat(2000), ['g'])).code, 29)
  })

  it('pulls hoarded at one queue: few wait, the others are answered at once', async (t) => {
    const { peer, isServed } = await attacked(t)
    const one = await peer()
    const extFields = {
      ...{
        consumerGroup: 'g',
        topic: 'orders',
        queueId: '0',
        queueOffset: '1',
        maxMsgNums: '1',
        sysFlag: '6',
      },
      ...{ commitOffset: '0', suspendTimeoutMillis: '15000', subVersion: '0', subscription: 'never' },
    }
    const pull = (opaque: number): Buffer => encodeCommand({ code: 11, opaque, extFields })
    one.write(Buffer.concat(Array.from({ length: 64 }, (_, index) => pull(index))))
    assert.equal((await one.ask({ code: 11, opaque: 99, extFields })).code, 19)
    assert.equal(await isServed(), true)
  })
})
