import type { Access, Action } from '../../auth/policy.ts'
import { decodeBatchAcks } from '../../protocol/batch-ack.ts'
import { decodeClientConfigCheck } from '../../protocol/client-config-check.ts'
import { decodeHeartbeatData } from '../../protocol/heartbeat-data.ts'
import { decodeLockBatch } from '../../protocol/lock-batch.ts'
import { parseOffsetMessageId } from '../../protocol/message-id.ts'
import { decodeMessageRequestMode } from '../../protocol/message-request-mode.ts'
import { isRetryTopic, RETRY_TOPIC_PREFIX, SystemTopic } from '../../protocol/names.ts'
import { decodeAssignmentQuery } from '../../protocol/query-assignment.ts'
import { RequestCode, type RequestCodeName } from '../../protocol/request-code.ts'
import {
  decodeSubscriptionGroupConfig,
  decodeSubscriptionGroupList,
} from '../../protocol/subscription-group-config.ts'
import { decodeTopicConfigList } from '../../protocol/topic-config.ts'

/** What the right to a request is worked out from: the same fields and body that its handler reads. */
export interface RightsRequest {
  readonly body: Buffer
  field(name: string): string | undefined
  /** The topic that the record at an offset of the log was sent to; undefined when there is none. */
  topicOfRecord(physicalOffset: number): string | undefined
  readonly clusterName: string
}

/** What a request wants to do; nothing: whoever is logged in may. Undefined: nobody may. */
export type Right = (request: RightsRequest) => readonly Access[] | undefined

/** The right that a request code wants; undefined where none is declared, and nobody has it (R25). */
export function rightOf(code: number): Right | undefined {
  return byCode.get(code)
}

/** What brokers ask of clients; no client asks it of a broker. */
const nobody: Right = () => undefined

function cluster(...anyOf: Action[]): Right {
  return ({ clusterName }) => [{ resource: { type: 'Cluster', name: clusterName }, anyOf }]
}

function topicAccess(topic: string, anyOf: readonly Action[]): Access {
  // a retry topic belongs to its group
  if (isRetryTopic(topic)) return groupAccess(topic.slice(RETRY_TOPIC_PREFIX.length), anyOf)
  return { resource: { type: 'Topic', name: topic }, anyOf }
}

function groupAccess(group: string, anyOf: readonly Action[]): Access {
  return { resource: { type: 'Group', name: group }, anyOf }
}

/** The topic that a field names; a request without it is for nobody. */
function topic(field: string, ...anyOf: Action[]): Right {
  return (request) => {
    const name = request.field(field)
    return name === undefined ? undefined : [topicAccess(name, anyOf)]
  }
}

function group(field: string, ...anyOf: Action[]): Right {
  return (request) => {
    const name = request.field(field)
    return name === undefined ? undefined : [groupAccess(name, anyOf)]
  }
}

/** Topic and group of the fields `topic` and `consumerGroup`. The group's own retry topic comes with the group, those of pop with group and topic. */
function consuming(...anyOf: Action[]): Right {
  return (request) => {
    const [topicName, groupName] = [request.field('topic'), request.field('consumerGroup')]
    if (topicName === undefined || groupName === undefined) return undefined
    return consumingAccess(topicName, groupName, anyOf)
  }
}

function consumingAccess(topicName: string, groupName: string, anyOf: readonly Action[]): Access[] {
  const own = RETRY_TOPIC_PREFIX + groupName
  if (topicName === own) return [groupAccess(groupName, anyOf)]
  const isOwn = topicName.startsWith(`${own}_`) || topicName.startsWith(`${own}+`)
  // the name may be read in two ways: the retry topic of group a for topic b is that of group a_b too
  const ofTopic = isOwn ? topicName.slice(own.length + 1) : topicName
  return [topicAccess(ofTopic, anyOf), groupAccess(groupName, anyOf)]
}

function both(...rights: Right[]): Right {
  return (request) => {
    const all: Access[] = []
    for (const right of rights) {
      const accesses = right(request)
      if (!accesses) return undefined
      all.push(...accesses)
    }
    return all
  }
}

/** A right that counts only where the field is there. */
function optional(field: string, right: Right): Right {
  return (request) => (request.field(field) ? right(request) : [])
}

/** All topics of a field that joins them. */
function topics(field: string, ...anyOf: Action[]): Right {
  return (request) =>
    (request.field(field) ?? '')
      .split(';')
      .filter((name) => name !== '')
      .map((name) => topicAccess(name, anyOf))
}

