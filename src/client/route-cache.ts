import { messageOf } from '../base/errors.ts'
import type { Clock, Logger, Timer } from '../base/host.ts'
import { SystemTopic } from '../protocol/names.ts'
import { RequestCode } from '../protocol/request-code.ts'
import { ResponseCode } from '../protocol/response-code.ts'
import { decodeTopicRouteData, type TopicRouteData } from '../protocol/topic-route-data.ts'
import { ClientError, refusalOf } from './client-error.ts'
import type { NamesrvList } from './namesrv-list.ts'
import { isSameRoute, type TopicRoute, templateRouteOf, topicRouteOf } from './topic-route.ts'

const REFRESH_INTERVAL_MS = 30_000

/** A route that was asked for so recently is not asked for again because of an error. */
const FRESH_MS = 500

/**
 * How soon a topic that its first message should have made is looked for, and how often before the ordinary
 * round.
 */
const NEW_TOPIC_DELAY_MS = 500
const NEW_TOPIC_ATTEMPTS = 6

export interface RouteCacheParts {
  readonly clock: Clock
  readonly log: Logger
  readonly namesrv: NamesrvList
}

/**
 * The routes of the topics that a client works with: asked for when first needed, then every 30 s and after
 * errors.
 */
export class RouteCache {
  /** Hears of each route that has changed. */
  onChanged: (route: TopicRoute) => void = () => undefined
  readonly #clock: Clock
  readonly #log: Logger
  readonly #namesrv: NamesrvList
  readonly #routes = new Map<string, TopicRoute>()
  readonly #loadedMs = new Map<string, number>()
  readonly #loading = new Map<string, Promise<TopicRoute>>()
  readonly #newTopicTimers = new Map<string, Timer>()
  /** Addresses by broker name, made from the routes when needed. */
  #brokers: Map<string, ReadonlyMap<number, string>> | undefined
  #timer: Timer | undefined
  #isClosed = false

  constructor({ clock, log, namesrv }: RouteCacheParts) {
    this.#clock = clock
    this.#log = log
    this.#namesrv = namesrv
    this.#timer = clock.after(REFRESH_INTERVAL_MS, this.#refreshAll)
  }

  /** What is known of a topic now. */
  get(topic: string): TopicRoute | undefined {
    return this.#routes.get(topic)
  }

  /**
   * The route of a topic that exists.
   * @throws ClientError topicNotExist, connectionLost
   */
  async load(topic: string): Promise<TopicRoute> {
    const known = this.#routes.get(topic)
    return known && !known.isTemplate ? known : this.#fetch(topic, false)
  }

  /** As `load`, asked for now whatever is known. */
  async loadNow(topic: string): Promise<TopicRoute> {
    return this.#fetch(topic, false)
  }

  /**
   * The route of a topic that exists, or that a broker would make.
   * @throws ClientError topicNotExist, connectionLost
   */
  async loadForSend(topic: string): Promise<TopicRoute> {
    return this.#routes.get(topic) ?? this.#fetch(topic, true)
  }

