import type { MessageQueue } from '../protocol/message-queue.ts'
import { isReadable, isWritable } from '../protocol/permission.ts'
import type { QueueData, TopicRouteData } from '../protocol/topic-route-data.ts'

/**
 * Most queues of a broker that a producer counts on while its topic is yet to be made (DefaultMQProducer).
 */
export const NEW_TOPIC_QUEUES = 4

/** The queues of a topic, as a client uses them. */
export interface TopicRoute {
  readonly topic: string
  readonly data: TopicRouteData
  /** The topic does not exist yet: these are the brokers that would make it at the first message. */
  readonly isTemplate: boolean
  /** Queues that take messages, by broker and id. */
  readonly writeQueues: readonly MessageQueue[]
  /** Queues that have messages to read, by broker and id. */
  readonly readQueues: readonly MessageQueue[]
}

/**
 * What a route means for a topic. Only brokers with a master take messages; a configured order of queues
 * stands above the number of queues that brokers name.
 */
export function topicRouteOf(topic: string, data: TopicRouteData): TopicRoute {
  const brokers = [...data.queueDatas].sort((a, b) => (a.brokerName < b.brokerName ? -1 : 1))
  return {
    topic,
    data,
    isTemplate: false,
    writeQueues: orderedQueues(topic, data.orderTopicConf) ?? writeQueues(topic, data, brokers),
    readQueues: brokers
      .filter(({ perm }) => isReadable(perm))
      .flatMap(({ brokerName, readQueueNums }) => queuesOf(topic, brokerName, readQueueNums)),
  }
}

/** The route of a topic that does not exist yet, by the template topic's (TBW102). */
export function templateRouteOf(topic: string, data: TopicRouteData): TopicRoute {
  const queueDatas = data.queueDatas.map((queues) => {
    const count = Math.min(NEW_TOPIC_QUEUES, queues.readQueueNums)
    return { ...queues, readQueueNums: count, writeQueueNums: count }
  })
  return { ...topicRouteOf(topic, { ...data, queueDatas }), isTemplate: true, readQueues: [] }
}

function writeQueues(topic: string, data: TopicRouteData, brokers: readonly QueueData[]): MessageQueue[] {
  const withMaster = new Set(
    data.brokerDatas.filter(({ brokerAddrs }) => brokerAddrs.has(0)).map(({ brokerName }) => brokerName),
  )
  return brokers
    .filter(({ perm, brokerName }) => isWritable(perm) && withMaster.has(brokerName))
    .flatMap(({ brokerName, writeQueueNums }) => queuesOf(topic, brokerName, writeQueueNums))
}

/** `broker-a:4;broker-b:2` names its queues itself. */
function orderedQueues(topic: string, conf: string | undefined): MessageQueue[] | undefined {
  if (conf === undefined || conf === '') return undefined
  return conf.split(';').flatMap((part) => {
    const [brokerName = '', count = ''] = part.split(':')
    return brokerName === '' ? [] : queuesOf(topic, brokerName, /^\d{1,6}$/.test(count) ? Number(count) : 0)
  })
}

function queuesOf(topic: string, brokerName: string, count: number): MessageQueue[] {
  return Array.from({ length: Math.max(count, 0) }, (_, queueId) => ({ topic, brokerName, queueId }))
}

/** Whether two routes mean the same to a client. */
export function isSameRoute(one: TopicRoute, other: TopicRoute): boolean {
  return one.isTemplate === other.isTemplate && routeText(one.data) === routeText(other.data)
}

function routeText({ brokerDatas, queueDatas, orderTopicConf }: TopicRouteData): string {
  const brokers = brokerDatas.map(({ brokerName, brokerAddrs }) => [brokerName, [...brokerAddrs].sort()])
  return JSON.stringify([brokers.map((broker) => JSON.stringify(broker)).sort(), queueDatas, orderTopicConf])
}