/** The topic of a stored message, whatever the request says of it: an offset can be made up. */
function record(offsetOf: (request: RightsRequest) => number, ...anyOf: Action[]): Right {
  return (request) => {
    const name = request.topicOfRecord(offsetOf(request))
    return name === undefined ? [] : [topicAccess(name, anyOf)]
  }
}

function offsetField(name: string): (request: RightsRequest) => number {
  return (request) => {
    const text = request.field(name) ?? ''
    return /^\d{1,16}$/.test(text) ? Number(text) : -1
  }
}

/** A message that a group gives back: of a topic that it may read, or of its own retry topics. */
const sendBack: Right = (request) => {
  const groupName = request.field('group')
  if (groupName === undefined) return undefined
  const name = request.topicOfRecord(offsetField('offset')(request))
  return name === undefined ? [groupAccess(groupName, ['Sub'])] : consumingAccess(name, groupName, ['Sub'])
}

/** The topic as `SendFields` finds it: by its letter where that is there. */
const send: Right = (request) => {
  const name = request.field('b') ?? request.field('topic')
  return name === undefined ? undefined : [topicAccess(name, [isRetryTopic(name) ? 'Sub' : 'Pub'])]
}

const route: Right = (request) => {
  const name = request.field('topic')
  if (name === undefined) return undefined
  // producers of new topics look at the template first
  return name === SystemTopic.AUTO_CREATE ? [] : [topicAccess(name, ['Pub', 'Sub', 'Get'])]
}

const heartbeat: Right = ({ body }) =>
  decodeHeartbeatData(body).consumers.flatMap(({ groupName, subscriptionDataSet }) => [
    groupAccess(groupName, ['Sub']),
    ...subscriptionDataSet.flatMap(({ topic: name }) => consumingAccess(name, groupName, ['Sub'])),
  ])

const lock: Right = ({ body }) => {
  const { consumerGroup, queues } = decodeLockBatch(body)
  return [
    groupAccess(consumerGroup, ['Sub']),
    ...queues.flatMap(({ topic: name }) => consumingAccess(name, consumerGroup, ['Sub'])),
  ]
}

const batchAck: Right = ({ body }) =>
  decodeBatchAcks(body).flatMap(({ topic: name, consumerGroup }) =>
    consumingAccess(name, consumerGroup, ['Sub']),
  )

const clientConfigCheck: Right = ({ body }) => {
  const { group: groupName, subscriptionData } = decodeClientConfigCheck(body)
  return consumingAccess(subscriptionData.topic, groupName, ['Sub'])
}

const assignment: Right = ({ body }) => {
  const { topic: name, consumerGroup } = decodeAssignmentQuery(body)
  return consumingAccess(name, consumerGroup, ['Sub'])
}

const requestMode: Right = ({ body }) => {
  const { topic: name, consumerGroup } = decodeMessageRequestMode(body)
  return [topicAccess(name, ['Update']), groupAccess(consumerGroup, ['Update'])]
}

const reads = ['Get', 'Sub'] as const

/**
 * The right to every request of RocketMQ, beside what its own builder of contexts asks for (DefaultAuthorizationContextBuilder and
 * the annotations of 5.x headers). Stricter where that leaves requests open to whoever is logged in: those without fields, and those
 * that name a message by its offset. A request code that is added has no place here until its right is.
 */
