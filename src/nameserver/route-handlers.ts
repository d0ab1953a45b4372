import { ClientVersion } from '../protocol/client-version.ts'
import type { HandlerFamily, Request } from '../protocol/request.ts'
import { RequestCode } from '../protocol/request-code.ts'
import { ResponseCode } from '../protocol/response-code.ts'
import { encodeTopicRouteData, type JsonDialect, type TopicRouteData } from '../protocol/topic-route-data.ts'
import { routeInZone } from './zone-route.ts'

/** What routes are answered from. */
export interface RoutePort {
  /** Whether brokers have had the time to register after the start. */
  isReady(): boolean
  routeOf(topic: string): TopicRouteData | undefined
  /** `broker:queues;...` of an ordered topic; undefined for the others. */
  orderTopicConf(topic: string): string | undefined
}

/** Where the queues of a topic are: the one question that every client asks. */
export function routeHandlers(routes: RoutePort): HandlerFamily {
  return {
    [RequestCode.GET_ROUTEINFO_BY_TOPIC]: (request) => {
      const topic = request.text('topic')
      if (!routes.isReady()) return { code: ResponseCode.SYSTEM_ERROR, remark: 'name server not ready' }
      const route = routes.routeOf(topic)
      if (!route) {
        // Tools and tests of RocketMQ's users look for this text.
        const remark = `No topic route info in name server for the topic: ${topic}`
        return { code: ResponseCode.TOPIC_NOT_EXIST, remark }
      }
      const orderTopicConf = routes.orderTopicConf(topic)
      const whole = orderTopicConf === undefined ? route : { ...route, orderTopicConf }
      return { body: encodeTopicRouteData(inZoneOf(request, whole), dialectOf(request)) }
    },
  }
}

/**
 * The first Java client that reads strict JSON is 4.9.4; all releases of the Go client count as older ones.
 */
function dialectOf(request: Request): JsonDialect {
  const isStrict = request.version >= ClientVersion.V4_9_4 || request.boolean('acceptStandardJsonOnly')
  return isStrict ? 'strict' : 'bare'
}

function inZoneOf(request: Request, route: TopicRouteData): TopicRouteData {
  const zoneName = request.optionalText('__ZONE_NAME')?.trim()
  return zoneName && request.boolean('__ZONE_MODE') ? routeInZone(route, zoneName) : route
}
