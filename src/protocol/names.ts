import { MqError } from '../base/errors.ts'

/** Most characters of a topic's name; retry and DLQ topics hold a group's name and may have 255. */
export const TOPIC_LENGTH_MAX = 127
export const RETRY_TOPIC_LENGTH_MAX = 255

/**
 * Most characters of a group's name (RocketMQ up to 5.3.3; later releases refuse more than 120 in their
 * clients).
 */
export const GROUP_LENGTH_MAX = 255

/**
 * Begin the topic that holds a group's messages to be tried again, and the one for those that failed for
 * good.
 */
export const RETRY_TOPIC_PREFIX = '%RETRY%'
export const DLQ_TOPIC_PREFIX = '%DLQ%'

/** Begins the names of RocketMQ's own topics that are made at run time (`rmq_sys_wheel_timer`). */
export const SYSTEM_TOPIC_PREFIX = 'rmq_sys_'

/** Topics that RocketMQ makes for itself. */
export const SystemTopic = {
  /** The template of topics that are made at the first send. */
  AUTO_CREATE: 'TBW102',
  SCHEDULE: 'SCHEDULE_TOPIC_XXXX',
  BENCHMARK: 'BenchmarkTest',
  TRANS_HALF: 'RMQ_SYS_TRANS_HALF_TOPIC',
  TRANS_OP_HALF: 'RMQ_SYS_TRANS_OP_HALF_TOPIC',
  TRANS_CHECK_MAX_TIME: 'TRANS_CHECK_MAX_TIME_TOPIC',
  TRACE: 'RMQ_SYS_TRACE_TOPIC',
  SELF_TEST: 'SELF_TEST_TOPIC',
  OFFSET_MOVED_EVENT: 'OFFSET_MOVED_EVENT',
  ROCKSDB_OFFSET: 'CHECKPOINT_TOPIC',
  /** Messages that wait for a time of their own (TimerMessageStore). */
  TIMER: 'rmq_sys_wheel_timer',
} as const

/** Groups that RocketMQ's clients and tools use without anybody creating them. */
export const SystemGroup = {
  DEFAULT_PRODUCER: 'DEFAULT_PRODUCER',
  DEFAULT_CONSUMER: 'DEFAULT_CONSUMER',
  TOOLS_CONSUMER: 'TOOLS_CONSUMER',
  SCHEDULE_CONSUMER: 'SCHEDULE_CONSUMER',
  FILTERSRV_CONSUMER: 'FILTERSRV_CONSUMER',
  MONITOR_CONSUMER: '__MONITOR_CONSUMER',
  CLIENT_INNER_PRODUCER: 'CLIENT_INNER_PRODUCER',
  SELF_TEST_PRODUCER: 'SELF_TEST_P_GROUP',
  SELF_TEST_CONSUMER: 'SELF_TEST_C_GROUP',
  ONS_HTTP_PROXY: 'CID_ONS-HTTP-PROXY',
  ONS_API_PERMISSION: 'CID_ONSAPI_PERMISSION',
  ONS_API_OWNER: 'CID_ONSAPI_OWNER',
  ONS_API_PULL: 'CID_ONSAPI_PULL',
  TRANS: 'CID_RMQ_SYS_TRANS',
  REVIVE: 'CID_RMQ_SYS_REVIVE_GROUP',
} as const

const SYSTEM_GROUP_PREFIX = 'CID_RMQ_SYS_'

const systemTopics: ReadonlySet<string> = new Set(Object.values(SystemTopic))
const predefinedGroups: ReadonlySet<string> = new Set(Object.values(SystemGroup))
const forbiddenTopics: ReadonlySet<string> = new Set([
  SystemTopic.SCHEDULE,
  SystemTopic.TRANS_HALF,
  SystemTopic.TRANS_OP_HALF,
  SystemTopic.TRANS_CHECK_MAX_TIME,
  SystemTopic.SELF_TEST,
  SystemTopic.OFFSET_MOVED_EVENT,
  SystemTopic.TIMER,
])

/**
 * Checks a topic's name by RocketMQ's TopicValidator.
 * @throws MqError invalidParameter that says which rule it breaks
 */
export function checkTopic(topic: string): void {
  const isOfGroup = isRetryTopic(topic) || isDlqTopic(topic)
  checkName('topic', topic, isOfGroup ? RETRY_TOPIC_LENGTH_MAX : TOPIC_LENGTH_MAX)
}

/**
 * Checks a group's name.
 * @throws MqError invalidParameter that says which rule it breaks
 */
