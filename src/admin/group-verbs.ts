import { ClientError } from '../client/index.ts'
import { decodeConsumerConnection } from '../protocol/consumer-connection.ts'
import { decodeConsumerRunningInfo } from '../protocol/consumer-running-info.ts'
import { encodeMessageRequestMode } from '../protocol/message-request-mode.ts'
import { dlqTopicOf, isSystemGroup, retryTopicOf } from '../protocol/names.ts'
import { decodeProducerConnection, decodeProducerTable } from '../protocol/producer-connection.ts'
import { RequestCode } from '../protocol/request-code.ts'
import {
  decodeSubscriptionGroupList,
  encodeSubscriptionGroupConfig,
  encodeSubscriptionGroupList,
  type SubscriptionGroupConfig,
  subscriptionGroupConfig,
} from '../protocol/subscription-group-config.ts'
import { clientCount, clientIds, groupsOfBroker, progressOf, queueOwners } from './group-progress.ts'
import { flag, integer, type Option, oneOf, optionalInteger, required, text } from './option.ts'
import { byBrokerAndQueue, localText, namesOf } from './rows.ts'
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
      ...{ 'a,notifyConsumerIdsChanged': 'notify', 'p,groupRetryPolicy': '', attributes: '' },
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
      const body = encodeSubscriptionGroupConfig(config)
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
    const configs = decodeSubscriptionGroupList(Buffer.from(`{"groupConfigList":${readFile(input.file)}}`))
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
    const { group } = input
    const masters = await cluster.masters(input)
    for (const { address } of masters) {
      const fields = { groupName: group, cleanOffset: input.offsets }
      await cluster.broker(address, RequestCode.DELETE_SUBSCRIPTIONGROUP, fields)
      for (const topic of [retryTopicOf(group), dlqTopicOf(group)])
        await cluster.broker(address, RequestCode.DELETE_TOPIC_IN_BROKER, { topic })
    }
    for (const topic of [retryTopicOf(group), dlqTopicOf(group)])
      await cluster.eachNamesrv(RequestCode.DELETE_TOPIC_IN_NAMESRV, { topic })
    return done(`group ${group} is deleted on ${namesOf(masters)}`, { group, brokers: masters.length })
  },
})

