import { MqError } from '../../base/errors.ts'
import type { Clock, Random } from '../../base/host.ts'
import { int32At, int64At } from '../../protocol/big-endian.ts'
import { PropertyName } from '../../protocol/message-properties.ts'
import { isReadable } from '../../protocol/permission.ts'
import { popHandleText, popOriginOf } from '../../protocol/pop-handle.ts'
import { RECORD_BYTES_MIN } from '../../protocol/record-draft.ts'
import { RecordScan } from '../../protocol/record-scan.ts'
import { rewriteRecord } from '../../protocol/rewrite-record.ts'
import type { Awaited, ConsumeQueue } from '../../store/consume-queue.ts'
import type { ReadStatus } from '../../store/message-reader.ts'
import type { MessageStore } from '../../store/message-store.ts'
import type { BrokerSettings } from '../broker-settings.ts'
import type { BrokerStats } from '../broker-stats.ts'
import type { ConsumerOffsets } from '../consumer-offsets.ts'
import type { FilterSelection } from '../filter/filter-selection.ts'
import { learnSubscription } from '../learned-subscription.ts'
import type { OffsetQueries } from '../offset-queries.ts'
import type { SubscriptionGroupTable } from '../subscription-group-table.ts'
import type { Topic, TopicTable } from '../topic-table.ts'
import type { InFlight } from './in-flight.ts'
import type { PopOrder } from './pop-order.ts'
import type { PopQueue } from './pop-queue.ts'
import { type Place, type Pop, type PopRequest, PopResult } from './pop-request.ts'
import { popRetryTopicsOf } from './redelivery-copy.ts'

/** Most messages that a pop may ask for. */
const COUNT_MAX = 32

/** Places that a pop looks into in one turn of the event loop: 1 to 10 ms. */
const PLACES_AT_ONCE = 1024

/** Bytes of messages from which on a pop looks into no further queue. */
const ANSWER_BYTES_MAX = 256 * 1024

/** Who asks what there is for a pop. */
interface Question {
  readonly request: Pick<PopRequest, 'group' | 'queueId' | 'isOrdered' | 'attemptId'>
  readonly topic: Topic
}

interface Parts {
  readonly settings: BrokerSettings
  readonly clock: Clock
  readonly random: Random
  readonly store: MessageStore
  readonly stats: BrokerStats
  readonly topics: TopicTable
  readonly groups: SubscriptionGroupTable
  readonly offsets: ConsumerOffsets
  readonly filters: FilterSelection
  readonly queries: OffsetQueries
  readonly inFlight: InFlight
  readonly order: PopOrder
}

/** Checks pops and reads for them: RocketMQ's PopMessageProcessor. */
export class MessagePopper {
  readonly #parts: Parts
  readonly #record = new RecordScan()

  constructor(parts: Parts) {
    this.#parts = parts
  }

  /**
   * Checks a pop, in the order of protocol/requests.md §3.
   * @throws MqError noPermission, invalidParameter, topicNotExist, groupNotExist, subscriptionParseFailed, filterNotSupported
   */
  begin(request: PopRequest): Pop {
    const topic = this.check(request)
    const { clock, filters, offsets } = this.#parts
    const hasExpression = request.expression !== undefined && request.expression !== ''
    const filter = hasExpression ? filters.ofRequest(request.expressionType, request.expression) : undefined
    learnSubscription(offsets.of(request.group, topic.name), request, clock)
    return { request, topic, filter }
  }

  /** What all requests of the family are checked for. @throws as `begin` */
  check(request: Pick<PopRequest, 'group' | 'topic' | 'queueId'> & { readonly countMax?: number }): Topic {
    const { groups, settings, topics } = this.#parts
    if (!isReadable(settings.brokerPermission))
      throw new MqError('noPermission', 'the broker is not readable')
    if ((request.countMax ?? 0) > COUNT_MAX) {
      throw new MqError('invalidParameter', `${request.countMax} messages at once, more than ${COUNT_MAX}`)
    }
    const topic = topics.require(request.topic)
    if (!isReadable(topic.config.perm)) {
      throw new MqError('noPermission', `topic ${request.topic} is not readable`)
    }
    if (request.queueId >= topic.config.readQueueNums) {
      throw new MqError(
        'invalidParameter',
        `queueId ${request.queueId} of topic ${topic.name}: it has ${topic.config.readQueueNums} to read`,
      )
    }
    if (groups.forUse(request.group).consumeEnable) return topic
    throw new MqError('noPermission', `subscription group ${request.group} may not consume`)
  }