  /** Something is wrong with a topic's brokers: asks anew, unless that was just done. */
  refreshAfterError(topic: string): void {
    const loadedMs = this.#loadedMs.get(topic)
    if (loadedMs !== undefined && this.#clock.monoMs() - loadedMs < FRESH_MS) return
    void this.#refresh(topic)
  }

  /**
   * A message was sent by a template's route: the topic should exist now, so its own route is asked for soon.
   */
  expectNewTopic(topic: string): void {
    if (!this.#newTopicTimers.has(topic)) this.#lookForNewTopic(topic, NEW_TOPIC_ATTEMPTS)
  }

  /** The address of a broker's master. */
  masterOf(brokerName: string): string | undefined {
    return this.#addressesOf(brokerName)?.get(0)
  }

  /** The address of a broker by its id, else of its master, else of any of its replicas. */
  addressOf(brokerName: string, brokerId: number): string | undefined {
    const addresses = this.#addressesOf(brokerName)
    return addresses?.get(brokerId) ?? addresses?.get(0) ?? addresses?.values().next().value
  }

  /** Addresses of all brokers of all routes. */
  brokerAddresses(isMasterEnough: boolean): Set<string> {
    const addresses = new Set<string>()
    for (const { data } of this.#routes.values()) {
      for (const { brokerAddrs } of data.brokerDatas) {
        for (const [id, address] of brokerAddrs) if (id === 0 || !isMasterEnough) addresses.add(address)
      }
    }
    return addresses
  }

  close(): void {
    this.#isClosed = true
    this.#timer?.cancel()
    for (const timer of this.#newTopicTimers.values()) timer.cancel()
  }

  #addressesOf(brokerName: string): ReadonlyMap<number, string> | undefined {
    this.#brokers ??= new Map(
      [...this.#routes.values()].flatMap(({ data }) =>
        data.brokerDatas.map((broker) => [broker.brokerName, broker.brokerAddrs]),
      ),
    )
    return this.#brokers.get(brokerName)
  }

  /** One request for all who ask at once. */
  #fetch(topic: string, mayBeNew: boolean): Promise<TopicRoute> {
    const key = mayBeNew ? `new ${topic}` : topic
    const loading = this.#loading.get(key)
    if (loading) return loading
    const fetched = this.#ask(topic, mayBeNew).finally(() => this.#loading.delete(key))
    this.#loading.set(key, fetched)
    return fetched
  }

  async #ask(topic: string, mayBeNew: boolean): Promise<TopicRoute> {
    const data = await this.#askNamesrv(topic)
    if (data) return this.#take(topicRouteOf(topic, data))
    const template = mayBeNew ? await this.#askNamesrv(SystemTopic.AUTO_CREATE) : undefined
    if (template) return this.#take(templateRouteOf(topic, template))
    throw new ClientError('topicNotExist', `topic ${topic} does not exist`, {
      responseCode: ResponseCode.TOPIC_NOT_EXIST,
    })
  }

  async #askNamesrv(topic: string): Promise<TopicRouteData | undefined> {
    const extFields = { topic, acceptStandardJsonOnly: 'true' }
    const response = await this.#namesrv.invoke({ code: RequestCode.GET_ROUTEINFO_BY_TOPIC, extFields })
    if (response.code === ResponseCode.TOPIC_NOT_EXIST) return undefined
    if (response.code !== ResponseCode.SUCCESS) throw refusalOf(response, `route of topic ${topic}`)
    return decodeTopicRouteData(response.body)
  }

  #take(route: TopicRoute): TopicRoute {
    const { topic } = route
    this.#loadedMs.set(topic, this.#clock.monoMs())
    const known = this.#routes.get(topic)
    if (known && isSameRoute(known, route)) return known
    this.#routes.delete(topic) // the newest route is to be the last: its addresses count
    this.#routes.set(topic, route)
    this.#brokers = undefined
    if (!this.#isClosed) this.onChanged(route)
    return route
  }

  /** A topic that is not found keeps the route it had: its brokers may be on their way back. */
  async #refresh(topic: string): Promise<void> {
    try {
      await this.#fetch(topic, false)
    } catch (error) {
      this.#loadedMs.set(topic, this.#clock.monoMs())
      this.#log.debug({ topic, error: messageOf(error) }, 'the route could not be refreshed')
    }
  }

  readonly #refreshAll = async (): Promise<void> => {
    for (const topic of [...this.#routes.keys()]) {
      if (!this.#isClosed) await this.#refresh(topic)
    }
    if (!this.#isClosed) this.#timer = this.#clock.after(REFRESH_INTERVAL_MS, this.#refreshAll)
  }

  #lookForNewTopic(topic: string, attemptsLeft: number): void {
    if (this.#isClosed) return
    const look = async (): Promise<void> => {
      await this.#refresh(topic)
      const isFound = this.#routes.get(topic)?.isTemplate === false
      if (isFound || attemptsLeft <= 1) this.#newTopicTimers.delete(topic)
      else this.#lookForNewTopic(topic, attemptsLeft - 1)
    }
    this.#newTopicTimers.set(
      topic,
      this.#clock.after(NEW_TOPIC_DELAY_MS, () => void look()),
    )
  }
}