const list = verb('group', 'list', {
  about: 'all consumer groups, with how far behind they are',
  options: { ...choice, system: flag("RocketMQ's own groups too") },
  async run({ cluster }, input) {
    const groups = new Set<string>()
    for (const { address } of await cluster.masters(input))
      for (const group of (await groupsOfBroker(cluster, address)).keys()) groups.add(group)
    const shown = [...groups].filter((group) => input.system || !isSystemGroup(group)).toSorted()
    const rows: Row[] = []
    for (const group of shown) {
      const { lag, topics, tps } = await progressOf(cluster, group, input)
      rows.push({ group, clients: await clientCount(cluster, group, input), topics: topics.size, lag, tps })
    }
    return table(rows, ['group', 'clients', 'topics', 'lag', 'tps'])
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

const progress = verb('group', 'progress', {
  about: 'how far a group is in each queue',
  options: {
    group: required('group', 'name of the group'),
    topic: text('topic', 'this topic only'),
    ...choice,
    clients: flag('with the client that has each queue'),
  },
  positional: ['group'],
  mqadmin: {
    name: 'consumerProgress',
    flags: {
      'g,groupName': 'group',
      't,topicName': 'topic',
      's,showClientIP': 'clients',
      'c,cluster': 'cluster',
    },
  },
  async run({ cluster, clock }, input) {
    const owners = input.clients ? await queueOwners(cluster, input.group, input) : undefined
    const { rows, lag, tps } = await progressOf(cluster, input.group, input)
    const shown = rows
      .toSorted((one, other) =>
        one.topic === other.topic
          ? byBrokerAndQueue(one, other)
          : String(one.topic) < String(other.topic)
            ? -1
            : 1,
      )
      .map(({ lastTimestamp, ...row }) => ({
        ...row,
        lastConsumed: Number(lastTimestamp) > 0 ? localText(clock.localTime(Number(lastTimestamp))) : '',
        ...(owners && { client: owners.get(`${row.topic}/${row.broker}/${row.queue}`) ?? '' }),
      }))
    const columns = ['topic', 'broker', 'queue', 'brokerOffset', 'consumerOffset', 'lag', 'lastConsumed']
    return table(shown, owners ? [...columns, 'client'] : columns, `lag ${lag}, ${tps} messages a second`)
  },
})

const clients = verb('group', 'clients', {
  about: 'who consumes for a group, and what',
  options: { group: required('group', 'name of the group'), ...choice },
  positional: ['group'],
  mqadmin: { name: 'consumerConnection', flags: { 'g,consumerGroup': 'group', 'b,brokerAddr': 'broker' } },
  async run({ cluster }, input) {
    const { address } = await cluster.firstMaster(input)
    const fields = { consumerGroup: input.group }
    const { body } = await cluster.broker(address, RequestCode.GET_CONSUMER_CONNECTION_LIST, fields)
    const { connections, subscriptionTable, messageModel, consumeFromWhere } = decodeConsumerConnection(body)
    const topics = [...subscriptionTable.values()]
      .map(({ topic, subString }) => `${topic}(${subString})`)
      .toSorted()
    return table(
      connections.map(({ clientId, clientAddr, language, version }) => ({
        clientId,
        clientAddr,
        language,
        version,
      })),
      ['clientId', 'clientAddr', 'language', 'version'],
      `${messageModel}, ${consumeFromWhere}; subscribes to ${topics.join(', ')}`,
    )
  },
})

const status = verb('group', 'status', {
  about: 'what a client says of its queues, caches and threads',
  options: {
    group: required('group', 'name of the group'),
    client: text('id', 'this client only'),
    stack: flag('with the stacks of its threads'),
    ...choice,
  },
  positional: ['group'],
  mqadmin: {
    name: 'consumerStatus',
    flags: {
      'g,consumerGroup': 'group',
      'i,clientId': 'client',
      's,jstack': 'stack',
      'b,brokerAddr': 'broker',
    },
  },
  async run({ cluster, print }, input) {
    const { address } = await cluster.firstMaster(input)
    const ids = input.client === undefined ? await clientIds(cluster, input.group, address) : [input.client]
    const rows: Row[] = []
    for (const clientId of ids) {
      const fields = { consumerGroup: input.group, clientId, jstackEnable: input.stack }
      const { body } = await cluster.broker(address, RequestCode.GET_CONSUMER_RUNNING_INFO, fields)
      const { mqTable, jstack } = decodeConsumerRunningInfo(body)
      for (const [{ topic, brokerName, queueId }, queue] of mqTable) {
        const { cachedMsgCount, commitOffset } = queue
        rows.push({
          client: clientId,
          topic,
          broker: brokerName,
          queue: queueId,
          commitOffset,
          cached: cachedMsgCount,
        })
      }
      if (jstack) print({ client: clientId, stack: jstack }, jstack)
    }
    return table(rows, ['client', 'topic', 'broker', 'queue', 'commitOffset', 'cached'])
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

const producers = verb('group', 'producers', {
  about: 'who produces: all of a broker, or those of one group',
  options: { group: text('group', 'this producer group only'), ...choice },
  positional: ['group'],
  mqadmin: [
    { name: 'producer', flags: { 'b,broker': 'broker' } },
    { name: 'producerConnection', flags: { 'g,producerGroup': 'group', 't,topic': '' } },
  ],
  async run({ cluster }, input) {
    const rows: Row[] = []
    for (const { address, brokerName } of await cluster.masters(input)) {
      if (input.group === undefined) {
        const { body } = await cluster.broker(address, RequestCode.GET_ALL_PRODUCER_INFO)
        for (const [group, members] of decodeProducerTable(body))
          for (const { clientId, remoteIP, language, version } of members)
            rows.push({ broker: brokerName, group, clientId, clientAddr: remoteIP, language, version })
        continue
      }
      const fields = { producerGroup: input.group }
      const { body } = await cluster.broker(address, RequestCode.GET_PRODUCER_CONNECTION_LIST, fields)
      for (const { clientId, clientAddr, language, version } of decodeProducerConnection(body))
        rows.push({ broker: brokerName, group: input.group, clientId, clientAddr, language, version })
    }
    return table(rows, ['broker', 'group', 'clientId', 'clientAddr', 'language', 'version'])
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
    return record({ group, topic, answer: body.toString() })
  },
})

export const groupVerbs: readonly Verb[] = [
  ...[create, createMany, remove, list, config, progress, clients, status, mode, producers, readable],
]

function switched(
  name: keyof SubscriptionGroupConfig,
  value: string | undefined,
): Partial<SubscriptionGroupConfig> {
  return value === undefined ? {} : { [name]: value === 'true' }
}
