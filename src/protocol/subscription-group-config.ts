import { type DataVersion, dataVersionJson, readDataVersion } from './data-version.ts'
import type { FastJson } from './fastjson.ts'
import { fastJsonBytes } from './fastjson-writer.ts'
import { JsonFields, readInteger, readText } from './json-fields.ts'

/** When messages that a group gives back are tried again: by a list of delays, or growing by a factor. */
export interface GroupRetryPolicy {
  readonly type: 'EXPONENTIAL' | 'CUSTOMIZED'
  /** The policy's own numbers (milliseconds), passed on as they came; absent for RocketMQ's defaults. */
  readonly exponentialRetryPolicy?: FastJson
  readonly customizedRetryPolicy?: FastJson
}

/** What a broker knows of a consumer group. */
export interface SubscriptionGroupConfig {
  readonly groupName: string
  readonly consumeEnable: boolean
  readonly consumeFromMinEnable: boolean
  readonly consumeBroadcastEnable: boolean
  readonly consumeMessageOrderly: boolean
  readonly retryQueueNums: number
  /** Times a message is given again before it goes to the DLQ. */
  readonly retryMaxTimes: number
  readonly groupRetryPolicy: GroupRetryPolicy
  readonly brokerId: number
  /** Broker id that a slow consumer is told to read from. */
  readonly whichBrokerWhenConsumeSlowly: number
  readonly notifyConsumerIdsChangedEnable: boolean
  readonly groupSysFlag: number
  readonly consumeTimeoutMinute: number
  readonly attributes: ReadonlyMap<string, string>
  /** Passed on as it came; only ACL tools set it. */
  readonly subscriptionDataSet?: FastJson
}

/** A group with RocketMQ's defaults (5.x SubscriptionGroupConfig), and what differs from them. */
export function subscriptionGroupConfig(
  groupName: string,
  given: Partial<SubscriptionGroupConfig> = {},
): SubscriptionGroupConfig {
  return {
    groupName,
    consumeEnable: true,
    consumeFromMinEnable: true,
    consumeBroadcastEnable: true,
    consumeMessageOrderly: false,
    retryQueueNums: 1,
    retryMaxTimes: 16,
    groupRetryPolicy: { type: 'CUSTOMIZED' },
    brokerId: 0,
    whichBrokerWhenConsumeSlowly: 1,
    notifyConsumerIdsChangedEnable: true,
    groupSysFlag: 0,
    consumeTimeoutMinute: 15,
    attributes: new Map(),
    ...given,
  }
}

/** The group as a JSON value, its keys in fastjson's order. */
export function subscriptionGroupConfigJson(config: SubscriptionGroupConfig): FastJson {
  const { customizedRetryPolicy, exponentialRetryPolicy, type } = config.groupRetryPolicy
  return {
    attributes: config.attributes,
    brokerId: config.brokerId,
    consumeBroadcastEnable: config.consumeBroadcastEnable,
    consumeEnable: config.consumeEnable,
    consumeFromMinEnable: config.consumeFromMinEnable,
    consumeMessageOrderly: config.consumeMessageOrderly,
    consumeTimeoutMinute: config.consumeTimeoutMinute,
    groupName: config.groupName,
    groupRetryPolicy: { customizedRetryPolicy, exponentialRetryPolicy, type },
    groupSysFlag: config.groupSysFlag,
    notifyConsumerIdsChangedEnable: config.notifyConsumerIdsChangedEnable,
    retryMaxTimes: config.retryMaxTimes,
    retryQueueNums: config.retryQueueNums,
    subscriptionDataSet: config.subscriptionDataSet,
    whichBrokerWhenConsumeSlowly: config.whichBrokerWhenConsumeSlowly,
  }
}

/**
 * Reads a group; what is absent takes RocketMQ's default.
 * @throws MqError badBody when a field is of another type, or the name is missing
 */
