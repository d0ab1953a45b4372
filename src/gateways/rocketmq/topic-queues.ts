import { messageOf } from '../../base/errors.ts'
import type { Broker } from '../../broker/broker.ts'
import type { MessageQueue } from '../../protocol/message-queue.ts'
import { isReadable } from '../../protocol/permission.ts'
import { RequestCode } from '../../protocol/request-code.ts'
import { ResponseCode } from '../../protocol/response-code.ts'
import { decodeTopicRouteData } from '../../protocol/topic-route-data.ts'
import type { RemotingClient } from '../../remoting/remoting-client.ts'

const REQUEST_TIMEOUT_MS = 3000

/** How long a route is good: as long as in RocketMQ's brokers and clients. */
const ROUTE_TTL_MS = 30_000

/** Topics whose routes are remembered. */
const ROUTES_MAX = 10_000

interface Route {
  readonly untilMs: number
  readonly queues: Promise<MessageQueue[]>
}

/**
 * The queues of a topic on all brokers of the cluster: on this one as it knows them itself, on others as the NameServers know them, of whom each
 * topic is asked twice a minute at most.
 */
export class TopicQueues {
  /** `host:port` of the NameServers; none: there is only this broker. */
  namesrvAddrs: readonly string[] = []
  readonly #broker: Broker
  readonly #client: Pick<RemotingClient, 'invoke'>
  readonly #routes = new Map<string, Route>()

  constructor(broker: Broker, client: Pick<RemotingClient, 'invoke'>) {
    this.#broker = broker
    this.#client = client
  }

  /** Queues that may be read; undefined when the topic is nowhere. */
  async queuesOf(topic: string): Promise<MessageQueue[] | undefined> {
    const { brokerName } = this.#broker.settings
    const others = (await this.#route(topic)).filter((queue) => queue.brokerName !== brokerName)
    const own = this.#broker.topics.get(topic)?.config
    if (!own && others.length === 0) return undefined
    const ownCount = own && isReadable(own.perm) ? own.readQueueNums : 0
    return [...others, ...queues({ topic, brokerName, count: ownCount })]
  }

  #route(topic: string): Promise<MessageQueue[]> {
    if (this.namesrvAddrs.length === 0) return Promise.resolve([])
    const nowMs = this.#broker.host.clock.monoMs()
    const known = this.#routes.get(topic)
    if (known && nowMs < known.untilMs) return known.queues
    const queues = this.#routed(topic, known?.queues)
    this.#routes.delete(topic)
    this.#routes.set(topic, { untilMs: nowMs + ROUTE_TTL_MS, queues })
    const [oldest] = this.#routes.keys()
    if (this.#routes.size > ROUTES_MAX && oldest !== undefined) this.#routes.delete(oldest)
    return queues
  }

  /** @param before what the NameServers said last: it holds on where none of them answers */
  async #routed(topic: string, before: Promise<MessageQueue[]> | undefined): Promise<MessageQueue[]> {
    for (const address of this.namesrvAddrs) {
      try {
        const extFields = { topic, acceptStandardJsonOnly: 'true' }
        const command = { code: RequestCode.GET_ROUTEINFO_BY_TOPIC, extFields }
        const answer = await this.#client.invoke(address, command, REQUEST_TIMEOUT_MS)
        if (answer.code !== ResponseCode.SUCCESS) return []
        return decodeTopicRouteData(answer.body)
          .queueDatas.filter(({ perm }) => isReadable(perm))
          .flatMap(({ brokerName, readQueueNums }) => queues({ topic, brokerName, count: readQueueNums }))
      } catch (error) {
        this.#broker.host.log.warn(
          { namesrv: address, topic, error: messageOf(error) },
          'no route from a NameServer',
        )
      }
    }
    return before ?? []
  }
}

function queues({
  topic,
  brokerName,
  count,
}: {
  topic: string
  brokerName: string
  count: number
}): MessageQueue[] {
  return Array.from({ length: count }, (_, queueId) => ({ topic, brokerName, queueId }))
}
