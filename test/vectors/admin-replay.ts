import { MqError } from '#ternmq/base/errors.ts'
import { VirtualClock } from '#ternmq/base/host/virtual-clock.ts'
import type { Broker } from '#ternmq/broker/broker.ts'
import { TestBroker } from '#ternmq/broker/test-broker.ts'
import { brokerConfigHandlers } from '#ternmq/gateways/rocketmq/broker-config.ts'
import { brokerInfoHandlers } from '#ternmq/gateways/rocketmq/broker-info.ts'
import { type ClientCalls, connectionHandlers } from '#ternmq/gateways/rocketmq/connections.ts'
import { consumeProgressHandlers } from '#ternmq/gateways/rocketmq/consume-progress.ts'
import { groupHandlers } from '#ternmq/gateways/rocketmq/groups.ts'
import { messageHandlers } from '#ternmq/gateways/rocketmq/messages.ts'
import { recallHandlers } from '#ternmq/gateways/rocketmq/recall.ts'
import { retryHandlers } from '#ternmq/gateways/rocketmq/retry.ts'
import { topicHandlers } from '#ternmq/gateways/rocketmq/topics.ts'
import type { ConsumerConnection } from '#ternmq/protocol/consumer-connection.ts'
import { DATA_VERSION_ZERO } from '#ternmq/protocol/data-version.ts'
import { languageNumber } from '#ternmq/protocol/language.ts'
import { decodeMessages, type MessageExt } from '#ternmq/protocol/message-codec.ts'
import { offsetMessageIdText } from '#ternmq/protocol/message-id.ts'
import { groupOfTopic, isRetryTopic } from '#ternmq/protocol/names.ts'
import type { RemotingCommand } from '#ternmq/protocol/remoting-command.ts'
import { type HandlerFamily, type Reply, Request } from '#ternmq/protocol/request.ts'
import { RequestCode } from '#ternmq/protocol/request-code.ts'
import { topicConfig } from '#ternmq/protocol/topic-config.ts'
import { responseCodeOf } from '#ternmq/remoting/response-code-of.ts'
import { testHost } from '#ternmq/store/test-store.ts'
import { type FrameVector, frameVectors } from './vectors.ts'

/** When the capture began: queries by time carry times of its day. */
const CAPTURE_MS = 1_795_223_413_000

const ADDRESS = { host: '127.0.0.2', port: 30_911 }

/** A queue of the broker that was captured. */
interface Queue {
  readonly topic: string
  readonly queueId: number
}

type Command = Parameters<ClientCalls['sendOneway']>[1]

/** A broker in the place of the captured one, asked through the admin families of the RocketMQ door. */
export class AdminReplay {
  readonly test: TestBroker
  /** What clients were told. */
  readonly told: Command[] = []
  readonly #family: HandlerFamily
  /** Offset in the log of the message stored last. */
  #offset = 0

  constructor(settings: { useServerSideResetOffset?: boolean } = {}) {
    this.test = TestBroker.open({
      host: testHost(undefined, new VirtualClock(CAPTURE_MS)),
      settings: {
        ...{
          brokerClusterName: 'GoldenCluster',
          advertised: ADDRESS,
          storeHost: ADDRESS,
          traceTopicEnable: true,
        },
        ...settings,
      },
      store: { commitLogFileBytes: 1024 * 1024 },
    })
    this.#family = this.#families()
  }