export function checkGroup(group: string): void {
  checkName('group', group, GROUP_LENGTH_MAX)
}

/** Whether a topic is one of RocketMQ's own. */
export function isSystemTopic(topic: string): boolean {
  return systemTopics.has(topic) || topic.startsWith(SYSTEM_TOPIC_PREFIX)
}

/**
 * Whether clients may not send to a topic: the broker's own bookkeeping. TBW102 and the trace topic are
 * allowed.
 */
export function isForbiddenToSend(topic: string): boolean {
  return forbiddenTopics.has(topic)
}

/**
 * Checks the topic of a message that a client sends.
 * @throws MqError invalidParameter, or noPermission where it is the broker's own bookkeeping
 */
export function checkTopicToSend(topic: string): void {
  checkTopic(topic)
  if (isForbiddenToSend(topic))
    throw new MqError('noPermission', `sending to the system topic ${topic} is forbidden`)
}

/** Whether a group exists without being created: predefined, or one of the broker's own (`CID_RMQ_SYS_*`). */
export function isSystemGroup(group: string): boolean {
  return predefinedGroups.has(group) || group.startsWith(SYSTEM_GROUP_PREFIX)
}

/** Whether a topic holds messages that a group is to try again; pop's retry topics count as well. */
export function isRetryTopic(topic: string): boolean {
  return topic.startsWith(RETRY_TOPIC_PREFIX)
}

/** Whether a topic holds messages that a group has given up. */
export function isDlqTopic(topic: string): boolean {
  return topic.startsWith(DLQ_TOPIC_PREFIX)
}

/** The topic of messages that a group is to try again. */
export function retryTopicOf(group: string): string {
  return RETRY_TOPIC_PREFIX + group
}

/** The topic of messages that a group has given up. */
export function dlqTopicOf(group: string): string {
  return DLQ_TOPIC_PREFIX + group
}

/** The topic of messages that a group popped from a topic and is to try again, by the default naming (v1). */
export function popRetryTopicOf(group: string, topic: string): string {
  return `${RETRY_TOPIC_PREFIX}${group}_${topic}`
}

/**
 * The same by `enableRetryTopicV2`: `+` stands outside the charset of names, so group and topic can be told
 * apart.
 */
export function popRetryTopicV2Of(group: string, topic: string): string {
  return `${RETRY_TOPIC_PREFIX}${group}+${topic}`
}

/** The topic that a group popped from, by the topic itself or one of its retry topics (KeyBuilder.parseNormalTopic). */
export function poppedTopicOf(group: string, topic: string): string {
  const prefix = RETRY_TOPIC_PREFIX + group
  const isOfGroup = topic.startsWith(`${prefix}_`) || topic.startsWith(`${prefix}+`)
  return isOfGroup ? topic.slice(prefix.length + 1) : topic
}

/** Whether a topic is a pop retry topic v2. */
export function isPopRetryTopicV2(topic: string): boolean {
  return isRetryTopic(topic) && topic.includes('+')
}

/**
 * The group in the name of a retry or DLQ topic; undefined for other topics. Of a pop retry topic v1 it is
 * group and topic.
 */
export function groupOfTopic(topic: string): string | undefined {
  if (isRetryTopic(topic)) return topic.slice(RETRY_TOPIC_PREFIX.length)
  return isDlqTopic(topic) ? topic.slice(DLQ_TOPIC_PREFIX.length) : undefined
}

/** The topic that says which popped messages are whose: check points and acknowledgements (PopAckConstants). */
export function reviveTopicOf(clusterName: string): string {
  return `${SYSTEM_TOPIC_PREFIX}REVIVE_LOG_${clusterName}`
}

/** The topic through which replies of request-reply reach a cluster's clients. */
export function replyTopicOf(clusterName: string): string {
  return `${clusterName}_REPLY_TOPIC`
}

function checkName(kind: 'topic' | 'group', name: string, lengthMax: number): void {
  if (name.trim() === '') throw new MqError('invalidParameter', `the ${kind} is blank`)
  if (name.length > lengthMax) {
    const shown = `${name.slice(0, 40)}...`
    throw new MqError(
      'invalidParameter',
      `${kind} ${shown} has ${name.length} characters, more than ${lengthMax}`,
    )
  }
  if (!/^[%|a-zA-Z0-9_-]+$/.test(name)) {
    const shown = JSON.stringify(name)
    throw new MqError('invalidParameter', `${kind} ${shown} may only hold letters, digits and % | _ -`)
  }
}
