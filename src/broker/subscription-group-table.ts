import { MqError } from '../base/errors.ts'
import type { Clock } from '../base/host.ts'
import { DATA_VERSION_ZERO, type DataVersion, nextDataVersion } from '../protocol/data-version.ts'
import { prettyFastJson, writeFastJson } from '../protocol/fastjson-writer.ts'
import { checkGroup, SystemGroup } from '../protocol/names.ts'
import {
  decodeSubscriptionGroupConfig,
  decodeSubscriptionGroupTable,
  type SubscriptionGroupTable as GroupTableBody,
  type SubscriptionGroupConfig,
  subscriptionGroupConfig,
  subscriptionGroupConfigJson,
  subscriptionGroupTableJson,
} from '../protocol/subscription-group-config.ts'
import type { BrokerSettings } from './broker-settings.ts'
import type { MetadataTable } from './metadata.ts'

/** Groups that RocketMQ's tools and doors use; made at the start, broadcasting allowed (SubscriptionGroupManager.init). */
const SYSTEM_GROUPS = [
  SystemGroup.TOOLS_CONSUMER,
  SystemGroup.FILTERSRV_CONSUMER,
  SystemGroup.SELF_TEST_CONSUMER,
  SystemGroup.ONS_HTTP_PROXY,
  SystemGroup.ONS_API_PULL,
  SystemGroup.ONS_API_PERMISSION,
  SystemGroup.ONS_API_OWNER,
  SystemGroup.TRANS,
]

/** All consumer groups of a broker with their settings: RocketMQ's SubscriptionGroupManager and subscriptionGroup.json. */
export class SubscriptionGroupTable implements MetadataTable {
  readonly fileName = 'subscriptionGroup.json'
  readonly journalKind = 'g'
  readonly isVital = true
  onChange: (text: string) => void = () => undefined
  readonly #settings: BrokerSettings
  readonly #clock: Clock
  readonly #groups = new Map<string, SubscriptionGroupConfig>()
  /** Bits of what a group may not do with a topic, by group and topic. */
  readonly #forbidden = new Map<string, Map<string, number>>()
  #dataVersion: DataVersion = DATA_VERSION_ZERO
  /** Groups made by consuming since the start. */
  #autoCreatedCount = 0

  constructor(settings: BrokerSettings, clock: Clock) {
    this.#settings = settings
    this.#clock = clock
  }

  get count(): number {
    return this.#groups.size
  }

  get(name: string): SubscriptionGroupConfig | undefined {
    return this.#groups.get(name)
  }

  /** The group, made with defaults when missing and that is allowed. @throws MqError groupNotExist, invalidParameter */
  forUse(name: string): SubscriptionGroupConfig {
    const known = this.#groups.get(name)
    if (known) return known
    if (!this.#settings.autoCreateSubscriptionGroup) {
      throw new MqError(
        'groupNotExist',
        `subscription group ${name} does not exist, and may not be made; create it first`,
      )
    }
    if (this.#autoCreatedCount >= this.#settings.autoCreatedGroupsMax) {
      throw new MqError(
        'groupNotExist',
        `subscription group ${name.slice(0, 300)} is not made: clients have made ${this.#autoCreatedCount} groups already`,
      )
    }
    const config = subscriptionGroupConfig(name)
    this.put(config)
    this.#autoCreatedCount++
    return config
  }

  all(): SubscriptionGroupConfig[] {
    return [...this.#groups.values()]
  }

  addSystemGroups(): void {
    for (const name of SYSTEM_GROUPS) {
      if (!this.#groups.has(name))
        this.#groups.set(name, subscriptionGroupConfig(name, { consumeBroadcastEnable: true }))
    }
  }

  /** Makes or changes a group. @throws MqError invalidParameter when its name breaks a rule */
  put(config: SubscriptionGroupConfig): void {
    checkGroup(config.groupName)
    this.#groups.set(config.groupName, config)
    this.#changed(`+${writeFastJson(subscriptionGroupConfigJson(config))}`)
  }

  /** @returns whether it was there */
  delete(name: string): boolean {
    this.#forbidden.delete(name)
    if (!this.#groups.delete(name)) return false
    this.#changed(`-${name}`)
    return true
  }

  /** Whether the group may read the topic. */
  mayRead(group: string, topic: string): boolean {
    return ((this.#forbidden.get(group)?.get(topic) ?? 0) & FORBIDDEN_READ) === 0
  }

  /** Allows or forbids a group to read a topic (UPDATE_AND_GET_GROUP_FORBIDDEN). */
  setReadable(group: string, topic: string, isReadable: boolean): void {
    const topics = this.#forbidden.get(group) ?? new Map<string, number>()
    const bits = topics.get(topic) ?? 0
    topics.set(topic, isReadable ? bits & ~FORBIDDEN_READ : bits | FORBIDDEN_READ)
    this.#forbidden.set(group, topics)
    this.#changed(`!${JSON.stringify([group, topic, topics.get(topic)])}`)
  }

  /** The table as tools and slaves get it. */
  get body(): GroupTableBody {
    return {
      subscriptionGroupTable: this.#groups,
      forbiddenTable: this.#forbidden,
      dataVersion: this.#dataVersion,
    }
  }

  load(content: Buffer): void {
    const table = decodeSubscriptionGroupTable(content)
    this.#groups.clear()
    this.#forbidden.clear()
    for (const [name, config] of table.subscriptionGroupTable) this.#groups.set(name, config)
    for (const [name, topics] of table.forbiddenTable) this.#forbidden.set(name, new Map(topics))
    this.#dataVersion = table.dataVersion
  }

  replay(text: string): void {
    const rest = text.slice(1)
    if (text[0] === '-') {
      this.#groups.delete(rest)
      this.#forbidden.delete(rest)
    } else if (text[0] === '!') {
      const [group, topic, bits]: [string, string, number] = JSON.parse(rest)
      this.#forbidden.set(group, (this.#forbidden.get(group) ?? new Map<string, number>()).set(topic, bits))
    } else {
      const config = decodeSubscriptionGroupConfig(Buffer.from(rest))
      this.#groups.set(config.groupName, config)
    }
    this.#dataVersion = nextDataVersion(this.#dataVersion, this.#clock.nowMs())
  }

  encode(): Buffer {
    return Buffer.from(prettyFastJson(subscriptionGroupTableJson(this.body)))
  }

  #changed(text: string): void {
    this.#dataVersion = nextDataVersion(this.#dataVersion, this.#clock.nowMs())
    this.onChange(text)
  }
}

/** Bit of the forbidden table: reading (PermName.INDEX_PERM_READ). */
const FORBIDDEN_READ = 1 << 2
