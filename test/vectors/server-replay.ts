import { connect as openSocket, type Socket } from 'node:net'
import type { TestContext } from 'node:test'
import type { Broker } from '#ternmq/broker/broker.ts'
import { FrameReader, SerializeType } from '#ternmq/protocol/frame.ts'
import { propertiesText } from '#ternmq/protocol/message-properties.ts'
import { groupOfTopic, isRetryTopic } from '#ternmq/protocol/names.ts'
import { decodeCommand, encodeCommand, type RemotingCommand } from '#ternmq/protocol/remoting-command.ts'
import { RequestCode } from '#ternmq/protocol/request-code.ts'
import { topicConfig } from '#ternmq/protocol/topic-config.ts'
import { TestSystem } from '../e2e/test-system.ts'
import { type DecodedMessage, type FrameVector, frameVectors } from './vectors.ts'

/** A request of a client to the broker, and what RocketMQ answered. */
export interface Exchange {
  readonly request: FrameVector
  readonly response: FrameVector
}

/** A queue of the broker that was captured. */
export interface Queue {
  readonly topic: string
  readonly queueId: number
}

interface Waiter {
  readonly resolve: (answer: RemotingCommand) => void
  readonly reject: (why: Error) => void
}

/** Who is connected for a group. */
interface Member {
  readonly clientId: string
  readonly group: string
  readonly topic?: string
  readonly subVersion?: bigint
}

/** Properties that a broker adds or acts on: a message that is stored again must come without them. */
export const BROKERS_OWN: ReadonlySet<string> = new Set([
  ...['MSG_REGION', 'TRACE_ON', 'CLUSTER', 'DELAY', 'REAL_TOPIC', 'REAL_QID', 'TRAN_MSG', 'PGROUP'],
  ...['TIMER_DELAY_SEC', 'TIMER_DELAY_MS', 'TIMER_DELIVER_MS', 'TIMER_OUT_MS', 'TIMER_ENQUEUE_MS'],
  ...['TIMER_DEQUEUE_MS', 'TIMER_ROLL_TIMES', 'POP_CK', 'RECONSUME_TIME', 'MAX_RECONSUME_TIMES'],
  // given to messages that come without
  'UNIQ_KEY',
])

/** Compression and its kind: the other bits are the broker's to set. */
const SYS_FLAG_OF_BODY = 0x701

const vectors = frameVectors()

/** Connections of those who take part beside the one that asks; far from the ids of real ones. */
const MEMBER_CONNECTION = 1_000_000

/** A running broker in the place of the captured one, asked over a socket with the captured bytes. */
export class ServerReplay {
  readonly #system: TestSystem
  readonly #socket: Socket
  readonly #reader = new FrameReader()
  readonly #waiting = new Map<number, Waiter>()
  readonly #messages = capturedMessages()
  #memberCount = 0
  #opaque = 1_000_000