const rights: Readonly<Record<RequestCodeName, Right>> = {
  SEND_MESSAGE: send,
  SEND_MESSAGE_V2: send,
  SEND_BATCH_MESSAGE: send,
  SEND_REPLY_MESSAGE: send,
  SEND_REPLY_MESSAGE_V2: send,
  RECALL_MESSAGE: topic('topic', 'Pub'),
  END_TRANSACTION: both(
    optional('topic', topic('topic', 'Pub')),
    record(offsetField('commitLogOffset'), 'Pub'),
  ),
  CONSUMER_SEND_MSG_BACK: sendBack,
  PULL_MESSAGE: consuming('Sub'),
  LITE_PULL_MESSAGE: consuming('Sub'),
  POP_MESSAGE: consuming('Sub'),
  ACK_MESSAGE: consuming('Sub'),
  BATCH_ACK_MESSAGE: batchAck,
  CHANGE_MESSAGE_INVISIBLETIME: consuming('Sub'),
  PEEK_MESSAGE: consuming('Sub'),
  NOTIFICATION: consuming('Sub'),
  POLLING_INFO: consuming(...reads),
  QUERY_MESSAGE: topic('topic', ...reads),
  VIEW_MESSAGE_BY_ID: record(offsetField('offset'), ...reads),
  QUERY_CONSUMER_OFFSET: consuming(...reads),
  UPDATE_CONSUMER_OFFSET: consuming('Sub', 'Update'),
  SEARCH_OFFSET_BY_TIMESTAMP: topic('topic', ...reads),
  GET_MAX_OFFSET: topic('topic', ...reads),
  GET_MIN_OFFSET: topic('topic', ...reads),
  GET_EARLIEST_MSG_STORETIME: topic('topic', ...reads),
  HEART_BEAT: heartbeat,
  UNREGISTER_CLIENT: optional('consumerGroup', group('consumerGroup', 'Sub')),
  GET_CONSUMER_LIST_BY_GROUP: group('consumerGroup', ...reads),
  CHECK_CLIENT_CONFIG: clientConfigCheck,
  LOCK_BATCH_MQ: lock,
  UNLOCK_BATCH_MQ: lock,
  QUERY_ASSIGNMENT: assignment,
  GET_ROUTEINFO_BY_TOPIC: route,

  UPDATE_AND_CREATE_TOPIC: topic('topic', 'Create'),
  UPDATE_AND_CREATE_TOPIC_LIST: ({ body }) =>
    decodeTopicConfigList(body).map(({ topicName }) => topicAccess(topicName, ['Create'])),
  UPDATE_AND_CREATE_STATIC_TOPIC: topic('topic', 'Create'),
  DELETE_TOPIC_IN_BROKER: topic('topic', 'Delete'),
  GET_TOPIC_CONFIG: topic('topic', 'Get'),
  GET_TOPIC_STATS_INFO: topic('topic', 'Get'),
  QUERY_TOPIC_CONSUME_BY_WHO: topic('topic', 'Get'),
  QUERY_CONSUME_QUEUE: both(topic('topic', 'Get'), optional('consumerGroup', group('consumerGroup', 'Get'))),
  UPDATE_AND_CREATE_SUBSCRIPTIONGROUP: ({ body }) => [
    groupAccess(decodeSubscriptionGroupConfig(body).groupName, ['Create']),
  ],
  UPDATE_AND_CREATE_SUBSCRIPTIONGROUP_LIST: ({ body }) =>
    decodeSubscriptionGroupList(body).map(({ groupName }) => groupAccess(groupName, ['Create'])),
  DELETE_SUBSCRIPTIONGROUP: group('groupName', 'Delete'),
  GET_SUBSCRIPTIONGROUP_CONFIG: group('group', 'Get'),
  UPDATE_AND_GET_GROUP_FORBIDDEN: both(topic('topic', 'Update'), group('group', 'Update')),
  GET_CONSUMER_CONNECTION_LIST: group('consumerGroup', 'Get'),
  GET_CONSUMER_RUNNING_INFO: group('consumerGroup', 'Get'),
  GET_CONSUME_STATS: both(
    group('consumerGroup', 'Get'),
    optional('topic', topic('topic', 'Get')),
    topics('topicList', 'Get'),
  ),
  QUERY_CONSUME_TIME_SPAN: both(topic('topic', 'Get'), group('group', 'Get')),
  QUERY_TOPICS_BY_CONSUMER: group('group', 'Get'),
  QUERY_SUBSCRIPTION_BY_CONSUMER: both(topic('topic', 'Get'), group('group', 'Get')),
  QUERY_CORRECTION_OFFSET: both(topic('topic', 'Get'), group('compareGroup', 'Get')),
  CLONE_GROUP_OFFSET: both(
    group('srcGroup', 'Get', 'Update'),
    group('destGroup', 'Update'),
    optional('topic', topic('topic', 'Update')),
  ),
  INVOKE_BROKER_TO_RESET_OFFSET: both(topic('topic', 'Update'), group('group', 'Update')),
  TERN_PREVIEW_OFFSET_RESET: both(topic('topic', 'Get'), group('group', 'Get')),
  // they speak of any group
  TERN_LIST_OFFSET_CHANGES: cluster('Get'),
  TERN_UNDO_OFFSET_CHANGE: cluster('Update'),
  INVOKE_BROKER_TO_GET_CONSUMER_STATUS: both(topic('topic', 'Get'), group('group', 'Get')),
  CONSUME_MESSAGE_DIRECTLY: both(
    group('consumerGroup', 'Sub'),
    record(({ field }) => parseOffsetMessageId(field('msgId') ?? '').offset, ...reads),
  ),
  SET_MESSAGE_REQUEST_MODE: requestMode,

  GET_ALL_TOPIC_CONFIG: cluster('Get', 'List'),
  GET_ALL_SUBSCRIPTIONGROUP_CONFIG: cluster('Get', 'List'),
  GET_ALL_MESSAGE_REQUEST_MODE: cluster('Get', 'List'),
  GET_ALL_CONSUMER_OFFSET: cluster('Get', 'List'),
  GET_ALL_DELAY_OFFSET: cluster('Get', 'List'),
  GET_ALL_PRODUCER_INFO: cluster('Get', 'List'),
  GET_ALL_TOPIC_LIST_FROM_NAMESERVER: cluster('Get', 'List'),
  GET_TOPICS_BY_CLUSTER: cluster('Get', 'List'),
  GET_SYSTEM_TOPIC_LIST_FROM_NS: cluster('Get', 'List'),
  GET_SYSTEM_TOPIC_LIST_FROM_BROKER: cluster('Get', 'List'),
  GET_UNIT_TOPIC_LIST: cluster('Get', 'List'),
  GET_HAS_UNIT_SUB_TOPIC_LIST: cluster('Get', 'List'),
  GET_HAS_UNIT_SUB_UNUNIT_TOPIC_LIST: cluster('Get', 'List'),
  GET_TOPIC_CONFIG_LIST: cluster('Get', 'List'),
  GET_TOPIC_NAME_LIST: cluster('Get', 'List'),
  GET_KVLIST_BY_NAMESPACE: cluster('Get', 'List'),
  AUTH_LIST_USER: cluster('Get', 'List'),
  AUTH_LIST_ACL: cluster('Get', 'List'),

  QUERY_BROKER_OFFSET: cluster('Get'),
  GET_BROKER_CONFIG: cluster('Get'),
  GET_BROKER_RUNTIME_INFO: cluster('Get'),
  GET_CLIENT_CONFIG: cluster('Get'),
  // mqadmin exportPopRecord: moves how all groups are recorded, and names none
  POP_ROLLBACK: cluster('Update'),
  GET_TIMER_CHECK_POINT: cluster('Get'),
  GET_TIMER_METRICS: cluster('Get'),
  GET_KV_CONFIG: cluster('Get'),
  GET_BROKER_CLUSTER_INFO: cluster('Get'),
  GET_PRODUCER_CONNECTION_LIST: cluster('Get'),
  GET_BROKER_CONSUME_STATS: cluster('Get'),
  VIEW_BROKER_STATS_DATA: cluster('Get'),
  GET_NAMESRV_CONFIG: cluster('Get'),
  WHO_CONSUME_THE_MESSAGE: cluster('Get'),
  CHECK_ROCKSDB_CQ_WRITE_PROGRESS: cluster('Get'),
  EXPORT_ROCKSDB_CONFIG_TO_JSON: cluster('Get'),
  GET_BROKER_MEMBER_GROUP: cluster('Get'),
  GET_BROKER_HA_STATUS: cluster('Get'),
  GET_BROKER_EPOCH_CACHE: cluster('Get'),
  GET_COLD_DATA_FLOW_CTR_INFO: cluster('Get'),
  GET_BROKER_LITE_INFO: cluster('Get'),
  GET_PARENT_TOPIC_INFO: cluster('Get'),
  GET_LITE_TOPIC_INFO: cluster('Get'),
  GET_LITE_CLIENT_INFO: cluster('Get'),
  GET_LITE_GROUP_INFO: cluster('Get'),
  CONTROLLER_GET_REPLICA_INFO: cluster('Get'),
  CONTROLLER_GET_METADATA_INFO: cluster('Get'),
  CONTROLLER_GET_SYNC_STATE_DATA: cluster('Get'),
  CONTROLLER_GET_NEXT_BROKER_ID: cluster('Get'),
  GET_CONTROLLER_CONFIG: cluster('Get'),
  AUTH_GET_USER: cluster('Get'),
  GET_BROKER_CLUSTER_ACL_INFO: cluster('Get'),
  GET_BROKER_CLUSTER_ACL_CONFIG: cluster('Get'),
  AUTH_GET_ACL: cluster('Get'),

  UPDATE_BROKER_CONFIG: cluster('Update'),
  TRIGGER_DELETE_FILES: cluster('Update'),
  PUT_KV_CONFIG: cluster('Update'),
  DELETE_KV_CONFIG: cluster('Update'),
  REGISTER_BROKER: cluster('Update'),
  UNREGISTER_BROKER: cluster('Update'),
  QUERY_DATA_VERSION: cluster('Update'),
  BROKER_HEARTBEAT: cluster('Update'),
  WIPE_WRITE_PERM_OF_BROKER: cluster('Update'),
  ADD_WRITE_PERM_OF_BROKER: cluster('Update'),
  DELETE_TOPIC_IN_NAMESRV: cluster('Update'),
  REGISTER_TOPIC_IN_NAMESRV: cluster('Update'),
  UPDATE_NAMESRV_CONFIG: cluster('Update'),
  SUSPEND_CONSUMER: cluster('Update'),
  RESUME_CONSUMER: cluster('Update'),
  RESET_CONSUMER_OFFSET_IN_BROKER: cluster('Update'),
  ADJUST_CONSUMER_THREAD_POOL: cluster('Update'),
  REGISTER_FILTER_SERVER: cluster('Update'),
  REGISTER_MESSAGE_FILTER_CLASS: cluster('Update'),
  CLEAN_EXPIRED_CONSUMEQUEUE: cluster('Update'),
  CLEAN_UNUSED_TOPIC: cluster('Update'),
  DELETE_EXPIRED_COMMITLOG: cluster('Update'),
  RESUME_CHECK_HALF_MESSAGE: cluster('Update'),
  ADD_BROKER: cluster('Update'),
  REMOVE_BROKER: cluster('Update'),
  NOTIFY_MIN_BROKER_ID_CHANGE: cluster('Update'),
  EXCHANGE_BROKER_HA_INFO: cluster('Update'),
  RESET_MASTER_FLUSH_OFFSET: cluster('Update'),
  NOTIFY_BROKER_ROLE_CHANGED: cluster('Update'),
  CONTROLLER_ALTER_SYNC_STATE_SET: cluster('Update'),
  CONTROLLER_ELECT_MASTER: cluster('Update'),
  CONTROLLER_REGISTER_BROKER: cluster('Update'),
  CONTROLLER_APPLY_BROKER_ID: cluster('Update'),
  UPDATE_CONTROLLER_CONFIG: cluster('Update'),
  CLEAN_BROKER_DATA: cluster('Update'),
  SWITCH_TIMER_ENGINE: cluster('Update'),
  POP_LITE_MESSAGE: cluster('Update'),
  LITE_SUBSCRIPTION_CTL: cluster('Update'),
  ACK_LITE_MESSAGE: cluster('Update'),
  NOTIFY_UNSUBSCRIBE_LITE: cluster('Update'),
  TRIGGER_LITE_DISPATCH: cluster('Update'),
  UPDATE_COLD_DATA_FLOW_CTR_CONFIG: cluster('Update'),
  REMOVE_COLD_DATA_FLOW_CTR_CONFIG: cluster('Update'),
  SET_COMMITLOG_READ_MODE: cluster('Update'),
  UPDATE_AND_CREATE_ACL_CONFIG: cluster('Update'),
  DELETE_ACL_CONFIG: cluster('Update'),
  UPDATE_GLOBAL_WHITE_ADDRS_CONFIG: cluster('Update'),
  AUTH_CREATE_USER: cluster('Update'),
  AUTH_UPDATE_USER: cluster('Update'),
  AUTH_DELETE_USER: cluster('Update'),
  AUTH_CREATE_ACL: cluster('Update'),
  AUTH_UPDATE_ACL: cluster('Update'),
  AUTH_DELETE_ACL: cluster('Update'),

  CHECK_TRANSACTION_STATE: nobody,
  NOTIFY_CONSUMER_IDS_CHANGED: nobody,
  RESET_CONSUMER_CLIENT_OFFSET: nobody,
  GET_CONSUMER_STATUS_FROM_CLIENT: nobody,
  RESET_CONSUMER_OFFSET_IN_CONSUMER: nobody,
  PUSH_REPLY_MESSAGE_TO_CLIENT: nobody,
  BROKER_CLOSE_CHANNEL_REQUEST: nobody,
  CHECK_NOT_ACTIVE_BROKER_REQUEST: nobody,
  GET_BROKER_LIVE_INFO_REQUEST: nobody,
  GET_SYNC_STATE_DATA_REQUEST: nobody,
  RAFT_BROKER_HEART_BEAT_EVENT_REQUEST: nobody,
}

const byCode = new Map<number, Right>()
for (const [name, right] of Object.entries(rights)) byCode.set(RequestCode[name as RequestCodeName], right)
