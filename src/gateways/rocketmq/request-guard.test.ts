import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { AclTable } from '../../auth/acl-table.ts'
import { UserAuthority } from '../../auth/authority.ts'
import { decodeAcl } from '../../auth/policy.ts'
import { SecretBox } from '../../auth/secret-box.ts'
import { UserTable } from '../../auth/user-table.ts'
import { MqError } from '../../base/errors.ts'
import { SeededRandom } from '../../base/host/seeded-random.ts'
import { VirtualClock } from '../../base/host/virtual-clock.ts'
import { encodeBatchAcks } from '../../protocol/batch-ack.ts'
import { FRAME_PREFIX_BYTES, SerializeType } from '../../protocol/frame.ts'
import { HeaderScan } from '../../protocol/header-scan.ts'
import { encodeHeartbeatData } from '../../protocol/heartbeat-data.ts'
import { encodeLockBatch } from '../../protocol/lock-batch.ts'
import { encodeCommand } from '../../protocol/remoting-command.ts'
import { RequestCode, type RequestCodeName, requestCodeName } from '../../protocol/request-code.ts'
import { RequestSigner } from '../../protocol/signature.ts'
import { RequestGuard } from './request-guard.ts'
import { rightOf } from './rights.ts'

interface Entry {
  readonly resource: string
  readonly actions: readonly string[]
}

/** Who there is: their password is their name. */
const policies: Readonly<Record<string, readonly Entry[]>> = {
  reader: [
    { resource: 'Topic:mine', actions: ['Sub'] },
    { resource: 'Group:mine', actions: ['Sub'] },
  ],
  writer: [{ resource: 'Topic:mine', actions: ['Pub'] }],
  tenant: [
    { resource: 'Topic:other', actions: ['All'] },
    { resource: 'Group:other', actions: ['All'] },
  ],
  admin: [{ resource: '*', actions: ['All'] }],
  nobody: [],
}

/** Records of the log: even offsets are of topic mine, odd ones of other; there are 10 of them. */
function topicOfRecord(offset: number): string | undefined {
  if (offset < 0 || offset >= 10) return undefined
  return offset % 2 === 0 ? 'mine' : 'other'
}

class Bench {
  readonly logged: unknown[] = []
  readonly guard: RequestGuard
  readonly #scan = new HeaderScan()

  constructor() {
    const random = new SeededRandom(1)
    const users = new UserTable(new SecretBox(random.bytes(32), random))
    const acls = new AclTable()
    for (const [name, entries] of Object.entries(policies)) {
      users.create(name, { password: name })
      const body = { policies: [{ entries: entries.map((entry) => ({ ...entry, decision: 'Allow' })) }] }
      if (entries.length > 0) acls.put(decodeAcl(Buffer.from(JSON.stringify(body)), `User:${name}`))
    }
    users.create('root', { password: 'root', userType: 'Super' })
    const note = (fields: object, text: string): number => this.logged.push([text, fields])
    this.guard = new RequestGuard({
      authority: new UserAuthority(users, acls, true),
      clusterName: 'c',
      topicOfRecord,
      clock: new VirtualClock(0),
      log: { debug() {}, info: note, warn: note, error: note },
    })
  }