  /** Codes that the admin families answer. */
  static get codes(): ReadonlySet<number> {
    const replay = new AdminReplay()
    return new Set(Object.keys(replay.#family).map(Number))
  }

  /** What a client is told when a tool asks what has made RocketMQ tell a client this. */
  static async told(captured: RemotingCommand): Promise<Command> {
    const replay = new AdminReplay({ useServerSideResetOffset: false })
    try {
      const { code, extFields } = captured
      const group = extFields.group ?? extFields.consumerGroup ?? ''
      replay.topic(extFields.topic ?? 'T_GOLD')
      replay.connectOne({ clientId: 'client', ...extFields, consumerGroup: group })
      if (code === RequestCode.CONSUME_MESSAGE_DIRECTLY) replay.store(decodeMessages(captured.body))
      const isReset = code === RequestCode.RESET_CONSUMER_CLIENT_OFFSET
      await replay.ask({ ...captured, code: isReset ? RequestCode.INVOKE_BROKER_TO_RESET_OFFSET : code })
      const [told] = replay.told
      if (!told) throw new Error(`no client was told anything by code ${code}`)
      return told
    } finally {
      await replay.close()
    }
  }

  get broker(): Broker {
    return this.test.broker
  }

  /** Asks; ids of messages are made those of the message stored last. */
  async ask(command: RemotingCommand): Promise<Reply> {
    await this.test.clock.settle()
    const handler = this.#family[command.code]
    if (!handler) throw new Error(`no handler of code ${command.code}`)
    const { msgId, offset } = command.extFields
    const isByOffset =
      command.code === RequestCode.VIEW_MESSAGE_BY_ID || command.code === RequestCode.CONSUMER_SEND_MSG_BACK
    const own = {
      ...(msgId !== undefined && {
        msgId: offsetMessageIdText({ host: { ip: ADDRESS.host, port: ADDRESS.port }, offset: this.#offset }),
      }),
      ...(offset !== undefined && isByOffset && { offset: String(this.#offset) }),
    }
    const request = new Request(
      { ...command, extFields: { ...command.extFields, ...own } },
      { id: 1, address: '127.0.0.1:40000' },
    )
    const asked = answerOf(() => handler(request))
    await this.test.clock.settle()
    return asked
  }

  topic(name: string, queueNums = 4): void {
    const { topics } = this.broker
    if (topics.get(name) || topics.isSystem(name)) return
    topics.put(topicConfig(name, { readQueueNums: queueNums, writeQueueNums: queueNums }))
  }

  /** Puts messages into a queue of a topic until it has so many. */
  fill({ topic, queueId }: Queue, count: number, properties: Readonly<Record<string, string>> = {}): void {
    this.topic(topic, queueId + 1)
    // what goes to a retry topic is taken for groups that are there
    if (isRetryTopic(topic)) this.broker.groups.forUse(groupOfTopic(topic) ?? '')
    const { config } = this.broker.topics.require(topic)
    const queueNums = Math.max(config.readQueueNums, queueId + 1)
    if (queueNums > config.readQueueNums) {
      this.broker.topics.put({ ...config, readQueueNums: queueNums, writeQueueNums: queueNums })
    }
    const { nextOffset } = this.broker.store.queues.queue(this.broker.store.topic(topic), queueId)
    for (let i = nextOffset; i < count; i++) this.#offset = this.test.put({ topic, queueId, properties })
  }

  commit(group: string, { topic, queueId }: Queue, offset: number): void {
    this.broker.offsets.of(group, topic).commit(queueId, offset)
  }

  /** Stores messages like captured ones, less what a broker adds by itself. */
  store(messages: readonly MessageExt[]): void {
    for (const { body, flag, properties, queueId, sysFlag, topic } of messages) {
      this.topic(topic)
      const own = new Set(['MSG_REGION', 'TRACE_ON', 'CLUSTER'])
      const given = Object.fromEntries([...properties].filter(([name]) => !own.has(name)))
      this.#offset = this.test.put({
        topic,
        queueId: Math.min(queueId, 3),
        body,
        flag,
        sysFlag,
        properties: given,
      })
    }
  }

  /** Connects the clients of a group as a captured list shows them. */
  connect(
    group: string,
    { connections, consumeFromWhere, consumeType, messageModel, subscriptionTable }: ConsumerConnection,
  ): void {
    for (const [index, { clientAddr, clientId, language, version }] of connections.entries()) {
      const client = {
        clientId,
        connectionId: index + 1,
        address: clientAddr,
        language: languageNumber(language),
        version,
      }
      const consumer = {
        ...{ groupName: group, consumeType, messageModel, consumeFromWhere, unitMode: false },
        subscriptionDataSet: [...subscriptionTable.values()],
      }
      const heartbeat = {
        clientID: clientId,
        producerGroups: [],
        consumers: [consumer],
        heartbeatFingerprint: 0,
        withoutSub: false,
      }
      this.broker.groups.forUse(group)
      this.broker.clients.heartbeat(client, heartbeat, CAPTURE_MS, () => true)
    }
  }

  /** Connects the client that a request names, and stores a message for it. */
  connectOne({
    clientId = '',
    consumerGroup = '',
    topic = 'T_GOLD',
  }: Readonly<Record<string, string>>): void {
    const subscription = {
      topic,
      subString: '*',
      tagsSet: [],
      codeSet: [],
      subVersion: 1n,
      expressionType: 'TAG',
      classFilterMode: false,
    }
    this.connect(consumerGroup, {
      connections: [{ clientId, clientAddr: '127.0.0.1:40001', language: 'JAVA', version: 479 }],
      subscriptionTable: new Map([[topic, subscription]]),
      ...{
        consumeType: 'CONSUME_PASSIVELY',
        messageModel: 'CLUSTERING',
        consumeFromWhere: 'CONSUME_FROM_FIRST_OFFSET',
      },
    })
    this.fill({ topic, queueId: 0 }, 1)
  }

  async close(): Promise<void> {
    await this.test.close()
  }

  #families(): HandlerFamily {
    const { broker } = this
    const calls = this.#calls()
    return {
      ...topicHandlers(broker),
      ...groupHandlers(broker),
      ...connectionHandlers(broker, calls),
      ...consumeProgressHandlers(broker, calls),
      ...brokerInfoHandlers(broker),
      ...messageHandlers(broker),
      ...retryHandlers(broker),
      ...recallHandlers(broker),
      ...brokerConfigHandlers({
        version: DATA_VERSION_ZERO,
        properties: () => ({ brokerName: broker.settings.brokerName }),
        change: () => undefined,
        mayChange: () => true,
      }),
    }
  }

  /** Clients that note what they are told, and answer as the captured one did where the answer is passed on. */
  #calls(): ClientCalls {
    return {
      sendOneway: (_, command) => this.told.push(command),
      invoke: async (_, command) => {
        this.told.push(command)
        const header = {
          code: 0,
          language: 0,
          version: 479,
          opaque: 1,
          flag: 1,
          remark: undefined,
          extFields: {},
        }
        return { ...header, body: clientAnswer(command.code) }
      },
    }
  }
}

/** What a client answered in the capture. */
function clientAnswer(code: number): Buffer {
  const isAnswer = ({ direction, part, requestCode }: FrameVector): boolean =>
    requestCode === code && part === 'response' && direction === 'client->broker'
  return frameVectors().find(isAnswer)?.body ?? Buffer.from('{}')
}

/** What is answered: an error becomes a reply as in the dispatcher. */
async function answerOf(handle: () => Reply | Promise<Reply>): Promise<Reply> {
  try {
    return await handle()
  } catch (error) {
    if (!(error instanceof MqError)) throw error
    return {
      code: responseCodeOf(error.kind),
      remark: error.message,
      ...(error.fields && { extFields: error.fields }),
    }
  }
}