  /** Where messages for a pop may arrive: a queue, or any of a topic. */
  sourcesOf({
    request,
    topic,
  }: Pick<Pop, 'topic'> & { request: Pick<PopRequest, 'group' | 'queueId' | 'isOrdered'> }): Awaited[] {
    const { settings, store } = this.#parts
    const { queueId } = request
    const own = queueId < 0 ? topic.queues : store.queues.queue(topic.queues, queueId)
    if (request.isOrdered) return [own]
    const retryTopics = popRetryTopicsOf(request.group, topic.name, settings.pop)
    return [own, ...retryTopics.map((name) => store.topic(name))]
  }

  /** What a pop will have found; `take` fills it. */
  resultFor(pop: Pop): PopResult {
    return new PopResult(this.#parts.clock.nowMs(), this.#placesFor(pop))
  }

  /**
   * Takes messages for a pop from the places that are left; check points of what it found have to be recorded. Of very many
   * places some remain: it is called again, in another turn, until the result is no longer unfinished.
   * @throws MqError badRecord where the log is damaged, and nothing else was found before
   */
  take(pop: Pop, result: PopResult): void {
    for (let looks = 0; looks < PLACES_AT_ONCE; looks++) {
      const place = result.nextPlace()
      if (!place) break
      const bodyCount = result.bodies.length
      try {
        this.#takeFrom(pop, place, result)
      } catch (error) {
        // with messages at hand the pop is answered: one that finds nothing else is told of the damage
        if (!(error instanceof MqError) || result.count === 0) throw error
        result.bodies.splice(bodyCount)
        result.leaveRest()
        break
      }
      if (result.isLoading) break
    }
    // what is at hand is a full answer; the rest is loaded for the next
    if (!result.isLoading) return
    result.leaveRest()
    if (result.count > 0) result.isLoading = false
  }

  /** For those that take nothing: the places into which `hasMessages` or `peek` looks. */
  lookFor({ request, topic }: Question): PopResult {
    const { clock, random } = this.#parts
    const places = this.#placesIn(topic, request.queueId, random.u32())
    const retryPlaces = request.isOrdered ? [] : this.#retryPlaces(request.group, topic)
    return new PopResult(clock.nowMs(), [...places, ...retryPlaces])
  }

  /** Whether there is anything for a pop in the places that are left; of very many some remain, as with `take`. */
  hasMessages({ request }: Question, look: PopResult): boolean {
    const { inFlight, offsets, order, queries } = this.#parts
    const { attemptId, group, isOrdered } = request
    for (let looks = 0; looks < PLACES_AT_ONCE; looks++) {
      const place = look.nextPlace()
      if (!place) return false
      const queue = { group, topic: place.topic.name, queueId: place.queueId }
      if (isOrdered && order.isBlocked(queue, attemptId, look.popTimeMs)) continue
      const known = offsets.find(group, queue.topic)
      const position = known && inFlight.queue(known, queue.queueId).position
      if (queries.max(queue) > (position ?? queries.min(queue))) return true
    }
    return false
  }

  /** Reads what a pop would take first in the places that are left, as `take` does; what has to be loaded is asked for anew. */
  peek(request: Pick<PopRequest, 'group' | 'countMax'>, result: PopResult): void {
    const { inFlight, offsets, store } = this.#parts
    for (let looks = 0; looks < PLACES_AT_ONCE; looks++) {
      const place = result.nextPlace()
      if (!place) return
      const { topic: placeTopic, queueId } = place
      const queue = store.queues.queue(placeTopic.queues, queueId)
      const known = offsets.find(request.group, placeTopic.name)
      const position = (known && inFlight.queue(known, queueId).position) ?? queue.minOffset
      const start = Math.min(Math.max(position, queue.minOffset), queue.maxOffset)
      result.restCount += queue.maxOffset - start
      const countMax = request.countMax - result.count
      if (countMax <= 0 || result.bytes >= ANSWER_BYTES_MAX) continue
      const { reader } = store
      const status = reader.read(queue, {
        queueOffset: start,
        countMax,
        bytesMax: Number.MAX_SAFE_INTEGER,
        filter: undefined,
      })
      if (status === 'loading' && result.count === 0) {
        result.isLoading = true
        result.leaveRest()
      }
      if (status === 'FOUND') result.count += this.#copyFound(result).queueOffsets.length
    }
  }

  /** The retry topic comes first in a share of the pops, else last, so that neither can starve the other. */
  #placesFor({ request, topic }: Pop): Place[] {
    const { random, settings } = this.#parts
    const chance = random.u32() % 100
    const places = this.#placesIn(topic, request.queueId, chance)
    if (request.isOrdered) return places
    const retryPlaces = this.#retryPlaces(request.group, topic)
    return chance < settings.pop.popFromRetryProbability
      ? [...retryPlaces, ...places]
      : [...places, ...retryPlaces]
  }

