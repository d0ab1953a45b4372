import { MqError } from '../../base/errors.ts'
import { parseAttributeChanges } from '../../broker/attributes.ts'
import type { Broker } from '../../broker/broker.ts'
import { pageOf } from '../../broker/metadata-page.ts'
import { TopicAdmin } from '../../broker/topic-admin.ts'
import { DATA_VERSION_ZERO } from '../../protocol/data-version.ts'
import type { HandlerFamily, Request } from '../../protocol/request.ts'
import { RequestCode } from '../../protocol/request-code.ts'
import {
  decodeTopicConfigList,
  encodeTopicConfig,
  encodeTopicConfigTable,
  type TopicConfig,
  type TopicFilterType,
} from '../../protocol/topic-config.ts'
import { encodeGroupList, encodeTopicList } from '../../protocol/topic-list.ts'
import { encodeTopicStats } from '../../protocol/topic-stats.ts'
import { pageRequestOf } from './page-request.ts'

/** Topics as the admin tools see them (protocol/requests.md §7). */
export function topicHandlers(broker: Broker): HandlerFamily {
  const admin = new TopicAdmin(broker)
  return {
    [RequestCode.UPDATE_AND_CREATE_TOPIC]: (request) => {
      admin.put([topicOf(request)])
      return {}
    },
    [RequestCode.UPDATE_AND_CREATE_TOPIC_LIST]: ({ body }) => {
      admin.put(decodeTopicConfigList(body))
      return {}
    },
    [RequestCode.DELETE_TOPIC_IN_BROKER]: (request) => {
      admin.delete(request.text('topic'))
      return {}
    },
    [RequestCode.GET_ALL_TOPIC_CONFIG]: (request) => {
      const { dataVersion } = broker.topics
      const table = new Map(broker.topics.all().map(({ name, config }) => [name, config]))
      const page = pageRequestOf(request, 'topicSeq', 'maxTopicNum')
      const body = encodeTopicConfigTable({
        topicConfigTable: page ? pageOf(table, dataVersion, page) : table,
        dataVersion,
        mappingDataVersion: DATA_VERSION_ZERO,
        topicQueueMappingInfoMap: new Map(),
        topicQueueMappingDetailMap: new Map(),
      })
      return { body, extFields: page ? { totalTopicNum: String(table.size) } : {} }
    },
    [RequestCode.GET_TOPIC_CONFIG]: (request) => ({
      body: encodeTopicConfig(broker.topics.require(request.text('topic')).config),
    }),
    [RequestCode.GET_TOPIC_STATS_INFO]: async (request) => ({
      body: encodeTopicStats(await admin.stats(request.text('topic'))),
    }),
    [RequestCode.GET_SYSTEM_TOPIC_LIST_FROM_BROKER]: () => ({
      body: encodeTopicList({ topics: admin.systemTopics() }),
    }),
    [RequestCode.QUERY_TOPIC_CONSUME_BY_WHO]: (request) => ({
      body: encodeGroupList(admin.groupsOf(request.text('topic'))),
    }),
    [RequestCode.CLEAN_UNUSED_TOPIC]: () => {
      const topics = admin.deleteUnusedQueues()
      broker.host.log.info({ topics }, 'queues of topics that no longer exist deleted')
      return {}
    },
  }
}

/**
 * The topic that a request describes, with the changes of its attributes. @throws MqError invalidParameter
 */
function topicOf(request: Request): TopicConfig {
  return {
    topicName: request.text('topic'),
    readQueueNums: request.integer('readQueueNums'),
    writeQueueNums: request.integer('writeQueueNums'),
    perm: request.integer('perm'),
    topicFilterType: filterTypeOf(request),
    topicSysFlag: request.optionalInteger('topicSysFlag', 0),
    order: request.boolean('order'),
    attributes: parseAttributeChanges(request.optionalText('attributes') ?? ''),
  }
}

function filterTypeOf(request: Request): TopicFilterType {
  const word = request.optionalText('topicFilterType') ?? 'SINGLE_TAG'
  if (word === 'SINGLE_TAG' || word === 'MULTI_TAG') return word
  throw new MqError(
    'invalidParameter',
    `topicFilterType wants SINGLE_TAG or MULTI_TAG, not "${word.slice(0, 20)}"`,
  )
}
