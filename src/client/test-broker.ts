import type { Host, Timer } from '../base/host.ts'
import { Turn } from '../base/turn.ts'
import { encodeConsumerList } from '../protocol/consumer-list.ts'
import { decodeHeartbeatData, type HeartbeatData } from '../protocol/heartbeat-data.ts'
import { decodeLockBatch, encodeLockedQueues } from '../protocol/lock-batch.ts'
import { decodeBatch } from '../protocol/message-batch.ts'
import { encodeMessage } from '../protocol/message-codec.ts'
import { offsetMessageIdText } from '../protocol/message-id.ts'
import { parseProperties } from '../protocol/message-properties.ts'
import { dlqTopicOf, retryTopicOf, SystemTopic } from '../protocol/names.ts'
import type { RemotingCommand } from '../protocol/remoting-command.ts'
import type { HandlerFamily, Reply, Request } from '../protocol/request.ts'
import { RequestCode } from '../protocol/request-code.ts'
import { ResponseCode } from '../protocol/response-code.ts'
import type { RemotingConnection } from '../remoting/remoting-connection.ts'
import { RemotingServer } from '../remoting/remoting-server.ts'
import { RequestDispatcher } from '../remoting/request-dispatcher.ts'

const PORT = 10_911

/**
 * Looks at a request before the broker does: what it returns is the answer, undefined lets the broker answer.
 */
export type Interceptor = (request: Request) => Reply | Promise<Reply> | undefined

interface StoredQueue {
  readonly records: Buffer[]
  /** Offset of the first record that is still there. */
  minOffset: number
  readonly waiting: Set<() => void>
}

/** A small broker in memory that answers what clients ask, notes it, and fails when a test wants it to. */
export class TestBroker {
  readonly name: string
  /** Queues by topic. TBW102 is there: topics are made by sending. */
  readonly topics = new Map<string, number>([[SystemTopic.AUTO_CREATE, 8]])
  /** Requests as they came, without pulls. */
  readonly requests: Request[] = []
  readonly intercept = new Map<number, Interceptor>()
  readonly heartbeats: HeartbeatData[] = []
  /** Committed offsets by `group topic queueId`. */
  readonly offsets = new Map<string, number>()
  /** Owners of locked queues by `group topic queueId`. */
  readonly locks = new Map<string, string>()
  address = ''
  readonly #host: Host
  readonly #own: HandlerFamily
  readonly #server: RemotingServer
  readonly #queues = new Map<string, StoredQueue>()
  /** Client ids by group, by connection. */
  readonly #groups = new Map<string, Map<number, string>>()
  /** Client ids by connection. */
  readonly #producers = new Map<number, string>()

