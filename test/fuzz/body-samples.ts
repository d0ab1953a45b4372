import { decodeBrokerMemberGroup, encodeBrokerMemberGroup } from '#ternmq/protocol/cluster-info.ts'
import { decodeConsumeTimeSpans, encodeConsumeTimeSpans } from '#ternmq/protocol/consume-time-span.ts'
import { decodeDataVersion, encodeDataVersion } from '#ternmq/protocol/data-version.ts'
import {
  decodeGroupForbidden,
  decodeGroupSubscription,
  encodeGroupForbidden,
  encodeGroupSubscription,
} from '#ternmq/protocol/group-subscription.ts'
import { decodeBatch, encodeBatch } from '#ternmq/protocol/message-batch.ts'
import { decodeMessages, encodeMessage } from '#ternmq/protocol/message-codec.ts'
import {
  decodeConsumerStatus,
  decodeConsumerStatusTable,
  decodeCorrectionOffsets,
  encodeConsumerStatus,
  encodeConsumerStatusTable,
  encodeCorrectionOffsets,
} from '#ternmq/protocol/offset-table.ts'
import {
  decodeProducerConnection,
  decodeProducerTable,
  encodeProducerConnection,
  encodeProducerTable,
} from '#ternmq/protocol/producer-connection.ts'
import { decodeRegisterBrokerBody, encodeRegisterBrokerBody } from '#ternmq/protocol/register-broker-body.ts'
import { tagSubscription } from '#ternmq/protocol/subscription-data.ts'
import {
  decodeSubscriptionGroupList,
  encodeSubscriptionGroupList,
  subscriptionGroupConfig,
} from '#ternmq/protocol/subscription-group-config.ts'
import { parseTagExpression } from '#ternmq/protocol/tag-expression.ts'
import { decodeTopicConfigList, encodeTopicConfigList, topicConfig } from '#ternmq/protocol/topic-config.ts'
import { type BodyCodec, bodyCodecs, codec } from '../vectors/body-codecs.ts'
import { type FrameVector, frameVectors } from '../vectors/vectors.ts'

/** A body and the codec that reads it. */
export interface BodySample {
  readonly name: string
  readonly body: Buffer
  readonly codec: BodyCodec
  /** Whether a beginning of the body is a body too: texts of lines, records and entries back to back. */
  readonly isCuttable: boolean
}

const messages = codec(decodeMessages, (decoded) => Buffer.concat(decoded.map(encodeMessage)))
const batch = codec(decodeBatch, encodeBatch)

/** The codec of a captured body; undefined for opaque ones, such as the body of a message. */
export function codecOfVector({ decoded, requestCode, part }: FrameVector): BodyCodec | undefined {
  if (decoded.bodyMessages !== undefined) return messages
  if (decoded.bodyBatch !== undefined) return batch
  return bodyCodecs.get(`${requestCode} ${part}`)
}

/**
 * For every codec its shortest captured body, and bodies of our own for those that nobody sent while it was
 * captured.
 */
export function bodySamples(): BodySample[] {
  const shortest = new Map<BodyCodec, BodySample>()
  for (const vector of frameVectors()) {
    const { body, decoded, requestCode } = vector
    const found = codecOfVector(vector)
    if (found === undefined || body.length === 0) continue
    if ((shortest.get(found)?.body.length ?? Number.POSITIVE_INFINITY) <= body.length) continue
    const isCuttable = decoded.bodyJson === undefined || body[0] !== 0x7b
    shortest.set(found, { name: `${requestCode} ${vector.part}`, body, codec: found, isCuttable })
  }
  return [...shortest.values(), ...ownSamples()]
}

function ownSamples(): BodySample[] {
  const offsets = new Map([[{ topic: 'T', brokerName: 'b', queueId: 0 }, 5]])
  const subscriptionData = tagSubscription('T', parseTagExpression('TagA'), 1n)
  const [messageQueue] = offsets.keys()
  if (messageQueue === undefined) return []
  const span = { messageQueue, minTimeStamp: 1, maxTimeStamp: 2, consumeTimeStamp: 1, delayTime: 1 }
  const connection = { clientId: 'c', clientAddr: 'a:1', language: 'GO', version: 317 } as const
  const producer = {
    clientId: 'c',
    remoteIP: 'a:1',
    language: 'GO',
    version: 1,
    lastUpdateTimestamp: 2,
  } as const
  const members = { cluster: 'C', brokerName: 'b', brokerAddrs: new Map([[0, 'a:1']]) }
  return [
    sample('data version', decodeDataVersion, encodeDataVersion, {
      counter: 1,
      stateVersion: 2,
      timestamp: 3,
    }),
    sample('member group', decodeBrokerMemberGroup, encodeBrokerMemberGroup, members),
    sample('time spans', decodeConsumeTimeSpans, encodeConsumeTimeSpans, [span]),
    sample('subscription', decodeGroupSubscription, encodeGroupSubscription, {
      group: 'G',
      topic: 'T',
      subscriptionData,
    }),
    sample('forbidden', decodeGroupForbidden, encodeGroupForbidden, {
      group: 'G',
      topic: 'T',
      readable: true,
    }),
    sample('status', decodeConsumerStatus, encodeConsumerStatus, offsets),
    sample('status table', decodeConsumerStatusTable, encodeConsumerStatusTable, new Map([['c', offsets]])),
    sample('correction', decodeCorrectionOffsets, encodeCorrectionOffsets, new Map([[0, 5]])),
    sample('producers', decodeProducerConnection, encodeProducerConnection, [connection]),
    sample('producer table', decodeProducerTable, encodeProducerTable, new Map([['PG', [producer]]])),
    sample('topic list', decodeTopicConfigList, encodeTopicConfigList, [topicConfig('T')]),
    sample('group list', decodeSubscriptionGroupList, encodeSubscriptionGroupList, [
      subscriptionGroupConfig('G'),
    ]),
    compressedRegistration(),
  ]
}

function compressedRegistration(): BodySample {
  const form = { compressed: true, bodyCrc32: 0, brokerVersion: 479 }
  const version = { counter: 1, stateVersion: 0, timestamp: 2 }
  const topics = {
    topicConfigTable: new Map([['T', topicConfig('T')]]),
    dataVersion: version,
    mappingDataVersion: version,
    topicQueueMappingInfoMap: new Map([['S', { topic: 'S' }]]),
    topicQueueMappingDetailMap: new Map(),
  }
  return sample(
    'compressed registration',
    (body) => decodeRegisterBrokerBody(body, form),
    (value) => encodeRegisterBrokerBody(value, true),
    { topics, filterServerList: [] },
  )
}

function sample<T>(
  name: string,
  decode: (body: Buffer) => T,
  encode: (value: T) => Buffer,
  value: NoInfer<T>,
): BodySample {
  return { name, body: encode(value), codec: codec(decode, encode), isCuttable: false }
}
