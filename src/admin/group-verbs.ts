import { MqError, messageOf } from '../base/errors.ts'
import { ClientError } from '../client/index.ts'
import { readFastJson } from '../protocol/fastjson.ts'
import { fastJsonBytes } from '../protocol/fastjson-writer.ts'
import { JsonFields } from '../protocol/json-fields.ts'
import { encodeMessageRequestMode } from '../protocol/message-request-mode.ts'
import { dlqTopicOf, retryTopicOf } from '../protocol/names.ts'
import { RequestCode } from '../protocol/request-code.ts'
import {
  decodeSubscriptionGroupList,
  encodeSubscriptionGroupConfig,
  encodeSubscriptionGroupList,
  type SubscriptionGroupConfig,
  subscriptionGroupConfig,
} from '../protocol/subscription-group-config.ts'
import type { BrokerAddress, Cluster } from './cluster.ts'
import { groupsOfBroker } from './group-progress.ts'
import { rowOfBody } from './json-rows.ts'
import { flag, integer, type Option, oneOf, optionalInteger, required, text } from './option.ts'
import { namesOf } from './rows.ts'
import { choice } from './topic-verbs.ts'
import { done, type Row, record, table, type Verb, verb } from './verb.ts'

const TIMES = { min: -1, max: 1_000_000 }
const brokerFlags = { 'b,brokerAddr': 'broker', 'c,clusterName': 'cluster' } as const

/** `true` or `false` where it changes something, nothing where not. */
function change(about: string): Option<string | undefined> {
  return text('true|false', about)
}

const create = verb('group', 'create', {
  about: 'make a consumer group, or change it',
  options: {
    group: required('group', 'name of the group'),
    ...choice,
    enable: change('whether the group may consume'),
    broadcast: change('whether it may consume by broadcast'),
    fromMin: change('whether it may begin at the beginning of queues'),
    orderly: change('whether it consumes in order'),
    retryQueues: optionalInteger({ min: 0, max: 1024 }, 'queues of its retry topic'),
    retryMax: optionalInteger(
      TIMES,
      'times that a message is tried again before it goes to the dead letters',
    ),
    brokerId: optionalInteger({ min: 0, max: 1_000_000 }, 'broker it reads from'),
    slowBrokerId: optionalInteger({ min: 0, max: 1_000_000 }, 'broker it reads from while it is far behind'),
    notify: change('whether members are told when others come and go'),
    retryPolicy: text('json', 'how long retries wait, as RocketMQ writes it: {"type":"EXPONENTIAL"}'),
    attributes: text('attributes', 'such as +priority.factor=10,-another'),
  },
  positional: ['group'],
  mqadmin: {
    name: 'updateSubGroup',
    flags: {
      ...{
        'g,groupName': 'group',
        ...brokerFlags,
        's,consumeEnable': 'enable',
        'm,consumeFromMinEnable': 'fromMin',
      },
      ...{
        'd,consumeBroadcastEnable': 'broadcast',
        'o,consumeMessageOrderly': 'orderly',
        'q,retryQueueNums': 'retryQueues',
      },
      ...{
        'r,retryMaxTimes': 'retryMax',
        'i,brokerId': 'brokerId',
        'w,whichBrokerWhenConsumeSlowly': 'slowBrokerId',
      },
      ...{
        'a,notifyConsumerIdsChanged': 'notify',
        'p,groupRetryPolicy': 'retryPolicy',
        attributes: 'attributes',
      },
    },
  },
  async run({ cluster }, input) {
    const masters = await cluster.masters(input)
    for (const { address } of masters) {
      const known = (await groupsOfBroker(cluster, address)).get(input.group)
      const config: SubscriptionGroupConfig = {
        ...(known ?? subscriptionGroupConfig(input.group)),
        ...switched('consumeEnable', input.enable),
        ...switched('consumeBroadcastEnable', input.broadcast),
        ...switched('consumeFromMinEnable', input.fromMin),
        ...switched('consumeMessageOrderly', input.orderly),
        ...switched('notifyConsumerIdsChangedEnable', input.notify),
        ...(input.retryQueues !== undefined && { retryQueueNums: input.retryQueues }),
        ...(input.retryMax !== undefined && { retryMaxTimes: input.retryMax }),
        ...(input.brokerId !== undefined && { brokerId: input.brokerId }),
        ...(input.slowBrokerId !== undefined && { whichBrokerWhenConsumeSlowly: input.slowBrokerId }),
      }
      const body = withPolicy(encodeSubscriptionGroupConfig(config), input)
      await cluster.broker(address, RequestCode.UPDATE_AND_CREATE_SUBSCRIPTIONGROUP, {}, body)
    }
    return done(`group ${input.group} is set up on ${namesOf(masters)}`, {
      group: input.group,
      brokers: masters.length,
    })
  },
})