  constructor(name: string, host: Host) {
    this.name = name
    this.#host = host
    this.#own = {
      ...this.#sendHandlers(),
      ...this.#pullHandlers(),
      ...this.#clientHandlers(),
      ...this.#offsetHandlers(),
    }
    const { clock, net, log } = host
    const dispatcher = new RequestDispatcher(log)
    dispatcher.add(this.#handlers())
    this.#server = new RemotingServer({
      ...{ clock, net, log, turn: new Turn(clock), dispatcher },
      onClosed: ({ id }) => this.#closed(id),
    })
  }

  async listen(ip: string): Promise<void> {
    this.address = `${ip}:${PORT}`
    await this.#server.listen({ host: ip, port: PORT })
  }

  get connections(): RemotingConnection[] {
    return [...this.#server.connections.values()]
  }

  /** How many requests of a code have come. */
  countOf(code: number): number {
    return this.requests.filter((request) => request.code === code).length
  }

  requestsOf(code: number): Request[] {
    return this.requests.filter((request) => request.code === code)
  }

  clientIds(group: string): string[] {
    return [...(this.#groups.get(group)?.values() ?? [])].sort()
  }

  maxOffset(topic: string, queueId: number): number {
    return this.#queue(topic, queueId).records.length
  }

  /** Forgets the oldest messages of a queue, as retention does. */
  expire(topic: string, queueId: number, minOffset: number): void {
    this.#queue(topic, queueId).minOffset = minOffset
  }

  /** Changes the bytes of a stored message. */
  damage(topic: string, queueId: number, offset: number): void {
    const record = this.#queue(topic, queueId).records[offset]
    record?.writeUInt8(record.readUInt8(record.length - 1) ^ 1, record.length - 1)
    record?.writeInt32BE(0x7777_7777, 8)
  }

  committed(group: string, topic: string, queueId: number): number | undefined {
    return this.offsets.get(`${group} ${topic} ${queueId}`)
  }

  /** Sends a request to all clients of a group. */
  push(group: string, code: number, rest: { extFields?: Record<string, string>; body?: Buffer } = {}): void {
    for (const id of this.#groups.get(group)?.keys() ?? []) {
      this.#server.connections.get(id)?.sendOneway({ code, extFields: { consumerGroup: group }, ...rest })
    }
  }

  /** Asks a client of a group. */
  async ask(
    group: string,
    code: number,
    extFields: Record<string, string>,
    body?: Buffer,
  ): Promise<RemotingCommand> {
    const [id = -1] = this.#groups.get(group)?.keys() ?? []
    const connection = this.#server.connections.get(id)
    if (!connection) throw new Error(`no client of group ${group}`)
    return connection.invoke({ code, extFields, ...(body && { body }) }, 10_000)
  }

  /** The record of a stored message, as brokers hand it to a client. */
  record(topic: string, queueId: number, offset: number): Buffer {
    return Buffer.from(this.#queue(topic, queueId).records[offset] ?? [])
  }

  /** What it answers by itself. */
  answer(request: Request): Reply | Promise<Reply> {
    return this.#own[request.code]?.(request) ?? { code: ResponseCode.REQUEST_CODE_NOT_SUPPORTED }
  }

  /** Breaks all connections. */
  dropConnections(): void {
    for (const connection of this.connections) connection.destroy()
  }

  #handlers(): HandlerFamily {
    const all: Record<number, (request: Request) => Reply | Promise<Reply>> = {}
    for (const code of Object.values(RequestCode)) {
      all[code] = (request) => {
        if (code !== RequestCode.PULL_MESSAGE && code !== RequestCode.LITE_PULL_MESSAGE)
          this.requests.push(request)
        return this.intercept.get(code)?.(request) ?? this.answer(request)
      }
    }
    return all
  }

  #sendHandlers(): HandlerFamily {
    const one = (request: Request): Reply => {
      const given = request.optionalText('i') ?? ''
      const cluster = given.includes('REPLY_TO_CLIENT') ? 'CLUSTER\u0001DefaultCluster\u0002' : ''
      const propertiesBytes = Buffer.from(given + cluster)
      return this.#store(request, [{ body: request.body, propertiesBytes, flag: request.integer('h') }])
    }
    return {
      [RequestCode.SEND_MESSAGE_V2]: one,
      [RequestCode.SEND_BATCH_MESSAGE]: (request) => this.#store(request, decodeBatch(request.body)),
      [RequestCode.SEND_REPLY_MESSAGE_V2]: (request) => this.#pushReply(request),
      [RequestCode.CONSUMER_SEND_MSG_BACK]: (request) => this.#putBack(request),
    }
  }

  /** Hands a reply to the client that it names, if that is connected. */
  async #pushReply(request: Request): Promise<Reply> {
    const properties = request.text('i')
    const clientId = parseProperties(properties).get('REPLY_TO_CLIENT') ?? ''
    const connection = this.connections.find(({ id }) => this.#producers.get(id) === clientId)
    if (!connection) {
      return {
        code: ResponseCode.SYSTEM_ERROR,
        remark: `push reply message fail, channel of <${clientId}> not found.`,
      }
    }
    const extFields = {
      ...{ topic: request.text('b'), queueId: request.text('e'), properties, sysFlag: request.text('f') },
      ...{ bornTimestamp: request.text('g'), storeTimestamp: String(this.#host.clock.nowMs()), flag: '0' },
      ...{ bornHost: '10.0.0.9:1', storeHost: this.address, reconsumeTimes: '0' },
    }
    await connection.invoke(
      { code: RequestCode.PUSH_REPLY_MESSAGE_TO_CLIENT, extFields, body: request.body },
      10_000,
    )
    return this.#store(request, [{ body: request.body, propertiesBytes: Buffer.from(properties), flag: 0 }])
  }

  #store(
    request: Request,
    entries: readonly { body: Buffer; propertiesBytes: Buffer; flag: number }[],
  ): Reply {
    const topic = request.text('b')
    const queueId = request.integer('e')
    if (!this.topics.has(topic)) this.topics.set(topic, request.integer('d'))
    if (queueId >= (this.topics.get(topic) ?? 0))
      return { code: ResponseCode.INVALID_PARAMETER, remark: 'queueId' }
    const queue = this.#queue(topic, queueId)
    const queueOffset = queue.records.length
    const ids = entries.map(({ body, propertiesBytes, flag }) =>
      this.#append(topic, queueId, {
        ...{ body, propertiesBytes, flag },
        sysFlag: request.integer('f'),
        bornTimestamp: request.integer('g'),
        reconsumeTimes: request.optionalInteger('j', 0),
      }),
    )
    return { extFields: { msgId: ids.join(','), queueId: String(queueId), queueOffset: String(queueOffset) } }
  }

  /** As RocketMQ, without any delay. */
  #putBack(request: Request): Reply {
    const group = request.text('group')
    const offset = request.integer('offset')
    for (const { records } of this.#queues.values()) {
      const record = records.find((candidate) => commitLogOffsetOf(candidate) === offset)
      if (!record) continue
      const topic = request.integer('delayLevel') < 0 ? dlqTopicOf(group) : retryTopicOf(group)
      this.topics.set(topic, 1)
      const text = `RETRY_TOPIC\u0001${request.text('originTopic')}\u0002`
      this.#append(topic, 0, {
        ...{ body: Buffer.from(`again ${offset}`), propertiesBytes: Buffer.from(text), flag: 0 },
        ...{ sysFlag: 0, bornTimestamp: 0, reconsumeTimes: 1 },
      })
      return {}
    }
    return { code: ResponseCode.SYSTEM_ERROR, remark: 'no such message' }
  }

  #append(
    topic: string,
    queueId: number,
    message: {
      body: Buffer
      propertiesBytes: Buffer
      flag: number
      sysFlag: number
      bornTimestamp: number
      reconsumeTimes: number
    },
  ): string {
    const queue = this.#queue(topic, queueId)
    const [ip = '', port = ''] = this.address.split(':')
    const storeHost = { ip, port: Number(port) }
    const commitLogOffset =
      [...this.#queues.values()].reduce((sum, { records }) => sum + records.length, 0) * 1000
    queue.records.push(
      encodeMessage({
        ...message,
        ...{ topic, queueId, queueOffset: queue.records.length, commitLogOffset, storeHost },
        ...{ bornHost: storeHost, storeTimestamp: this.#host.clock.nowMs(), preparedTransactionOffset: 0 },
      }),
    )
    for (const wake of [...queue.waiting]) wake()
    return offsetMessageIdText({ host: storeHost, offset: commitLogOffset })
  }

  #pullHandlers(): HandlerFamily {
    const pull = (request: Request): Reply | Promise<Reply> => {
      this.#takeCommit(request)
      const reply = this.#read(request)
      const suspendMs = request.optionalInteger('suspendTimeoutMillis', 0)
      if (reply.code !== ResponseCode.PULL_NOT_FOUND || (request.integer('sysFlag') & 2) === 0) return reply
      const queue = this.#queue(request.text('topic'), request.integer('queueId'))
      return new Promise((resolve) => {
        let timer: Timer | undefined
        const wake = (): void => {
          timer?.cancel()
          queue.waiting.delete(wake)
          resolve(this.#read(request))
        }
        queue.waiting.add(wake)
        timer = this.#host.clock.after(suspendMs, wake)
      })
    }
    return { [RequestCode.PULL_MESSAGE]: pull, [RequestCode.LITE_PULL_MESSAGE]: pull }
  }

  #takeCommit(request: Request): void {
    if ((request.integer('sysFlag') & 1) === 0) return
    const key = `${request.text('consumerGroup')} ${request.text('topic')} ${request.text('queueId')}`
    this.offsets.set(key, request.integer('commitOffset'))
  }

  #read(request: Request): Reply {
    const group = request.text('consumerGroup')
    const isOwnFilter = (request.integer('sysFlag') & 4) !== 0
    if (!isOwnFilter && !this.#groups.has(group))
      return { code: ResponseCode.SUBSCRIPTION_NOT_EXIST, remark: group }
    const { records, minOffset } = this.#queue(request.text('topic'), request.integer('queueId'))
    const offset = request.integer('queueOffset')
    const answer = (code: number, next: number, body?: Buffer): Reply => ({
      code,
      extFields: {
        ...{ nextBeginOffset: String(next), minOffset: String(minOffset) },
        ...{ maxOffset: String(records.length), suggestWhichBrokerId: '0' },
      },
      ...(body && { body }),
    })
    if (offset < minOffset) return answer(ResponseCode.PULL_OFFSET_MOVED, minOffset)
    if (offset > records.length) return answer(ResponseCode.PULL_OFFSET_MOVED, records.length)
    if (offset === records.length) return answer(ResponseCode.PULL_NOT_FOUND, offset)
    const found = records.slice(offset, offset + Math.min(request.integer('maxMsgNums'), 32))
    return answer(ResponseCode.SUCCESS, offset + found.length, Buffer.concat(found))
  }

  #clientHandlers(): HandlerFamily {
    return {
      [RequestCode.HEART_BEAT]: (request) => {
        const data = decodeHeartbeatData(request.body)
        this.heartbeats.push(data)
        this.#producers.set(request.peer.id, data.clientID)
        for (const { groupName } of data.consumers) this.#join(groupName, request.peer.id, data.clientID)
        return {}
      },
      [RequestCode.UNREGISTER_CLIENT]: (request) => {
        const group = request.optionalText('consumerGroup')
        if (group !== undefined) this.#leave(group, request.peer.id)
        return {}
      },
      [RequestCode.GET_CONSUMER_LIST_BY_GROUP]: (request) => {
        const ids = this.clientIds(request.text('consumerGroup'))
        return ids.length > 0 ? { body: encodeConsumerList(ids) } : { code: ResponseCode.SYSTEM_ERROR }
      },
      [RequestCode.LOCK_BATCH_MQ]: ({ body }) => {
        const { consumerGroup, clientId, queues } = decodeLockBatch(body)
        const locked = queues.filter(({ topic, queueId }) => {
          const key = `${consumerGroup} ${topic} ${queueId}`
          if ((this.locks.get(key) ?? clientId) !== clientId) return false
          this.locks.set(key, clientId)
          return true
        })
        return { body: encodeLockedQueues(locked) }
      },
      [RequestCode.UNLOCK_BATCH_MQ]: ({ body }) => {
        const { consumerGroup, queues } = decodeLockBatch(body)
        for (const { topic, queueId } of queues) this.locks.delete(`${consumerGroup} ${topic} ${queueId}`)
        return {}
      },
    }
  }

  #join(group: string, connectionId: number, clientId: string): void {
    const members = this.#groups.get(group) ?? new Map<number, string>()
    const isNew = !members.has(connectionId)
    this.#groups.set(group, members.set(connectionId, clientId))
    if (!this.topics.has(retryTopicOf(group))) this.topics.set(retryTopicOf(group), 1)
    if (isNew) this.push(group, RequestCode.NOTIFY_CONSUMER_IDS_CHANGED)
  }

  #leave(group: string, connectionId: number): void {
    const members = this.#groups.get(group)
    if (!members?.delete(connectionId)) return
    if (members.size === 0) this.#groups.delete(group)
    this.push(group, RequestCode.NOTIFY_CONSUMER_IDS_CHANGED)
  }

  #closed(connectionId: number): void {
    this.#producers.delete(connectionId)
    for (const group of [...this.#groups.keys()]) this.#leave(group, connectionId)
  }

  #offsetHandlers(): HandlerFamily {
    const keyOf = (request: Request): string =>
      `${request.text('consumerGroup')} ${request.text('topic')} ${request.text('queueId')}`
    const queueOf = (request: Request): StoredQueue =>
      this.#queue(request.text('topic'), request.integer('queueId'))
    return {
      [RequestCode.QUERY_CONSUMER_OFFSET]: (request) => {
        const offset = this.offsets.get(keyOf(request))
        return offset === undefined ? { code: ResponseCode.QUERY_NOT_FOUND } : offsetReply(offset)
      },
      [RequestCode.UPDATE_CONSUMER_OFFSET]: (request) => {
        this.offsets.set(keyOf(request), request.integer('commitOffset'))
        return {}
      },
      [RequestCode.GET_MAX_OFFSET]: (request) => offsetReply(queueOf(request).records.length),
      [RequestCode.GET_MIN_OFFSET]: (request) => offsetReply(queueOf(request).minOffset),
      [RequestCode.SEARCH_OFFSET_BY_TIMESTAMP]: (request) => {
        const { records } = queueOf(request)
        const index = records.findIndex((record) => storedMsOf(record) >= request.integer('timestamp'))
        return offsetReply(index < 0 ? records.length : index)
      },
      [RequestCode.UPDATE_AND_CREATE_TOPIC]: (request) => {
        this.topics.set(request.text('topic'), request.integer('readQueueNums'))
        return {}
      },
    }
  }

  #queue(topic: string, queueId: number): StoredQueue {
    const key = `${topic} ${queueId}`
    const known = this.#queues.get(key)
    if (known) return known
    const queue: StoredQueue = { records: [], minOffset: 0, waiting: new Set() }
    this.#queues.set(key, queue)
    return queue
  }
}

function offsetReply(offset: number): Reply {
  return { extFields: { offset: String(offset) } }
}

function commitLogOffsetOf(record: Buffer): number {
  return Number(record.readBigInt64BE(28))
}

/** Of a record whose born host is an IPv4 address. */
function storedMsOf(record: Buffer): number {
  return Number(record.readBigInt64BE(56))
}
