import { MqError } from '../base/errors.ts'
import { checkGroup } from '../protocol/names.ts'
import {
  type SubscriptionGroupConfig,
  subscriptionGroupConfig,
} from '../protocol/subscription-group-config.ts'
import { alterAttributes, groupAttributeRules } from './attributes.ts'
import type { Broker } from './broker.ts'

/** Most queues of a group's retry topic, and of any other. */
const RETRY_QUEUES_MAX = 65_536

/** What an admin does with consumer groups (protocol/requests.md §7). */
export class GroupAdmin {
  readonly #broker: Broker

  constructor(broker: Broker) {
    this.#broker = broker
  }

  /**
   * Makes or changes groups; none of them when one is refused.
   * @param wanted with `+name` and `-name` as attributes: changes of what is there
   * @throws MqError invalidParameter
   */
  put(wanted: readonly SubscriptionGroupConfig[]): void {
    const configs = wanted.map((config) => this.#configOf(config))
    for (const config of configs) this.#broker.groups.put(config)
  }

  /**
   * A group's configuration. Where clients may make groups, one that is not there has that with which it would be made: RocketMQ makes
   * it then, and tools that ask several brokers of a cluster rely on an answer of each.
   * @throws MqError groupNotExist, invalidParameter when the name breaks a rule
   */
  config(name: string): SubscriptionGroupConfig {
    const config = this.#broker.groups.get(name)
    if (config) return config
    if (!this.#broker.settings.autoCreateSubscriptionGroup)
      throw new MqError('groupNotExist', `subscription group ${name} does not exist`)
    checkGroup(name)
    return subscriptionGroupConfig(name)
  }

  /**
   * Allows or forbids a group to read a topic.
   * @param isReadable undefined only asks
   * @returns whether it may
   * @throws MqError groupNotExist, topicNotExist
   */
  readable(group: string, topic: string, isReadable: boolean | undefined): boolean {
    const { groups, topics } = this.#broker
    groups.forUse(group)
    topics.require(topic)
    if (isReadable !== undefined && isReadable !== groups.mayRead(group, topic)) {
      groups.setReadable(group, topic, isReadable)
    }
    return groups.mayRead(group, topic)
  }

  #configOf(wanted: SubscriptionGroupConfig): SubscriptionGroupConfig {
    const { groupName, retryMaxTimes, retryQueueNums } = wanted
    checkGroup(groupName)
    if (retryQueueNums < 0 || retryQueueNums > RETRY_QUEUES_MAX) {
      throw new MqError(
        'invalidParameter',
        `retryQueueNums wants a number from 0 to ${RETRY_QUEUES_MAX}, not ${retryQueueNums}`,
      )
    }
    if (retryMaxTimes < -1)
      throw new MqError('invalidParameter', `retryMaxTimes wants -1 or more, not ${retryMaxTimes}`)
    const current = this.#broker.groups.get(groupName)?.attributes
    return { ...wanted, attributes: alterAttributes(groupAttributeRules, current, wanted.attributes) }
  }
}
