import { decodeBrokerStats, encodeBrokerStats } from '#ternmq/protocol/broker-stats.ts'
import { decodeClientConfigCheck, encodeClientConfigCheck } from '#ternmq/protocol/client-config-check.ts'
import { decodeClusterInfo, encodeClusterInfo } from '#ternmq/protocol/cluster-info.ts'
import { decodeConsumeQueueRange, encodeConsumeQueueRange } from '#ternmq/protocol/consume-queue-data.ts'
import { decodeConsumeResult, encodeConsumeResult } from '#ternmq/protocol/consume-result.ts'
import {
  decodeBrokerConsumeStats,
  decodeConsumeStats,
  encodeBrokerConsumeStats,
  encodeConsumeStats,
} from '#ternmq/protocol/consume-stats.ts'
import { decodeConsumerConnection, encodeConsumerConnection } from '#ternmq/protocol/consumer-connection.ts'
import { decodeConsumerList, encodeConsumerList } from '#ternmq/protocol/consumer-list.ts'
import {
  consumerOffsetsJson,
  decodeConsumerOffsets,
  decodeDelayOffsets,
  delayOffsetsJson,
} from '#ternmq/protocol/consumer-offsets.ts'
import {
  decodeConsumerRunningInfo,
  encodeConsumerRunningInfo,
} from '#ternmq/protocol/consumer-running-info.ts'
import { type FastJson, readFastJson } from '#ternmq/protocol/fastjson.ts'
import { fastJsonBytes } from '#ternmq/protocol/fastjson-writer.ts'
import { decodeHeartbeatData, encodeHeartbeatData } from '#ternmq/protocol/heartbeat-data.ts'
import { javaPropertiesText, parseJavaProperties } from '#ternmq/protocol/java-properties.ts'
import { decodeKvTable, encodeKvTable } from '#ternmq/protocol/kv-table.ts'
import {
  decodeLockBatch,
  decodeLockedQueues,
  encodeLockBatch,
  encodeLockedQueues,
} from '#ternmq/protocol/lock-batch.ts'
import {
  decodeMessageRequestMode,
  decodeMessageRequestModeTable,
  encodeMessageRequestMode,
  messageRequestModeTableJson,
} from '#ternmq/protocol/message-request-mode.ts'
import { decodeOffsetTable, encodeOffsetTable } from '#ternmq/protocol/offset-table.ts'
import {
  decodeAssignmentQuery,
  decodeAssignments,
  encodeAssignmentQuery,
  encodeAssignments,
} from '#ternmq/protocol/query-assignment.ts'
import { decodeRegisterBrokerBody, encodeRegisterBrokerBody } from '#ternmq/protocol/register-broker-body.ts'
import {
  decodeSubscriptionGroupConfig,
  decodeSubscriptionGroupTable,
  encodeSubscriptionGroupConfig,
  encodeSubscriptionGroupTable,
} from '#ternmq/protocol/subscription-group-config.ts'
import {
  decodeTopicConfig,
  decodeTopicConfigTable,
  encodeTopicConfig,
  encodeTopicConfigTable,
} from '#ternmq/protocol/topic-config.ts'
import {
  decodeGroupList,
  decodeTopicList,
  encodeGroupList,
  encodeTopicList,
} from '#ternmq/protocol/topic-list.ts'
import { decodeTopicRouteData, encodeTopicRouteData } from '#ternmq/protocol/topic-route-data.ts'
import { decodeTopicStats, encodeTopicStats } from '#ternmq/protocol/topic-stats.ts'

/** Reads a body and writes what was read. */
export type BodyCodec = (body: Buffer) => { readonly decoded: unknown; readonly again: Buffer }

/** The codec of one kind of body. */
export function codec<T>(decode: (body: Buffer) => T, encode: (value: T, body: Buffer) => Buffer): BodyCodec {
  return (body) => {
    const decoded = decode(body)
    return { decoded, again: encode(decoded, body) }
  }
}