const createMany = verb('group', 'create-many', {
  about: 'make or change the groups of a JSON file, in one request a broker',
  options: { file: required('file', 'JSON list of group configs'), ...choice },
  positional: ['file'],
  mqadmin: { name: 'updateSubGroupList', flags: { 'f,filename': 'file', ...brokerFlags } },
  async run({ cluster, readFile }, input) {
    const configs = listOf(input.file, `{"groupConfigList":${readFile(input.file)}}`)
    const masters = await cluster.masters(input)
    for (const { address } of masters) {
      const body = encodeSubscriptionGroupList(configs)
      await cluster.broker(address, RequestCode.UPDATE_AND_CREATE_SUBSCRIPTIONGROUP_LIST, {}, body)
    }
    return done(`${configs.length} groups are set up on ${namesOf(masters)}`, { groups: configs.length })
  },
})

const remove = verb('group', 'delete', {
  about: 'delete a consumer group, with its retry and dead-letter topics',
  options: {
    group: required('group', 'name of the group'),
    ...choice,
    offsets: flag('what it has committed too'),
  },
  positional: ['group'],
  destroys: ({ group }) => group,
  mqadmin: {
    name: 'deleteSubGroup',
    flags: { 'g,groupName': 'group', ...brokerFlags, 'r,removeOffset': 'offsets' },
  },
  async run({ cluster }, input) {
    const { group, offsets } = input
    const masters = await cluster.masters(input)
    await deleteGroup(cluster, group, masters, offsets)
    return done(`group ${group} is deleted on ${namesOf(masters)}`, { group, brokers: masters.length })
  },
})

const config = verb('group', 'config', {
  about: 'settings of a group on each broker',
  options: { group: required('group', 'name of the group'), ...choice },
  positional: ['group'],
  mqadmin: { name: 'getConsumerConfig', flags: { 'g,groupName': 'group' } },
  async run({ cluster }, input) {
    const rows: Row[] = []
    for (const { address, brokerName } of await cluster.masters(input)) {
      const known = (await groupsOfBroker(cluster, address)).get(input.group)
      if (!known) continue
      const { consumeEnable, consumeBroadcastEnable, consumeMessageOrderly, retryQueueNums, retryMaxTimes } =
        known
      rows.push({
        ...{ broker: brokerName, consumeEnable, consumeBroadcastEnable, consumeMessageOrderly },
        ...{ retryQueueNums, retryMaxTimes, brokerId: known.brokerId },
        slowBrokerId: known.whichBrokerWhenConsumeSlowly,
        notify: known.notifyConsumerIdsChangedEnable,
      })
    }
    if (rows.length === 0)
      throw new ClientError('groupNotExist', `group ${input.group} is on none of these brokers`)
    return table(rows)
  },
})