  #placesIn(topic: Topic, queueId: number, first: number): Place[] {
    if (queueId >= 0) return [{ topic, queueId }]
    const count = topic.config.readQueueNums
    return Array.from({ length: count }, (_, index) => ({ topic, queueId: (first + index) % count }))
  }

  #retryPlaces(group: string, topic: Topic): Place[] {
    const { settings, topics } = this.#parts
    const names = popRetryTopicsOf(group, topic.name, settings.pop)
    return names.flatMap((name) => {
      const retryTopic = topics.get(name)
      return retryTopic ? this.#placesIn(retryTopic, -1, 0) : []
    })
  }

  #takeFrom(pop: Pop, { topic, queueId }: Place, result: PopResult): void {
    const { inFlight, offsets, order, settings, stats, store } = this.#parts
    const { request } = pop
    const queue = store.queues.queue(topic.queues, queueId)
    const groupOffsets = offsets.of(request.group, topic.name)
    const popQueue = inFlight.queue(groupOffsets, queueId)
    const start = this.#begin(popQueue, queue, request)
    const ordered = { group: request.group, topic: topic.name, queueId }
    // what is blocked does not count as left: it would wake pops for nothing
    // by the time that the pop will name: it is not to be before the queue was free
    if (request.isOrdered && order.isBlocked(ordered, request.attemptId, result.popTimeMs)) return
    const { enablePopMessageThreshold, popInflightMessageThreshold } = settings.pop
    const isTooMuch =
      enablePopMessageThreshold && inFlight.heldCount(groupOffsets, queueId) >= popInflightMessageThreshold
    const isFull = result.count >= request.countMax || result.bytes >= ANSWER_BYTES_MAX
    if (isTooMuch || isFull) {
      result.restCount += queue.maxOffset - start
      return
    }
    const status = this.#read(pop, popQueue, queue, request.countMax - result.count)
    const { reader } = store
    if (status === 'loading') result.isLoading = true
    result.restCount += Math.max(0, reader.maxOffset - reader.nextBeginOffset)
    if (status !== 'FOUND') return
    const { count } = reader
    stats.gotten(topic, groupOffsets, queueId, count, reader.slices.bytes)
    this.#note(pop, popQueue, this.#copyFound(result), result)
    result.count += count
  }

  /** Reads from where the group is; entries that its filter does not let pass are behind it for good. */
  #read(pop: Pop, popQueue: PopQueue, queue: ConsumeQueue, countMax: number): ReadStatus {
    const { reader } = this.#parts.store
    for (;;) {
      const queueOffset = popQueue.position ?? 0
      const status = reader.read(queue, {
        ...{ queueOffset, countMax, bytesMax: Number.MAX_SAFE_INTEGER },
        filter: pop.filter,
      })
      const isMoved = reader.nextBeginOffset !== queueOffset
      const isElsewhere =
        status === 'OFFSET_TOO_SMALL' || status === 'OFFSET_OVERFLOW_BADLY' || status === 'NO_MATCHED_MESSAGE'
      if ((isElsewhere || status === 'loading') && isMoved) popQueue.moveTo(reader.nextBeginOffset)
      // a filter that has to read each message could hold up a turn: that pop comes again
      const isAgain = isElsewhere && !(status === 'NO_MATCHED_MESSAGE' && pop.filter?.matchesRecord)
      if (!isAgain || !isMoved) return status
    }
  }

  /** Where the pop begins in a queue: at the reset that an admin has asked for, where the group is, or where a new group begins. */
  #begin(popQueue: PopQueue, queue: ConsumeQueue, request: PopRequest): number {
    const { inFlight, offsets, order } = this.#parts
    const { queueId, topic } = popQueue
    const reset = offsets.takeReset(request.group, topic, queueId)
    if (reset !== undefined) {
      inFlight.reset(popQueue, reset)
      order.clear({ group: request.group, topic, queueId })
    }
    const { position } = popQueue
    if (position !== undefined) return position
    const begin = this.#firstOffset(popQueue, queue, request)
    popQueue.moveTo(begin)
    return begin
  }

  /** RocketMQ's PopMessageProcessor.getInitOffset. */
  #firstOffset({ topic, queueId }: PopQueue, queue: ConsumeQueue, request: PopRequest): number {
    const { queries, settings } = this.#parts
    if (!request.isFromEnd || popOriginOf(topic) !== '0') return queue.minOffset
    if (settings.pop.initPopOffsetByCheckMsgInMem && queries.isYoung({ topic, queueId })) return 0
    return Math.max(queue.maxOffset - 1, 0)
  }

  /** Notes who has what was found. */
  #note(
    pop: Pop,
    popQueue: PopQueue,
    found: { readonly startIndex: number; readonly queueOffsets: number[] },
    result: PopResult,
  ): void {
    const { inFlight, order, store } = this.#parts
    const { attemptId, invisibleMs, isOrdered } = pop.request
    const { group, queueId, topic } = popQueue
    const startOffset = popQueue.position ?? 0
    const { popTimeMs } = result
    const { queueOffsets } = found
    const taken = { popTimeMs, invisibleMs, queueOffsets }
    // before anybody is noted to have what cannot be rewritten
    if (topic !== pop.topic.name && !this.#parts.settings.pop.popResponseReturnActualRetryTopic) {
      this.#rewrite(pop, { topic, startOffset, startIndex: found.startIndex }, result)
    }
    const consumedCounts = isOrdered
      ? order.take({ group, topic, queueId }, { ...taken, attemptId }, popTimeMs)
      : undefined
    if (!isOrdered) {
      const { nextBeginOffset: nextOffset } = store.reader
      result.checkPoints.push(inFlight.take(popQueue, { ...taken, startOffset, nextOffset }))
    }
    result.queues.push({ topic, queueId, startOffset, queueOffsets, consumedCounts })
  }

  /**
   * Copies what the reader found.
   * @returns the queue offsets, and the index of the first copy
   * @throws MqError badRecord where the log is damaged: what stands behind cannot be told apart
   */
  #copyFound(result: PopResult): { startIndex: number; queueOffsets: number[] } {
    const { slices } = this.#parts.store.reader
    const bytes = Buffer.allocUnsafe(slices.bytes)
    slices.copyTo(bytes, 0)
    const startIndex = result.bodies.length
    result.bodies.push(bytes)
    result.bytes += bytes.length
    const queueOffsets: number[] = []
    for (let at = 0; at < bytes.length; at += int32At(bytes, at)) {
      const recordBytes = int32At(bytes, at)
      if (recordBytes < RECORD_BYTES_MIN || recordBytes > bytes.length - at)
        throw new MqError('badRecord', `the log has a record of ${recordBytes} bytes`)
      queueOffsets.push(int64At(bytes, at + 20))
    }
    return { startIndex, queueOffsets }
  }

  /** Messages of a retry topic are shown as those of the topic they came from, with their handle. */
  #rewrite(
    pop: Pop,
    place: { topic: string; startOffset: number; startIndex: number },
    result: PopResult,
  ): void {
    const bytes = result.bodies[place.startIndex] ?? Buffer.alloc(0)
    const { popTimeMs } = result
    const { brokerName } = this.#parts.settings
    const record = this.#record
    const rewritten: Buffer[] = []
    for (let at = 0; at < bytes.length; at += record.bytes) {
      const offset = int64At(bytes, at + 28)
      if (record.read(bytes, at, bytes.length, offset) !== 'message') {
        throw new MqError('badRecord', `the log at ${offset}: ${record.reason}`)
      }
      const { queueId, queueOffset } = record
      const handle = popHandleText({
        ...{ startOffset: place.startOffset, popTimeMs, invisibleMs: pop.request.invisibleMs },
        ...{ reviveQueueId: 0, origin: popOriginOf(place.topic), brokerName, queueId, queueOffset },
      })
      rewritten.push(
        rewriteRecord(record, pop.topic.queues.topicBytes, `${PropertyName.POP_CK}\u0001${handle}\u0002`),
      )
    }
    result.bodies.splice(place.startIndex, 1, ...rewritten)
  }
}