const json = <T>(toJson: (value: T) => FastJson) => {
  return (value: T): Buffer => fastJsonBytes(toJson(value))
}

const properties = codec(
  (body) => parseJavaProperties(body.toString('utf8')),
  (map) => Buffer.from(javaPropertiesText(map)),
)

/** A route is written again in its own dialect: bare when any key is a number without quotes. */
const route = codec(decodeTopicRouteData, (value, body) =>
  encodeTopicRouteData(value, /[{,]-?\d+:/.test(body.toString('utf8')) ? 'bare' : 'strict'),
)

const registration = codec(
  (body) => decodeRegisterBrokerBody(body, { compressed: false, bodyCrc32: 0, brokerVersion: 479 }),
  (value) => encodeRegisterBrokerBody(value, false),
)

/**
 * Bodies that only replication and tools beyond the broker's main job carry: read and written as plain JSON.
 */
const plainJson = codec((body) => readFastJson(body.toString('utf8')), fastJsonBytes)

/** The codec of a body by request code and part. */
export const bodyCodecs: ReadonlyMap<string, BodyCodec> = new Map([
  ['21 response', codec(decodeTopicConfigTable, encodeTopicConfigTable)],
  ['25 request', properties],
  ['26 response', properties],
  ['28 response', codec(decodeKvTable, encodeKvTable)],
  ['34 request', codec(decodeHeartbeatData, encodeHeartbeatData)],
  ['38 response', codec(decodeConsumerList, encodeConsumerList)],
  ['41 request', codec(decodeLockBatch, encodeLockBatch)],
  ['41 response', codec(decodeLockedQueues, encodeLockedQueues)],
  ['42 request', codec(decodeLockBatch, encodeLockBatch)],
  ['43 response', codec(decodeConsumerOffsets, json(consumerOffsetsJson))],
  ['45 response', codec(decodeDelayOffsets, json(delayOffsetsJson))],
  ['46 request', codec(decodeClientConfigCheck, encodeClientConfigCheck)],
  ['61 response', plainJson],
  ['103 request', registration],
  ['105 response', route],
  ['106 response', codec(decodeClusterInfo, encodeClusterInfo)],
  ['200 request', codec(decodeSubscriptionGroupConfig, encodeSubscriptionGroupConfig)],
  ['201 response', codec(decodeSubscriptionGroupTable, encodeSubscriptionGroupTable)],
  ['202 response', codec(decodeTopicStats, encodeTopicStats)],
  ['203 response', codec(decodeConsumerConnection, encodeConsumerConnection)],
  ['206 response', codec(decodeTopicList, encodeTopicList)],
  ['208 response', codec(decodeConsumeStats, encodeConsumeStats)],
  ['220 request', codec(decodeOffsetTable, encodeOffsetTable)],
  ['222 response', codec(decodeOffsetTable, encodeOffsetTable)],
  ['300 response', codec(decodeGroupList, encodeGroupList)],
  ['307 response', codec(decodeConsumerRunningInfo, encodeConsumerRunningInfo)],
  ['309 response', codec(decodeConsumeResult, encodeConsumeResult)],
  ['315 response', codec(decodeBrokerStats, encodeBrokerStats)],
  ['317 response', codec(decodeBrokerConsumeStats, encodeBrokerConsumeStats)],
  ['319 response', properties],
  ['321 response', codec(decodeConsumeQueueRange, encodeConsumeQueueRange)],
  ['351 response', codec(decodeTopicConfig, encodeTopicConfig)],
  ['400 request', codec(decodeAssignmentQuery, encodeAssignmentQuery)],
  ['400 response', codec(decodeAssignments, encodeAssignments)],
  ['401 request', codec(decodeMessageRequestMode, encodeMessageRequestMode)],
  ['402 response', codec(decodeMessageRequestModeTable, json(messageRequestModeTableJson))],
  ['907 response', plainJson],
])