const mode = verb('group', 'mode', {
  about: 'choose pull or pop for what a group consumes of a topic',
  options: {
    group: required('group', 'name of the group'),
    topic: required('topic', 'name of the topic'),
    mode: oneOf('PULL', ['PULL', 'POP'], 'how the group consumes'),
    shareQueues: integer(0, { min: -1, max: 65_536 }, 'with POP: queues that members share'),
    ...choice,
  },
  positional: ['group', 'topic', 'mode'],
  mqadmin: {
    name: 'setConsumeMode',
    flags: {
      'g,groupName': 'group',
      't,topicName': 'topic',
      'm,mode': 'mode',
      'q,popShareQueueNum': 'shareQueues',
      ...brokerFlags,
    },
  },
  async run({ cluster }, input) {
    const { group, topic, mode: chosen, shareQueues } = input
    const masters = await cluster.masters(input)
    const setting = { topic, consumerGroup: group, mode: chosen, popShareQueueNum: shareQueues }
    for (const { address } of masters)
      await cluster.broker(
        address,
        RequestCode.SET_MESSAGE_REQUEST_MODE,
        {},
        encodeMessageRequestMode(setting),
      )
    return done(`group ${group} consumes ${topic} by ${chosen} on ${namesOf(masters)}`)
  },
})

const readable = verb('group', 'readable', {
  about: 'whether a group may read a topic',
  options: {
    group: required('group', 'name of the group'),
    topic: required('topic', 'name of the topic'),
    readable: change('change it'),
    ...choice,
  },
  positional: ['group', 'topic'],
  async run({ cluster }, input) {
    const { group, topic, readable } = input
    const { address } = await cluster.firstMaster(input)
    const fields = { group, topic, readable }
    const { body } = await cluster.broker(address, RequestCode.UPDATE_AND_GET_GROUP_FORBIDDEN, fields)
    return record(rowOfBody(body))
  },
})

export const groupVerbs: readonly Verb[] = [...[create, createMany, remove, config, mode, readable]]

/** Deletes a group with what is of it alone: its retry topic and its dead letters. */
export async function deleteGroup(
  cluster: Cluster,
  group: string,
  masters: readonly BrokerAddress[],
  cleanOffset = true,
): Promise<void> {
  const topics = [retryTopicOf(group), dlqTopicOf(group)]
  for (const { address } of masters) {
    await cluster.broker(address, RequestCode.DELETE_SUBSCRIPTIONGROUP, { groupName: group, cleanOffset })
    for (const topic of topics) await cluster.broker(address, RequestCode.DELETE_TOPIC_IN_BROKER, { topic })
  }
  for (const topic of topics) await cluster.eachNamesrv(RequestCode.DELETE_TOPIC_IN_NAMESRV, { topic })
}

/**
 * A group's config with a policy and changes of attributes in the user's own words: brokers know what may be in them.
 * @throws MqError badBody for a policy that is no JSON
 */
function withPolicy(
  config: Buffer,
  { retryPolicy, attributes }: { retryPolicy: string | undefined; attributes: string | undefined },
): Buffer {
  if (retryPolicy === undefined && attributes === undefined) return config
  const fields = JsonFields.ofBody(config, 'group').whole
  return fastJsonBytes({
    ...fields,
    ...(retryPolicy !== undefined && { groupRetryPolicy: readFastJson(retryPolicy) }),
    ...(attributes !== undefined && { attributes: attributeChanges(attributes) }),
  })
}

/** `+name=value` adds one, `-name` takes one away (RocketMQ 5.x AttributeParser). */
function attributeChanges(changes: string): Record<string, string> {
  return Object.fromEntries(
    changes.split(',').map((change) => {
      const [name = '', value = ''] = change.split(/=(.*)/s, 2)
      return [name.trim(), value.trim()]
    }),
  )
}

function switched(
  name: keyof SubscriptionGroupConfig,
  value: string | undefined,
): Partial<SubscriptionGroupConfig> {
  return value === undefined ? {} : { [name]: value === 'true' }
}

/** @throws MqError invalidParameter that names the file, and shows what one looks like */
function listOf(file: string, body: string): ReturnType<typeof decodeSubscriptionGroupList> {
  try {
    return decodeSubscriptionGroupList(Buffer.from(body))
  } catch (cause) {
    const example = '[{"groupName":"billing","retryMaxTimes":16}]'
    throw new MqError(
      'invalidParameter',
      `${file}: ${messageOf(cause)}; it wants a list such as ${example}`,
      {
        cause,
      },
    )
  }
}
