import type { VirtualClock } from '../base/host/virtual-clock.ts'
import type { Host } from '../base/host.ts'
import { Turn } from '../base/turn.ts'
import type { HeartbeatData } from '../protocol/heartbeat-data.ts'
import { Language } from '../protocol/language.ts'
import { decodeMessages, hostBytes, type MessageExt } from '../protocol/message-codec.ts'
import { tagSubscription } from '../protocol/subscription-data.ts'
import { PullSysFlag } from '../protocol/sys-flag.ts'
import { parseTagExpression, SUBSCRIBE_ALL } from '../protocol/tag-expression.ts'
import { topicConfig } from '../protocol/topic-config.ts'
import { MessageStore } from '../store/message-store.ts'
import type { AppendWaiter } from '../store/pending-appends.ts'
import type { StoreSettings } from '../store/store-settings.ts'
import { testHost, testSettings } from '../store/test-store.ts'
import { Broker } from './broker.ts'
import type { BrokerSettings } from './broker-settings.ts'
import type { Client } from './consumer-group.ts'
import { IncomingMessage } from './incoming-message.ts'
import type { PopSettings } from './pop/pop-settings.ts'
import type { Topic } from './topic-table.ts'

const ADDRESS = { host: '127.0.0.1', port: 10_911 }

/** Settings of popping as RocketMQ's defaults have them. */
export const TEST_POP_SETTINGS: PopSettings = {
  ...{ popFromRetryProbability: 20, enableRetryTopicV2: false, retrieveMessageFromPopRetryTopicV1: true },
  ...{ popResponseReturnActualRetryTopic: false, initPopOffsetByCheckMsgInMem: true },
  ...{ enablePopMessageThreshold: false, popInflightMessageThreshold: 10_000 },
  ...{ popPollingSize: 1024, maxPopPollingSize: 100_000, serverLoadBalancerEnable: true },
  ...{ defaultMessageRequestMode: 'PULL', defaultPopShareQueueNum: -1 },
}

/** Settings of a broker as RocketMQ's defaults have them. */
function testBrokerSettings(overrides: Partial<BrokerSettings> = {}): BrokerSettings {
  return {
    ...{ brokerClusterName: 'TestCluster', brokerName: 'broker-a', brokerId: 0 },
    ...{ advertised: ADDRESS, storeHost: ADDRESS, brokerPermission: 6 },
    ...{ autoCreateTopicEnable: true, autoCreateSubscriptionGroup: true, defaultTopicQueueNums: 8 },
    ...{
      autoCreatedTopicsMax: 100,
      autoCreatedGroupsMax: 100,
      clusterTopicEnable: true,
      brokerTopicEnable: true,
    },
    ...{ traceTopicEnable: false, msgTraceTopicName: 'RMQ_SYS_TRACE_TOPIC', maxMessageSize: 4 * 1024 * 1024 },
    ...{
      longPollingEnable: true,
      shortPollingTimeMills: 1000,
      litePullMessageEnable: true,
      enablePropertyFilter: true,
      filterSupportRetry: false,
      timerMaxDelaySec: 3 * 24 * 3600,
      timerRollWindowSec: 2 * 24 * 3600,
      recallMessageEnable: true,
      ...{ rejectTransactionMessage: false, transactionTimeOut: 6000 },
      ...{ transactionCheckInterval: 30_000, transactionCheckMax: 15, storeReplyMessageEnable: true },
      ...{ dedupWindowMs: 0, dedupKeysMax: 1000 },
      pop: TEST_POP_SETTINGS,
      regionId: 'DefaultRegion',
      traceOn: true,
    },
    ...overrides,
  }
}

/** A message as tests write it. */
interface TestSend {
  readonly topic: string
  readonly queueId?: number
  readonly body?: string | Buffer
  readonly flag?: number
  readonly reconsumeTimes?: number
  readonly reconsumeTimesMax?: number
  readonly sysFlag?: number
  readonly properties?: Readonly<Record<string, string>>
}

/** A broker on a memory disk and virtual time, with what tests do to it. */
export class TestBroker {
  readonly broker: Broker
  readonly host: Host & { clock: VirtualClock }
  /** The one that doors share with the broker. */
  readonly turn: Turn

  private constructor(host: Host & { clock: VirtualClock }, settings: BrokerSettings, store: StoreSettings) {
    this.host = host
    const turn = new Turn(host.clock)
    this.turn = turn
    this.broker = new Broker({
      settings,
      host,
      turn,
      store: new MessageStore(host, turn, store),
      processId: 1,
    })
  }

  static open(
    options: {
      settings?: Partial<BrokerSettings>
      store?: Partial<StoreSettings>
      host?: Host & { clock: VirtualClock }
    } = {},
  ): TestBroker {
    const test = TestBroker.make(options)
    test.broker.open()
    return test
  }

  /** As `open`, for a test that opens the broker itself. */
  static make(
    options: {
      settings?: Partial<BrokerSettings>
      store?: Partial<StoreSettings>
      host?: Host & { clock: VirtualClock }
    } = {},
  ): TestBroker {
    const { settings, store, host = testHost() } = options
    return new TestBroker(host, testBrokerSettings(settings), testSettings(store))
  }

