import { parse, stringify } from 'yaml'
import { z } from 'zod'
import { MqError, messageOf } from '../base/errors.ts'
import { isDlqTopic, isRetryTopic, isSystemGroup, isSystemTopic } from '../protocol/names.ts'
import {
  type SubscriptionGroupConfig,
  subscriptionGroupConfig,
} from '../protocol/subscription-group-config.ts'
import { type TopicConfig, topicConfig } from '../protocol/topic-config.ts'
import { aclShape } from './acl-file.ts'

const queues = z.number().int().min(1).max(65_536)

const topicShape = z.strictObject({
  readQueues: queues,
  writeQueues: queues,
  perm: z.number().int().min(0).max(7).default(6),
  order: z.boolean().default(false),
  attributes: z.record(z.string(), z.string()).default({}),
})

const groupShape = z.strictObject({
  enable: z.boolean().default(true),
  broadcast: z.boolean().default(true),
  orderly: z.boolean().default(false),
  retryQueues: z.number().int().min(0).max(1024).default(1),
  retryMax: z.number().int().min(-1).default(16),
})

const fileShape = z.strictObject({
  topics: z.record(z.string(), topicShape).default({}),
  groups: z.record(z.string(), groupShape).default({}),
  ...aclShape,
})

/** The topics, groups, users and rights of a cluster as a file has them: for `ternmq export`, `diff` and `apply`. */
export type ClusterFile = z.infer<typeof fileShape>

/** @throws MqError invalidParameter that names the place in the file and what it wants */
export function parseClusterFile(content: string, name: string): ClusterFile {
  let value: unknown
  try {
    value = parse(content)
  } catch (cause) {
    throw new MqError('invalidParameter', `${name} is not YAML: ${messageOf(cause).split('\n')[0]}`, {
      cause,
    })
  }
  const result = fileShape.safeParse(value ?? {})
  if (result.success) return result.data
  const issues = result.error.issues.map(({ path, message }) => `${path.join('.') || 'file'}: ${message}`)
  throw new MqError(
    'invalidParameter',
    `${name} is not right: ${issues.join('; ')}; ternmq export prints one that is`,
  )
}

export function clusterFileText(file: ClusterFile): string {
  return stringify(file)
}

/** What brokers hold, as a file has it; what RocketMQ makes for itself is left out. */
export function clusterFileOf(
  topics: Iterable<TopicConfig>,
  groups: Iterable<SubscriptionGroupConfig>,
): ClusterFile {
  const byName = <T>([one]: [string, T], [other]: [string, T]): number => (one < other ? -1 : 1)
  return {
    topics: Object.fromEntries(
      [...topics]
        .filter(({ topicName }) => !isOwnTopic(topicName))
        .map((config) => [config.topicName, topicEntry(config)] as [string, ClusterFile['topics'][string]])
        .toSorted(byName),
    ),
    groups: Object.fromEntries(
      [...groups]
        .filter(({ groupName }) => !isSystemGroup(groupName))
        .map((config) => [config.groupName, groupEntry(config)] as [string, ClusterFile['groups'][string]])
        .toSorted(byName),
    ),
  }
}

/** The topic that an entry asks for. */
export function topicOfEntry(name: string, entry: ClusterFile['topics'][string]): TopicConfig {
  const { readQueues, writeQueues, perm, order, attributes } = entry
  const counts = { readQueueNums: readQueues, writeQueueNums: writeQueues }
  return topicConfig(name, { ...counts, perm, order, attributes: new Map(Object.entries(attributes)) })
}

/** The group that an entry asks for; what it does not name stays as it is. */
export function groupOfEntry(
  name: string,
  entry: ClusterFile['groups'][string],
  known: SubscriptionGroupConfig = subscriptionGroupConfig(name),
): SubscriptionGroupConfig {
  return {
    ...known,
    consumeEnable: entry.enable,
    consumeBroadcastEnable: entry.broadcast,
    consumeMessageOrderly: entry.orderly,
    retryQueueNums: entry.retryQueues,
    retryMaxTimes: entry.retryMax,
  }
}

function topicEntry(config: TopicConfig): ClusterFile['topics'][string] {
  const { readQueueNums, writeQueueNums, perm, order, attributes } = config
  const counts = { readQueues: readQueueNums, writeQueues: writeQueueNums }
  return { ...counts, perm, order, attributes: Object.fromEntries(attributes) }
}

function groupEntry(config: SubscriptionGroupConfig): ClusterFile['groups'][string] {
  const { consumeEnable, consumeBroadcastEnable, consumeMessageOrderly, retryQueueNums, retryMaxTimes } =
    config
  return {
    enable: consumeEnable,
    broadcast: consumeBroadcastEnable,
    orderly: consumeMessageOrderly,
    retryQueues: retryQueueNums,
    retryMax: retryMaxTimes,
  }
}

function isOwnTopic(topic: string): boolean {
  return isSystemTopic(topic) || isRetryTopic(topic) || isDlqTopic(topic)
}