export function readSubscriptionGroupConfig(fields: JsonFields): SubscriptionGroupConfig {
  const defaults = subscriptionGroupConfig(fields.text('groupName'))
  const subscriptionDataSet = fields.raw('subscriptionDataSet')
  return {
    groupName: defaults.groupName,
    consumeEnable: fields.flag('consumeEnable', defaults.consumeEnable),
    consumeFromMinEnable: fields.flag('consumeFromMinEnable', defaults.consumeFromMinEnable),
    consumeBroadcastEnable: fields.flag('consumeBroadcastEnable', defaults.consumeBroadcastEnable),
    consumeMessageOrderly: fields.flag('consumeMessageOrderly', defaults.consumeMessageOrderly),
    retryQueueNums: fields.int32('retryQueueNums', defaults.retryQueueNums),
    retryMaxTimes: fields.int32('retryMaxTimes', defaults.retryMaxTimes),
    groupRetryPolicy: readGroupRetryPolicy(fields.optionalObject('groupRetryPolicy')),
    brokerId: fields.integer('brokerId', defaults.brokerId),
    whichBrokerWhenConsumeSlowly: fields.integer(
      'whichBrokerWhenConsumeSlowly',
      defaults.whichBrokerWhenConsumeSlowly,
    ),
    notifyConsumerIdsChangedEnable: fields.flag(
      'notifyConsumerIdsChangedEnable',
      defaults.notifyConsumerIdsChangedEnable,
    ),
    groupSysFlag: fields.int32('groupSysFlag', defaults.groupSysFlag),
    consumeTimeoutMinute: fields.int32('consumeTimeoutMinute', defaults.consumeTimeoutMinute),
    attributes: fields.table('attributes', readText),
    ...(subscriptionDataSet === undefined ? {} : { subscriptionDataSet }),
  }
}

/** The body of 200 and of 352's answer. */
export function encodeSubscriptionGroupConfig(config: SubscriptionGroupConfig): Buffer {
  return fastJsonBytes(subscriptionGroupConfigJson(config))
}

/** @throws MqError badBody as `readSubscriptionGroupConfig` */
export function decodeSubscriptionGroupConfig(body: Buffer): SubscriptionGroupConfig {
  return readSubscriptionGroupConfig(JsonFields.ofBody(body, 'subscription group config'))
}

/** All groups of a broker with the version of the table: what 201 answers, and subscriptionGroup.json. */
export interface SubscriptionGroupTable {
  readonly subscriptionGroupTable: ReadonlyMap<string, SubscriptionGroupConfig>
  /** Bits of what is forbidden, by group and topic. */
  readonly forbiddenTable: ReadonlyMap<string, ReadonlyMap<string, number>>
  readonly dataVersion: DataVersion
}

/** The table as a JSON value. */
export function subscriptionGroupTableJson(table: SubscriptionGroupTable): FastJson {
  const groups = new Map<FastJson, FastJson>()
  for (const [name, config] of table.subscriptionGroupTable)
    groups.set(name, subscriptionGroupConfigJson(config))
  return {
    dataVersion: dataVersionJson(table.dataVersion),
    forbiddenTable: table.forbiddenTable,
    subscriptionGroupTable: groups,
  }
}

/** @throws MqError badBody when a field is of another type */
export function readSubscriptionGroupTable(fields: JsonFields): SubscriptionGroupTable {
  return {
    subscriptionGroupTable: fields.table('subscriptionGroupTable', (value, path) =>
      readSubscriptionGroupConfig(new JsonFields(value, path)),
    ),
    forbiddenTable: fields.table('forbiddenTable', (value, path) =>
      new JsonFields({ topics: value }, path).table('topics', readInteger),
    ),
    dataVersion: readDataVersion(fields.optionalObject('dataVersion')),
  }
}

/** The body of GET_ALL_SUBSCRIPTIONGROUP_CONFIG's answer. */
export function encodeSubscriptionGroupTable(table: SubscriptionGroupTable): Buffer {
  return fastJsonBytes(subscriptionGroupTableJson(table))
}

/** @throws MqError badBody as `readSubscriptionGroupTable` */
export function decodeSubscriptionGroupTable(body: Buffer): SubscriptionGroupTable {
  return readSubscriptionGroupTable(JsonFields.ofBody(body, 'subscription group table'))
}

/** The body of UPDATE_AND_CREATE_SUBSCRIPTIONGROUP_LIST. */
export function encodeSubscriptionGroupList(configs: readonly SubscriptionGroupConfig[]): Buffer {
  return fastJsonBytes({ groupConfigList: configs.map(subscriptionGroupConfigJson) })
}

/** @throws MqError badBody as `readSubscriptionGroupConfig` */
export function decodeSubscriptionGroupList(body: Buffer): SubscriptionGroupConfig[] {
  return JsonFields.ofBody(body, 'subscription group list').objects(
    'groupConfigList',
    readSubscriptionGroupConfig,
  )
}

function readGroupRetryPolicy(fields: JsonFields | undefined): GroupRetryPolicy {
  if (fields === undefined) return { type: 'CUSTOMIZED' }
  const exponentialRetryPolicy = fields.raw('exponentialRetryPolicy')
  const customizedRetryPolicy = fields.raw('customizedRetryPolicy')
  return {
    type: fields.word('type', ['EXPONENTIAL', 'CUSTOMIZED'], 'CUSTOMIZED'),
    ...(exponentialRetryPolicy === undefined ? {} : { exponentialRetryPolicy }),
    ...(customizedRetryPolicy === undefined ? {} : { customizedRetryPolicy }),
  }
}