  get clock(): VirtualClock {
    return this.host.clock
  }

  topic(name: string, queueNums = 4): Topic {
    this.broker.topics.put(topicConfig(name, { readQueueNums: queueNums, writeQueueNums: queueNums }))
    return this.broker.topics.require(name)
  }

  /** Sends within the present turn; the topic is there. @returns the message's offset in the log */
  put(message: TestSend, waiter?: AppendWaiter): number {
    const { sender, topics } = this.broker
    const incoming = new IncomingMessage()
    incoming.topic = topics.require(message.topic)
    incoming.queueId = sender.queueIdOf(incoming.topic, message.queueId ?? 0)
    incoming.flag = message.flag ?? 0
    incoming.sysFlag = message.sysFlag ?? 0
    incoming.reconsumeTimes = message.reconsumeTimes ?? 0
    incoming.reconsumeTimesMax = message.reconsumeTimesMax
    incoming.bornTimestampMs = this.clock.nowMs()
    incoming.bornHost = hostBytes({ ip: '127.0.0.1', port: 40_000 })
    incoming.body = Buffer.from(message.body ?? 'body')
    incoming.bodyEnd = incoming.body.length
    sender.properties.begin()
    for (const [name, value] of Object.entries(message.properties ?? {}))
      sender.properties.addPair(name, value)
    sender.prepare(incoming)
    const physicalOffset = sender.send(incoming, waiter, 0)
    this.broker.counters.put++
    return physicalOffset
  }

  /** Sends and waits until the message may be read. */
  async send(message: TestSend): Promise<number> {
    const physicalOffset = this.put(message)
    await this.clock.settle()
    return physicalOffset
  }

  /** Pulls once, all the store gives at a time. @returns how many messages there were */
  pull(group: string, topic: string, queueId: number, queueOffset: number): number {
    const { puller, store } = this.broker
    const pull = puller.begin({
      connectionId: 0,
      ...{ group, topic, queueId, queueOffset, countMax: 32, bytesMax: 1024 * 1024 },
      ...{ sysFlag: PullSysFlag.SUBSCRIPTION, commitOffset: 0, subscription: SUBSCRIBE_ALL, subVersion: 0 },
      ...{ expressionType: 'TAG', isLitePull: false },
    })
    return puller.read(pull) === 'FOUND' ? store.reader.count : 0
  }

  /** All messages of a queue, as consumers get them. */
  async messages(topic: string, queueId = 0): Promise<MessageExt[]> {
    const { store } = this.broker
    const reader = store.makeReader(1000)
    const queue = store.queues.existing(topic, queueId)
    const found: MessageExt[] = []
    for (
      let offset = queue?.minOffset ?? 0;
      queue && offset < queue.maxOffset;
      offset = reader.nextBeginOffset
    ) {
      const request = { queueOffset: offset, countMax: 1000, bytesMax: 1e9, filter: undefined }
      while (reader.read(queue, request) === 'loading') await reader.load()
      const bytes = Buffer.alloc(reader.slices.bytes)
      reader.slices.copyTo(bytes, 0)
      found.push(...decodeMessages(bytes))
    }
    return found
  }

  /** Bodies of all messages of a queue. */
  async bodies(topic: string, queueId = 0): Promise<string[]> {
    return (await this.messages(topic, queueId)).map(({ body }) => body.toString())
  }

  /** Lets a client say that it consumes these topics for a group. */
  consume(
    group: string,
    topics: readonly string[],
    connectionId = 1,
    language: number = Language.JAVA,
  ): Client {
    const subscriptions = topics.map((topic) => tagSubscription(topic, parseTagExpression(SUBSCRIBE_ALL), 1n))
    return this.#heartbeat(connectionId, language, {
      consumers: [
        {
          ...{
            groupName: group,
            consumeType: 'CONSUME_PASSIVELY',
            messageModel: 'CLUSTERING',
            unitMode: false,
          },
          ...{ consumeFromWhere: 'CONSUME_FROM_FIRST_OFFSET', subscriptionDataSet: subscriptions },
        },
      ],
    })
  }

  /** Lets a client say that it produces for a group. */
  produce(group: string, connectionId = 2): Client {
    return this.#heartbeat(connectionId, Language.JAVA, { producerGroups: [group] })
  }

  async close(): Promise<void> {
    await this.broker.close()
  }

  #heartbeat(connectionId: number, language: number, data: Partial<HeartbeatData>): Client {
    const clientId = `client-${connectionId}`
    const client = {
      clientId,
      connectionId,
      address: `127.0.0.1:${40_000 + connectionId}`,
      language,
      version: 479,
    }
    const heartbeat = {
      clientID: clientId,
      heartbeatFingerprint: 0,
      withoutSub: false,
      producerGroups: [],
      consumers: [],
      ...data,
    }
    this.broker.clients.heartbeat(client, heartbeat, this.clock.nowMs(), ({ groupName }) => {
      this.broker.groups.forUse(groupName)
      return true
    })
    return client
  }
}