  private constructor(system: TestSystem, socket: Socket) {
    this.#system = system
    this.#socket = socket
    socket.on('data', (chunk: Buffer) => {
      this.#reader.push(chunk)
      while (this.#reader.next()) this.#take()
    })
    socket.on('close', () => {
      for (const { reject } of this.#waiting.values()) reject(new Error('the connection was closed'))
    })
  }

  static async start(t: TestContext): Promise<ServerReplay> {
    const system = await TestSystem.start(t, {
      settings: {
        ...{ brokerClusterName: 'GoldenCluster', brokerName: 'broker-a' },
        ...{ enablePropertyFilter: 'true', traceTopicEnable: 'true', recallMessageEnable: 'true' },
      },
    })
    const socket = openSocket(system.brokerAddress)
    t.after(() => socket.destroy())
    await new Promise((resolve, reject) => socket.once('connect', resolve).once('error', reject))
    return new ServerReplay(system, socket)
  }

  get broker(): Broker {
    const { broker } = this.#system
    if (!broker) throw new Error('the broker is not running')
    return broker
  }

  /** Sends the bytes of a frame and waits for the answer of its number. */
  ask(frame: Buffer): Promise<RemotingCommand> {
    const { opaque } = decodeCommand(frame)
    return new Promise((resolve, reject) => {
      this.#waiting.set(opaque, { resolve, reject })
      this.#socket.write(frame)
    })
  }

  topic(name: string, queueNums = 4): void {
    const { topics } = this.broker
    const known = topics.get(name)?.config
    if (topics.isSystem(name) || (known && known.readQueueNums >= queueNums)) return
    const count = Math.max(queueNums, isRetryTopic(name) ? 1 : 4)
    topics.put({ ...(known ?? topicConfig(name)), readQueueNums: count, writeQueueNums: count })
  }

  /** A time later than everything so far, and earlier than what comes. */
  async nextMillisecond(): Promise<number> {
    const startMs = Date.now()
    while (Date.now() === startMs) await new Promise((resolve) => setImmediate(resolve))
    return Date.now()
  }

  group(name: string): void {
    this.broker.groups.forUse(name)
  }

  /** Sends messages until a queue has so many: the captured ones where they are known. @returns offset of the last in the log */
  async fill({ topic, queueId }: Queue, count: number): Promise<number> {
    if (isRetryTopic(topic)) this.group(groupOfTopic(topic) ?? '')
    this.topic(topic, queueId + 1)
    const { store } = this.broker
    let logOffset = 0
    for (;;) {
      const { nextOffset } = store.queues.queue(store.topic(topic), queueId)
      if (nextOffset >= count) return logOffset
      logOffset = await this.#send(
        { topic, queueId },
        this.#messages.get(`${topic} ${queueId} ${nextOffset}`),
      )
    }
  }

  /** Lets members join, those of the replay before leave. */
  connect(members: readonly Member[]): void {
    const { clients } = this.broker
    for (let index = 0; index < this.#memberCount; index++)
      clients.connectionClosed(MEMBER_CONNECTION + index)
    this.#memberCount = members.length
    for (const [index, { clientId, group, subVersion = 1n, topic }] of members.entries()) {
      this.group(group)
      const connectionId = MEMBER_CONNECTION + index
      const client = { clientId, connectionId, address: '127.0.0.1:40000', language: 0, version: 479 }
      const data = {
        ...{ clientID: clientId, producerGroups: [], heartbeatFingerprint: 0, withoutSub: false },
        consumers: [
          {
            ...({ groupName: group, consumeType: 'CONSUME_PASSIVELY', messageModel: 'CLUSTERING' } as const),
            ...({ consumeFromWhere: 'CONSUME_FROM_FIRST_OFFSET', unitMode: false } as const),
            subscriptionDataSet: topic === undefined ? [] : [subscriptionOf(group, topic, subVersion)],
          },
        ],
      }
      clients.heartbeat(client, data, Date.now(), () => true)
    }
  }

  async #send({ topic, queueId }: Queue, message?: DecodedMessage): Promise<number> {
    const properties = Object.entries(message?.properties ?? {}).filter(([name]) => !BROKERS_OWN.has(name))
    const extFields = {
      ...{ a: 'replay', b: topic, c: 'TBW102', d: '4', e: String(queueId), g: '1', j: '0', k: 'false' },
      ...{ f: String((message?.sysFlag ?? 0) & SYS_FLAG_OF_BODY), h: String(message?.flag ?? 0) },
      i: propertiesText(properties),
    }
    const body = Buffer.from(message?.bodyHex ?? '78', 'hex')
    const opaque = this.#opaque++
    const answer = await this.ask(
      encodeCommand({ code: RequestCode.SEND_MESSAGE_V2, opaque, extFields, body }, SerializeType.JSON),
    )
    if (answer.code !== 0) throw new Error(`cannot send to ${topic}: ${answer.remark}`)
    return Number.parseInt((answer.extFields.msgId ?? '').slice(16), 16)
  }

  #take(): void {
    const { buffer, headerAt, bodyEnd } = this.#reader
    const command = decodeCommand(Buffer.from(buffer.subarray(headerAt - 8, bodyEnd)))
    if ((command.flag & 1) === 0) return
    this.#waiting.get(command.opaque)?.resolve(command)
    this.#waiting.delete(command.opaque)
  }
}

/** What clients asked the broker and were answered, in the order of the capture. */
export function clientExchanges(): Exchange[] {
  const byPair = new Map<number, Partial<Record<FrameVector['part'], FrameVector>>>()
  for (const vector of vectors) {
    if (!['client->broker', 'broker->client'].includes(vector.direction)) continue
    byPair.set(vector.pair, { ...byPair.get(vector.pair), [vector.part]: vector })
  }
  const pairs = [...byPair].sort(([one], [other]) => one - other)
  return pairs.flatMap(([, { request, response }]) =>
    request?.direction === 'client->broker' && response ? [{ request, response }] : [],
  )
}

/** Captured messages by topic, queue and offset. */
function capturedMessages(): Map<string, DecodedMessage> {
  const messages = new Map<string, DecodedMessage>()
  for (const { decoded } of vectors) {
    for (const message of decoded.bodyMessages ?? [])
      messages.set(`${message.topic} ${message.queueId} ${message.queueOffset}`, message)
  }
  return messages
}

/** A subscription as it was captured for the group, or to everything. */
function subscriptionOf(group: string, topic: string, subVersion: bigint) {
  const all = {
    topic,
    subString: '*',
    tagsSet: [],
    codeSet: [],
    expressionType: 'TAG',
    classFilterMode: false,
  }
  return { ...all, ...capturedSubscription(group, topic), subVersion }
}

function capturedSubscription(group: string, topic: string): object | undefined {
  for (const { decoded, requestCode } of vectors) {
    const body = (decoded.bodyJson ?? {}) as CapturedBody
    if (requestCode === RequestCode.CHECK_CLIENT_CONFIG && body.group === group) return body.subscriptionData
    if (requestCode !== RequestCode.HEART_BEAT) continue
    const consumer = body.consumerDataSet?.find(({ groupName }) => groupName === group)
    const found = consumer?.subscriptionDataSet.find((each) => each.topic === topic)
    if (found) return found
  }
  return undefined
}

/** What heartbeats and checks of a configuration hold. */
interface CapturedBody {
  readonly group?: string
  readonly subscriptionData?: object
  readonly consumerDataSet?: readonly CapturedConsumer[]
}

interface CapturedConsumer {
  readonly groupName: string
  readonly subscriptionDataSet: readonly { readonly topic: string }[]
}
