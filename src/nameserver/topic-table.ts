import { MqError } from '../base/errors.ts'
import { type FastJson, readFastJson } from '../protocol/fastjson.ts'
import { writeFastJson } from '../protocol/fastjson-writer.ts'
import type { QueueData } from '../protocol/topic-route-data.ts'
import { checkName, TOPIC_NAME_LENGTH_MAX } from './name-limits.ts'
import { ownText } from './own-text.ts'

/** How much a `TopicTable` takes (rule R20). */
export interface TopicLimits {
  readonly topicsMax: number
  /** Pairs of a topic and a broker that has queues of it. */
  readonly entriesMax: number
  /** Characters of all static topics' mappings together. */
  readonly mappingCharsMax: number
}

/**
 * Far above the widest known clusters (some 100,000 topics); 250,000 topics on 4 brokers each take 240 MB of
 * heap (measured).
 */
export const TOPIC_LIMITS: TopicLimits = {
  topicsMax: 250_000,
  entriesMax: 1_000_000,
  mappingCharsMax: 32 * 1024 * 1024,
}

interface Topic {
  /** By broker name, never empty. */
  readonly queues: Map<string, QueueData>
  /**
   * Mappings of a static topic by broker name, as JSON; they outlive their broker, because they number its
   * queues.
   */
  mappings: Map<string, string> | undefined
}

/**
 * Which brokers have how many queues of which topic. A topic is there as long as one broker has queues of it.
 */
export class TopicTable {
  readonly #limits: TopicLimits
  readonly #topics = new Map<string, Topic>()
  #entryCount = 0
  #mappingChars = 0

  constructor(limits: TopicLimits = TOPIC_LIMITS) {
    this.#limits = limits
  }

  has(topic: string, brokerName: string): boolean {
    return this.#topics.get(topic)?.queues.has(brokerName) === true
  }

  /** The topic's queues, one entry a broker; undefined for an unknown topic. */
  queuesOf(topic: string): QueueData[] | undefined {
    const found = this.#topics.get(topic)
    return found && [...found.queues.values()]
  }

  /**
   * Looks whether all these topics of a broker find room, before the first of them is put.
   * @throws MqError busy when they do not, invalidParameter for a name that cannot be kept
   */
  checkRoom(brokerName: string, topics: readonly string[]): void {
    let [topicCount, entryCount] = [this.#topics.size, this.#entryCount]
    for (const topic of topics) {
      if (this.has(topic, brokerName)) continue
      checkName('topic', topic, TOPIC_NAME_LENGTH_MAX)
      entryCount++
      if (!this.#topics.has(topic)) topicCount++
    }
    const { topicsMax, entriesMax } = this.#limits
    if (topicCount > Math.max(topicsMax, this.#topics.size)) {
      throw new MqError(
        'busy',
        `broker ${brokerName} brings the topics to ${topicCount}, more than ${topicsMax}`,
      )
    }
    if (entryCount > Math.max(entriesMax, this.#entryCount)) {
      throw new MqError(
        'busy',
        `broker ${brokerName} brings the routes to ${entryCount}, more than ${entriesMax}`,
      )
    }
  }

  /** Takes what a broker has of a topic; whoever calls has checked the room. */
  put(topic: string, queues: QueueData): void {
    const found = this.#topics.get(topic)
    if (!found?.queues.has(queues.brokerName)) this.#entryCount++
    if (found) found.queues.set(queues.brokerName, queues)
    else
      this.#topics.set(ownText(topic), {
        queues: new Map([[queues.brokerName, queues]]),
        mappings: undefined,
      })
  }

  /**
   * Keeps a broker's part of a static topic's mapping; of an unknown topic it is left out.
   * @throws MqError busy when all mappings together grow too long
   */
  putMapping(topic: string, brokerName: string, mapping: FastJson): void {
    const found = this.#topics.get(topic)
    if (!found) return
    const text = writeFastJson(mapping)
    const chars = this.#mappingChars - (found.mappings?.get(brokerName)?.length ?? 0) + text.length
    if (chars > this.#limits.mappingCharsMax) {
      throw new MqError('busy', `mapping of topic ${topic} brings all to ${chars} characters: too long`)
    }
    this.#mappingChars = chars
    found.mappings ??= new Map()
    found.mappings.set(brokerName, text)
  }

  /** Mappings of a static topic by broker name; undefined for all other topics. */
  mappingsOf(topic: string): ReadonlyMap<string, FastJson> | undefined {
    const mappings = this.#topics.get(topic)?.mappings
    if (!mappings) return undefined
    return new Map(Array.from(mappings, ([brokerName, text]) => [brokerName, readFastJson(text)]))
  }

  /** Removes a topic of all brokers. */
  delete(topic: string): void {
    const found = this.#topics.get(topic)
    if (!found) return
    this.#entryCount -= found.queues.size
    for (const text of found.mappings?.values() ?? []) this.#mappingChars -= text.length
    this.#topics.delete(topic)
  }

  /** Removes a topic of some brokers. */
  deleteOf(topic: string, brokerNames: Iterable<string>): void {
    const found = this.#topics.get(topic)
    if (!found) return
    for (const brokerName of brokerNames) if (found.queues.delete(brokerName)) this.#entryCount--
    if (found.queues.size === 0) this.delete(topic)
  }

  /** Removes all topics of brokers that are gone: one pass, however many they are. */
  removeBrokers(brokerNames: ReadonlySet<string>): void {
    if (brokerNames.size === 0) return
    for (const topic of this.#topics.keys()) this.deleteOf(topic, brokerNames)
  }

  /** Removes the topics of a broker that are not among these. */
  retain(brokerName: string, topics: ReadonlySet<string>): void {
    for (const topic of this.#topics.keys()) if (!topics.has(topic)) this.deleteOf(topic, [brokerName])
  }

  /**
   * Changes what may be done with the topics of a broker.
   * @returns how many topics the broker has
   */
  changePermissions(brokerName: string, change: (perm: number) => number): number {
    let topicCount = 0
    for (const { queues } of this.#topics.values()) {
      const ofBroker = queues.get(brokerName)
      if (!ofBroker) continue
      topicCount++
      const perm = change(ofBroker.perm)
      if (perm !== ofBroker.perm) queues.set(brokerName, { ...ofBroker, perm })
    }
    return topicCount
  }

  /** Names of all topics, in the order in which they came. */
  names(): string[] {
    return [...this.#topics.keys()]
  }

  /** Topics that one of these brokers has. */
  namesOf(brokerNames: ReadonlySet<string>): string[] {
    return this.#namesWhere(({ queues }) => [...queues.keys()].some((name) => brokerNames.has(name)))
  }

  /** Topics whose `topicSysFlag` passes; brokers do not differ in it, so the first one answers for all. */
  namesByFlag(passes: (topicSysFlag: number) => boolean): string[] {
    return this.#namesWhere(({ queues }) => {
      const [first] = queues.values()
      return first !== undefined && passes(first.topicSysFlag)
    })
  }

  #namesWhere(passes: (topic: Topic) => boolean): string[] {
    const names: string[] = []
    for (const [name, topic] of this.#topics) if (passes(topic)) names.push(name)
    return names
  }
}
