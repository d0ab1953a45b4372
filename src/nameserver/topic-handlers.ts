import type { Logger } from '../base/host.ts'
import type { Handler, HandlerFamily, Request } from '../protocol/request.ts'
import { RequestCode } from '../protocol/request-code.ts'
import { ResponseCode } from '../protocol/response-code.ts'
import { encodeTopicList } from '../protocol/topic-list.ts'
import { decodeTopicRouteData } from '../protocol/topic-route-data.ts'
import type { NamesrvSettings } from './namesrv-config.ts'
import type { RouteTable } from './route-table.ts'

/** What administrators' requests about topics need. */
export interface TopicPort {
  readonly routes: RouteTable
  readonly settings: Pick<NamesrvSettings, 'enableAllTopicList' | 'enableTopicList'>
  readonly log: Logger
}

/** Lists of topics, and changes of what routes say about them. */
export function topicHandlers({ routes, settings, log }: TopicPort): HandlerFamily {
  const listing = (
    setting: keyof TopicPort['settings'],
    topicsFor: (request: Request) => string[],
  ): Handler => {
    return (request) => {
      if (settings[setting]) return { body: encodeTopicList({ topics: topicsFor(request) }) }
      return { code: ResponseCode.SYSTEM_ERROR, remark: `topic lists are switched off by ${setting}` }
    }
  }
  return {
    [RequestCode.GET_ALL_TOPIC_LIST_FROM_NAMESERVER]: listing('enableAllTopicList', () => routes.topics()),
    [RequestCode.GET_TOPICS_BY_CLUSTER]: listing('enableTopicList', (request) =>
      routes.topicsOfCluster(request.text('cluster')),
    ),
    [RequestCode.GET_UNIT_TOPIC_LIST]: listing('enableTopicList', () => routes.unitTopics()),
    [RequestCode.GET_HAS_UNIT_SUB_TOPIC_LIST]: listing('enableTopicList', () => routes.unitSubTopics()),
    [RequestCode.GET_HAS_UNIT_SUB_UNUNIT_TOPIC_LIST]: listing('enableTopicList', () =>
      routes.unitSubUnUnitTopics(),
    ),
    [RequestCode.GET_SYSTEM_TOPIC_LIST_FROM_NS]: () => ({ body: encodeTopicList(routes.systemTopics()) }),
    [RequestCode.WIPE_WRITE_PERM_OF_BROKER]: (request) => {
      const brokerName = request.text('brokerName')
      const topics = routes.wipeWritePerm(brokerName)
      log.info({ brokerName, topics, from: request.peer.address }, 'broker taken out of writing')
      return { extFields: { wipeTopicCount: String(topics) } }
    },
    [RequestCode.ADD_WRITE_PERM_OF_BROKER]: (request) => {
      const brokerName = request.text('brokerName')
      const topics = routes.addWritePerm(brokerName)
      log.info({ brokerName, topics, from: request.peer.address }, 'broker put back into writing')
      return { extFields: { addTopicCount: String(topics) } }
    },
    [RequestCode.DELETE_TOPIC_IN_NAMESRV]: (request) => {
      const topic = request.text('topic')
      const clusterName = request.optionalText('clusterName')
      if (clusterName) routes.deleteTopicOfCluster(topic, clusterName)
      else routes.deleteTopic(topic)
      log.info({ topic, clusterName, from: request.peer.address }, 'topic deleted from routes')
      return {}
    },
    [RequestCode.REGISTER_TOPIC_IN_NAMESRV]: (request) => {
      const topic = request.text('topic')
      const { queueDatas } = decodeTopicRouteData(request.body)
      const isKept = routes.registerTopic(topic, queueDatas)
      // The answer is the same, as RocketMQ's is.
      if (!isKept)
        log.warn({ topic, from: request.peer.address }, 'topic of an unknown broker not registered')
      return {}
    },
  }
}