  /** Undefined when the request passes, or the text of the refusal. */
  refusal(frame: Buffer): string | undefined {
    const headerEnd = FRAME_PREFIX_BYTES + frame.readUIntBE(5, 3)
    this.#scan.read(frame, FRAME_PREFIX_BYTES, headerEnd, frame[4] ?? 0)
    const connection = { address: '10.0.0.1:5000', remote: { host: '10.0.0.1', port: 5000 } }
    try {
      this.guard.check(connection, this.#scan, headerEnd, frame.length)
      return undefined
    } catch (error) {
      if (error instanceof MqError && error.kind === 'noPermission') return error.message
      throw error
    }
  }

  mayDo(user: string, request: { code: number; extFields?: Record<string, string>; body?: Buffer }): boolean {
    return this.refusal(signed(user, request)) === undefined
  }
}

/** A frame with a binary header, and these fields before those that it has. */
function withFieldsFirst(frame: Buffer, fields: Readonly<Record<string, string>>): Buffer {
  const added = Object.entries(fields).map(([name, value]) => {
    const bytes = Buffer.alloc(6 + name.length + value.length)
    bytes.writeUInt16BE(name.length)
    bytes.write(name, 2)
    bytes.writeInt32BE(value.length, 2 + name.length)
    bytes.write(value, 6 + name.length)
    return bytes
  })
  const addedBytes = Buffer.concat(added)
  // code, language, version, opaque, flag, then the remark
  const fieldsAt = FRAME_PREFIX_BYTES + 13 + 4 + frame.readInt32BE(FRAME_PREFIX_BYTES + 13)
  const longer = Buffer.concat([frame.subarray(0, fieldsAt + 4), addedBytes, frame.subarray(fieldsAt + 4)])
  longer.writeInt32BE(frame.readInt32BE(fieldsAt) + addedBytes.length, fieldsAt)
  longer.writeInt32BE(frame.readInt32BE(0) + addedBytes.length)
  longer.writeUIntBE(frame.readUIntBE(5, 3) + addedBytes.length, 5, 3)
  return longer
}

function signed(
  user: string,
  {
    code,
    extFields = {},
    body = Buffer.alloc(0),
  }: { code: number; extFields?: Record<string, string>; body?: Buffer },
  serializeType: number = SerializeType.JSON,
): Buffer {
  const signer = new RequestSigner({ accessKey: user, secretKey: user })
  return encodeCommand({ code, opaque: 1, extFields: signer.signed(extFields, body), body }, serializeType)
}

/** A request of every code that is about topic and group `mine`, with every field that any right looks at. */
function aboutMine(code: number): { code: number; extFields: Record<string, string>; body: Buffer } {
  const extFields = {
    ...{
      topic: 'mine',
      b: 'mine',
      group: 'mine',
      consumerGroup: 'mine',
      groupName: 'mine',
      topicList: 'mine',
    },
    ...{ compareGroup: 'mine', srcGroup: 'mine', destGroup: 'mine', offset: '2', commitLogOffset: '2' },
    msgId: `7F000001${'00002A9F'}${'0000000000000002'}`,
  }
  return { code, extFields, body: bodies[requestCodeName(code) ?? ''] ?? Buffer.alloc(0) }
}

const bodies: Readonly<Record<string, Buffer>> = {
  HEART_BEAT: heartbeatOf('mine', 'mine'),
  LOCK_BATCH_MQ: lockOf('mine'),
  UNLOCK_BATCH_MQ: lockOf('mine'),
  BATCH_ACK_MESSAGE: acksOf('mine'),
  CHECK_CLIENT_CONFIG: Buffer.from(
    '{"clientId":"i","group":"mine","subscriptionData":{"topic":"mine","subString":"*","expressionType":"SQL92"}}',
  ),
  QUERY_ASSIGNMENT: Buffer.from('{"topic":"mine","consumerGroup":"mine","clientId":"i"}'),
  SET_MESSAGE_REQUEST_MODE: Buffer.from('{"topic":"mine","consumerGroup":"mine","mode":"POP"}'),
  UPDATE_AND_CREATE_TOPIC_LIST: Buffer.from('{"topicConfigList":[{"topicName":"mine"}]}'),
  UPDATE_AND_CREATE_SUBSCRIPTIONGROUP: Buffer.from('{"groupName":"mine"}'),
  UPDATE_AND_CREATE_SUBSCRIPTIONGROUP_LIST: Buffer.from('{"groupConfigList":[{"groupName":"mine"}]}'),
}

function heartbeatOf(group: string, topic: string): Buffer {
  const subscription = {
    topic,
    subString: '*',
    tagsSet: [],
    codeSet: [],
    subVersion: 1n,
    expressionType: 'TAG',
  }
  return encodeHeartbeatData({
    ...{ clientID: 'i', producerGroups: ['p'], heartbeatFingerprint: 0, withoutSub: false },
    consumers: [
      {
        ...{
          groupName: group,
          consumeType: 'CONSUME_PASSIVELY',
          messageModel: 'CLUSTERING',
          unitMode: false,
        },
        consumeFromWhere: 'CONSUME_FROM_LAST_OFFSET',
        subscriptionDataSet: [{ ...subscription, classFilterMode: false }],
      },
    ],
  })
}

function acksOf(...topics: string[]): Buffer {
  const numbers = { startOffset: 0, queueId: 0, reviveQueueId: 0, popTimeMs: 0, invisibleMs: 0 }
  return encodeBatchAcks(
    'b',
    topics.map((topic) => ({ consumerGroup: 'mine', topic, origin: '0', ...numbers, offsetDiffs: [0] })),
  )
}

function lockOf(topic: string): Buffer {
  const queues = [{ topic, brokerName: 'b', queueId: 0 }]
  return encodeLockBatch({ consumerGroup: 'mine', clientId: 'i', onlyThisBroker: false, queues })
}

describe('the rights to requests', () => {
  const bench = new Bench()

  it('R25: exist for the codes of RocketMQ and for no other of all 65,536 and those of pop', () => {
    const known = new Set<number>(Object.values(RequestCode))
    const wide = Array.from({ length: 300 }, (_, index) => 200_000 + index)
    for (const code of [...Array(65_536).keys(), ...wide, -1, 2 ** 31 - 1]) {
      if (known.has(code)) continue
      assert.equal(rightOf(code), undefined, `code ${code}`)
      // the whole way for some of them
      if (code % 61 !== 0) continue
      assert.match(
        bench.refusal(signed('root', { code })) ?? 'passed',
        /has no right to request/,
        `code ${code}`,
      )
    }
  })

  it('are for nobody without a name and a signature, whatever the code', () => {
    for (const code of Object.values(RequestCode)) {
      const { extFields, body } = aboutMine(code)
      const anonymous = encodeCommand({ code, opaque: 1, extFields, body }, SerializeType.JSON)
      assert.equal(bench.refusal(anonymous), 'the request is not signed')
      const frame = encodeCommand(
        { code, opaque: 1, extFields: { ...extFields, AccessKey: 'root', Signature: 'x'.repeat(28) }, body },
        SerializeType.JSON,
      )
      assert.equal(bench.refusal(frame), 'check signature failed')
    }
  })

  it('G21: are decided by the table for every code and every kind of user (R25, issue apache/rocketmq#5970)', () => {
    const allowed: Record<string, RequestCodeName[]> = {
      reader: [],
      writer: [],
      tenant: [],
      nobody: [],
      root: [],
    }
    for (const [name, code] of Object.entries(RequestCode)) {
      for (const [user, names] of Object.entries(allowed))
        if (bench.mayDo(user, aboutMine(code))) names.push(name as RequestCodeName)
    }
    assert.deepEqual(allowed.reader?.sort(), [
      'ACK_MESSAGE',
      'BATCH_ACK_MESSAGE',
      'CHANGE_MESSAGE_INVISIBLETIME',
      'CHECK_CLIENT_CONFIG',
      'CONSUMER_SEND_MSG_BACK',
      'CONSUME_MESSAGE_DIRECTLY',
      'GET_CONSUMER_LIST_BY_GROUP',
      'GET_EARLIEST_MSG_STORETIME',
      'GET_MAX_OFFSET',
      'GET_MIN_OFFSET',
      'GET_ROUTEINFO_BY_TOPIC',
      'HEART_BEAT',
      'LITE_PULL_MESSAGE',
      'LOCK_BATCH_MQ',
      'NOTIFICATION',
      'PEEK_MESSAGE',
      'POLLING_INFO',
      'POP_MESSAGE',
      'PULL_MESSAGE',
      'QUERY_ASSIGNMENT',
      'QUERY_CONSUMER_OFFSET',
      'QUERY_MESSAGE',
      'SEARCH_OFFSET_BY_TIMESTAMP',
      'UNLOCK_BATCH_MQ',
      'UNREGISTER_CLIENT',
      'UPDATE_CONSUMER_OFFSET',
      'VIEW_MESSAGE_BY_ID',
    ])
    assert.deepEqual(allowed.writer?.sort(), [
      'END_TRANSACTION',
      'GET_ROUTEINFO_BY_TOPIC',
      'RECALL_MESSAGE',
      'SEND_BATCH_MESSAGE',
      'SEND_MESSAGE',
      'SEND_MESSAGE_V2',
      'SEND_REPLY_MESSAGE',
      'SEND_REPLY_MESSAGE_V2',
    ])
    assert.deepEqual(allowed.tenant, [])
    assert.deepEqual(allowed.nobody, [])
    const all = Object.keys(RequestCode) as RequestCodeName[]
    const forNobody = all.filter((name) => !allowed.root?.includes(name))
    assert.deepEqual(forNobody.sort(), [
      'BROKER_CLOSE_CHANNEL_REQUEST',
      'CHECK_NOT_ACTIVE_BROKER_REQUEST',
      'CHECK_TRANSACTION_STATE',
      'GET_BROKER_LIVE_INFO_REQUEST',
      'GET_CONSUMER_STATUS_FROM_CLIENT',
      'GET_SYNC_STATE_DATA_REQUEST',
      'NOTIFY_CONSUMER_IDS_CHANGED',
      'PUSH_REPLY_MESSAGE_TO_CLIENT',
      'RAFT_BROKER_HEART_BEAT_EVENT_REQUEST',
      'RESET_CONSUMER_CLIENT_OFFSET',
      'RESET_CONSUMER_OFFSET_IN_CONSUMER',
    ])
    assert.deepEqual(
      all.filter(
        (name) => allowed.root?.includes(name) && !bench.mayDo('admin', aboutMine(RequestCode[name])),
      ),
      [],
    )
  })

  it('look at the topic of a message, not at what the request says of it', () => {
    const view = (offset: number) => ({
      code: RequestCode.VIEW_MESSAGE_BY_ID,
      extFields: { offset: String(offset), topic: 'mine' },
    })
    assert.deepEqual([bench.mayDo('reader', view(2)), bench.mayDo('reader', view(3))], [true, false])
    const back = (offset: number) => ({
      code: RequestCode.CONSUMER_SEND_MSG_BACK,
      extFields: { group: 'mine', originTopic: 'mine', offset: String(offset) },
    })
    assert.deepEqual([bench.mayDo('reader', back(4)), bench.mayDo('reader', back(5))], [true, false])
    const end = (commitLogOffset: string) => ({
      code: RequestCode.END_TRANSACTION,
      extFields: { topic: 'mine', commitLogOffset },
    })
    assert.deepEqual([bench.mayDo('writer', end('6')), bench.mayDo('writer', end('7'))], [true, false])
  })

  it('belong to the group where a topic is its retry topic', () => {
    const pull = (topic: string) => ({
      code: RequestCode.PULL_MESSAGE,
      extFields: { topic, consumerGroup: 'mine' },
    })
    const topics = [
      'mine',
      '%RETRY%mine',
      '%RETRY%mine_mine',
      '%RETRY%mine+mine',
      '%RETRY%mine_other',
      '%RETRY%mine+other',
      '%RETRY%other',
      '%RETRY%mines',
      'other',
    ]
    assert.deepEqual(
      topics.filter((topic) => bench.mayDo('reader', pull(topic))),
      topics.slice(0, 4),
    )
    const send = (b: string) => ({ code: RequestCode.SEND_MESSAGE_V2, extFields: { a: 'mine', b } })
    assert.equal(bench.mayDo('reader', send('%RETRY%mine')), true)
    assert.equal(bench.mayDo('reader', send('%RETRY%other')), false)
    assert.equal(bench.mayDo('writer', send('%RETRY%mine')), false)
  })

  it('are all needed where a body names several things', () => {
    for (const body of [heartbeatOf('mine', 'other'), heartbeatOf('other', 'mine')])
      assert.equal(bench.mayDo('reader', { code: RequestCode.HEART_BEAT, body }), false)
    assert.equal(bench.mayDo('reader', { code: RequestCode.LOCK_BATCH_MQ, body: lockOf('other') }), false)
    const body = acksOf('mine', 'other')
    assert.equal(bench.mayDo('reader', { code: RequestCode.BATCH_ACK_MESSAGE, body }), false)
  })

  it('are for nobody when a request names nothing', () => {
    for (const code of [
      RequestCode.PULL_MESSAGE,
      RequestCode.SEND_MESSAGE,
      RequestCode.DELETE_TOPIC_IN_BROKER,
    ])
      assert.equal(bench.mayDo('root', { code }), false)
  })
})

describe('RequestGuard', () => {
  const send = { code: RequestCode.SEND_MESSAGE_V2, extFields: { b: 'mine' }, body: Buffer.from('body') }

  it('takes signatures in both forms of a header', () => {
    for (const type of [SerializeType.JSON, SerializeType.ROCKETMQ])
      assert.equal(new Bench().refusal(signed('writer', send, type)), undefined)
  })

  it('sees every change of a signed request', () => {
    const bench = new Bench()
    const frame = signed('writer', send)
    for (const word of ['mine', 'body']) {
      const changed = Buffer.from(frame)
      const at = changed.lastIndexOf(word)
      changed[at] = (changed[at] ?? 0) ^ 1
      assert.equal(bench.refusal(changed), 'check signature failed', word)
    }
  })

  it('does not tell whether an access key exists', () => {
    const bench = new Bench()
    const answers = ['writer', 'who'].map((accessKey) => {
      const signer = new RequestSigner({ accessKey, secretKey: 'wrong' })
      const extFields = signer.signed(send.extFields, send.body)
      return bench.refusal(encodeCommand({ ...send, opaque: 1, extFields }, SerializeType.JSON))
    })
    assert.deepEqual(answers, ['check signature failed', 'check signature failed'])
  })

  it('refuses names that one reader could read and another not', () => {
    const text = (extFields: string): Buffer => {
      const header = Buffer.from(`{"code":310,"opaque":1,"extFields":{"AccessKey":"writer",${extFields}}}`)
      const prefix = Buffer.alloc(8)
      prefix.writeInt32BE(4 + header.length)
      prefix.writeInt32BE(header.length, 4)
      return Buffer.concat([prefix, header])
    }
    for (const fields of ['"b":"mine","b":"other"', '"b":"mine","\\u0062":"other"'])
      assert.equal(new Bench().refusal(text(fields)), 'a field is given twice, or escaped')
  })

  it('takes fields that a Java client wrote twice in a binary header, and signed once', () => {
    const signer = new RequestSigner({ accessKey: 'writer', secretKey: 'writer' })
    const extFields = signer.signed(send.extFields, send.body)
    const frame = encodeCommand({ ...send, opaque: 1, extFields }, SerializeType.ROCKETMQ)
    assert.equal(new Bench().refusal(withFieldsFirst(frame, send.extFields)), undefined)
    const other = new Bench().refusal(withFieldsFirst(frame, { ...send.extFields, b: 'other' }))
    assert.equal(other, 'a field is given twice, or escaped')
  })

  it('writes down who changes what, and refusals once a second', () => {
    const bench = new Bench()
    bench.mayDo('admin', { code: RequestCode.DELETE_TOPIC_IN_BROKER, extFields: { topic: 't' } })
    bench.mayDo('writer', send)
    bench.mayDo('admin', { code: RequestCode.REGISTER_BROKER })
    for (let i = 0; i < 100; i++) bench.mayDo('writer', { code: RequestCode.UPDATE_BROKER_CONFIG })
    assert.equal(bench.logged.length, 2)
    const [audit, refused] = bench.logged.map((entry) => JSON.stringify(entry))
    assert.match(audit ?? '', /"user":"admin","request":"DELETE_TOPIC_IN_BROKER"/)
    assert.match(refused ?? '', /requests refused.*Cluster:c/)
  })
})
