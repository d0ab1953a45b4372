import { MqError, messageOf } from '../base/errors.ts'
import { ClientError } from '../client/index.ts'
import { allocateAveragely } from '../protocol/allocate-queues.ts'
import { SystemTopic } from '../protocol/names.ts'
import { permissionText } from '../protocol/permission.ts'
import { RequestCode } from '../protocol/request-code.ts'
import {
  decodeTopicConfigList,
  decodeTopicConfigTable,
  encodeTopicConfigList,
  type TopicConfig,
} from '../protocol/topic-config.ts'
import { decodeGroupList, decodeTopicList } from '../protocol/topic-list.ts'
import { decodeTopicStats } from '../protocol/topic-stats.ts'
import type { BrokerAddress, Cluster } from './cluster.ts'
import { flag, oneOf, optionalInteger, required, requiredInteger, text } from './option.ts'
import { byBrokerAndQueue, localText, namesOf } from './rows.ts'
import { done, type Row, table, type Verb, verb } from './verb.ts'

const QUEUES = { min: 1, max: 65_536 }
const PERM = { min: 0, max: 7 }
const ORDER_NAMESPACE = 'ORDER_TOPIC_CONFIG'

/** Where a verb goes: every master of the cluster, unless told otherwise. */
export const choice = {
  cluster: text('cluster', 'brokers of this cluster only'),
  broker: text('broker', 'this broker only, by name or host:port'),
}

const create = verb('topic', 'create', {
  about: 'make a topic, or change it',
  options: {
    topic: required('topic', 'name of the topic'),
    ...choice,
    queues: optionalInteger(QUEUES, 'queues on each broker, to read and to write (8 for a new topic)'),
    readQueues: optionalInteger(QUEUES, 'queues to read, where they differ'),
    writeQueues: optionalInteger(QUEUES, 'queues to write, where they differ'),
    perm: optionalInteger(PERM, '4 read, 2 write, 6 both (6 for a new topic)'),
    order: text('true|false', 'whether producers and consumers keep to a fixed list of queues'),
    attributes: text('attributes', 'such as +message.type=FIFO,-cleanup.policy'),
  },
  positional: ['topic'],
  mqadmin: {
    name: 'updateTopic',
    flags: {
      ...{
        't,topic': 'topic',
        'b,brokerAddr': 'broker',
        'c,clusterName': 'cluster',
        'r,readQueueNums': 'readQueues',
      },
      ...{
        'w,writeQueueNums': 'writeQueues',
        'p,perm': 'perm',
        'o,order': 'order',
        'a,attributes': 'attributes',
      },
      ...{ 'u,unit': '', 's,hasUnitSub': '' },
    },
  },
  async run({ cluster }, input) {
    const { topic, queues, readQueues, writeQueues, perm, attributes } = input
    const masters = await cluster.masters(input)
    for (const { address } of masters) {
      const known = await cluster.topicConfig(address, topic)
      await cluster.broker(address, RequestCode.UPDATE_AND_CREATE_TOPIC, {
        topic,
        defaultTopic: SystemTopic.AUTO_CREATE,
        readQueueNums: readQueues ?? queues ?? known?.readQueueNums ?? 8,
        writeQueueNums: writeQueues ?? queues ?? known?.writeQueueNums ?? 8,
        perm: perm ?? known?.perm ?? 6,
        topicFilterType: 'SINGLE_TAG',
        topicSysFlag: 0,
        order: input.order ?? known?.order ?? false,
        attributes,
      })
    }
    if (input.order === 'true') await putOrderConf(cluster, topic, masters, writeQueues ?? queues ?? 8)
    return done(`topic ${topic} is set up on ${namesOf(masters)}`, { topic, brokers: masters.length })
  },
})

const createMany = verb('topic', 'create-many', {
  about: 'make or change the topics of a JSON file, in one request a broker',
  options: { file: required('file', 'JSON list of topic configs'), ...choice },
  positional: ['file'],
  mqadmin: {
    name: 'updateTopicList',
    flags: { 'f,filename': 'file', 'b,brokerAddr': 'broker', 'c,clusterName': 'cluster' },
  },
  async run({ cluster, readFile }, input) {
    const configs = listOf(input.file, `{"topicConfigList":${readFile(input.file)}}`)
    const masters = await cluster.masters(input)
    for (const { address } of masters) {
      const body = encodeTopicConfigList(configs)
      await cluster.broker(address, RequestCode.UPDATE_AND_CREATE_TOPIC_LIST, {}, body)
    }
    return done(`${configs.length} topics are set up on ${namesOf(masters)}`, { topics: configs.length })
  },
})

const remove = verb('topic', 'delete', {
  about: 'delete a topic with its messages, its route and its order',
  options: { topic: required('topic', 'name of the topic'), cluster: choice.cluster },
  positional: ['topic'],
  destroys: ({ topic }) => topic,
  mqadmin: { name: 'deleteTopic', flags: { 't,topic': 'topic', 'c,clusterName': 'cluster' } },
  async run({ cluster }, { topic, cluster: name }) {
    const masters = await cluster.masters({ cluster: name })
    for (const { address } of masters)
      await cluster.broker(address, RequestCode.DELETE_TOPIC_IN_BROKER, { topic })
    await cluster.eachNamesrv(RequestCode.DELETE_TOPIC_IN_NAMESRV, { topic, clusterName: name })
    await cluster.eachNamesrv(RequestCode.DELETE_KV_CONFIG, { namespace: ORDER_NAMESPACE, key: topic })
    return done(`topic ${topic} is deleted on ${namesOf(masters)}`, { topic, brokers: masters.length })
  },
})

const setPerm = verb('topic', 'perm', {
  about: 'change whether a topic can be read and written',
  options: {
    topic: required('topic', 'name of the topic'),
    perm: requiredInteger(PERM, '4 read, 2 write, 6 both'),
    ...choice,
  },
  positional: ['topic', 'perm'],
  mqadmin: {
    name: 'updateTopicPerm',
    flags: { 't,topic': 'topic', 'p,perm': 'perm', 'b,brokerAddr': 'broker', 'c,clusterName': 'cluster' },
  },
  async run({ cluster }, input) {
    const { topic, perm } = input
    const rows: Row[] = []
    for (const { address, brokerName } of await cluster.masters(input)) {
      const known = await cluster.topicConfig(address, topic)
      if (!known) continue
      await cluster.broker(address, RequestCode.UPDATE_AND_CREATE_TOPIC, {
        ...{
          topic,
          defaultTopic: SystemTopic.AUTO_CREATE,
          perm,
          order: known.order,
          topicSysFlag: known.topicSysFlag,
        },
        ...{ readQueueNums: known.readQueueNums, writeQueueNums: known.writeQueueNums },
        topicFilterType: known.topicFilterType,
      })
      rows.push({ broker: brokerName, before: permissionText(known.perm), now: permissionText(perm) })
    }
    if (rows.length === 0)
      throw new ClientError('topicNotExist', `topic ${topic} is on none of these brokers`)
    return table(rows)
  },
})

const list = verb('topic', 'list', {
  about: 'names of all topics',
  options: {
    cluster: text('cluster', 'topics of this cluster only'),
    groups: flag('with the groups that consume each'),
    system: flag("RocketMQ's own topics too"),
  },
  mqadmin: { name: 'topicList', flags: { 'c,clusterModel': 'groups' } },
  async run({ cluster }, { cluster: name, groups, system }) {
    const { body } =
      name === undefined
        ? await cluster.namesrv(RequestCode.GET_ALL_TOPIC_LIST_FROM_NAMESERVER)
        : await cluster.namesrv(RequestCode.GET_TOPICS_BY_CLUSTER, { cluster: name })
    const hidden = system ? new Set<string>() : await systemTopics(cluster)
    const topics = decodeTopicList(body)
      .topics.filter((topic) => !hidden.has(topic))
      .toSorted()
    if (!groups)
      return table(
        topics.map((topic) => ({ topic })),
        ['topic'],
      )
    const rows: Row[] = []
    for (const topic of topics) rows.push({ topic, groups: (await groupsOf(cluster, topic)).join(' ') })
    return table(rows, ['topic', 'groups'])
  },
})

const route = verb('topic', 'route', {
  about: 'which brokers hold a topic, as clients are told',
  options: { topic: required('topic', 'name of the topic') },
  positional: ['topic'],
  mqadmin: { name: 'topicRoute', flags: { 't,topic': 'topic', 'l,list': '' } },
  async run({ cluster }, { topic }) {
    const { queueDatas, brokerDatas } = await cluster.client.admin.route(topic)
    const brokers = new Map(brokerDatas.map((broker) => [broker.brokerName, broker]))
    return table(
      queueDatas.map(({ brokerName, readQueueNums, writeQueueNums, perm }) => ({
        broker: brokerName,
        cluster: brokers.get(brokerName)?.cluster,
        addresses: [...(brokers.get(brokerName)?.brokerAddrs ?? [])]
          .map(([id, at]) => `${id}=${at}`)
          .join(' '),
        readQueues: readQueueNums,
        writeQueues: writeQueueNums,
        perm: permissionText(perm),
      })),
    )
  },
})

const status = verb('topic', 'status', {
  about: 'how far each queue of a topic reaches',
  options: { topic: required('topic', 'name of the topic') },
  positional: ['topic'],
  mqadmin: { name: 'topicStatus', flags: { 't,topic': 'topic', 'c,cluster': '' } },
  async run({ cluster, clock }, { topic }) {
    const rows: Row[] = []
    for (const { address } of await cluster.mastersOf(topic)) {
      const { body } = await cluster.broker(address, RequestCode.GET_TOPIC_STATS_INFO, { topic })
      for (const [{ brokerName, queueId }, offsets] of decodeTopicStats(body).offsetTable) {
        const { minOffset, maxOffset, lastUpdateTimestamp } = offsets
        const lastStored = lastUpdateTimestamp > 0 ? localText(clock.localTime(lastUpdateTimestamp)) : ''
        rows.push({
          broker: brokerName,
          queue: queueId,
          minOffset,
          maxOffset,
          messages: maxOffset - minOffset,
          lastStored,
        })
      }
    }
    return table(rows.toSorted(byBrokerAndQueue))
  },
})

const clusters = verb('topic', 'clusters', {
  about: 'clusters that hold a topic',
  options: { topic: required('topic', 'name of the topic') },
  positional: ['topic'],
  mqadmin: { name: 'topicClusterList', flags: { 't,topic': 'topic' } },
  async run({ cluster }, { topic }) {
    const { brokerDatas } = await cluster.client.admin.route(topic)
    return table([...new Set(brokerDatas.map((broker) => broker.cluster))].map((name) => ({ cluster: name })))
  },
})

const order = verb('topic', 'order', {
  about: 'read or change the fixed list of queues of an ordered topic',
  options: {
    topic: required('topic', 'name of the topic'),
    method: oneOf('get', ['get', 'put', 'delete'], 'what to do'),
    value: text('queues', 'with put: broker-a:4;broker-b:4'),
  },
  positional: ['topic'],
  mqadmin: {
    name: 'updateOrderConf',
    flags: { 't,topic': 'topic', 'm,method': 'method', 'v,orderConf': 'value' },
  },
  async run({ cluster }, { topic, method, value }) {
    const fields = { namespace: ORDER_NAMESPACE, key: topic }
    if (method === 'get') return table([{ topic, queues: await orderConf(cluster, topic) }])
    if (method === 'delete') {
      await cluster.eachNamesrv(RequestCode.DELETE_KV_CONFIG, fields)
      return done(`topic ${topic} has no fixed queues any more`)
    }
    if (value === undefined)
      throw new ClientError('invalidParameter', 'put wants --value, such as broker-a:4')
    await cluster.eachNamesrv(RequestCode.PUT_KV_CONFIG, { ...fields, value })
    return done(`topic ${topic} has the queues ${value}`)
  },
})

const allocate = verb('topic', 'allocate', {
  about: 'how the queues of a topic would be dealt to these clients (AVG)',
  options: {
    topic: required('topic', 'name of the topic'),
    clients: required('ids', 'client ids, joined by commas'),
  },
  positional: ['topic', 'clients'],
  mqadmin: { name: 'allocateMQ', flags: { 't,topic': 'topic', 'i,ipList': 'clients' } },
  async run({ cluster }, { topic, clients }) {
    const queues = await cluster.client.admin.queues(topic)
    const clientIds = clients.split(',').toSorted()
    const rows = clientIds.flatMap((clientId) =>
      allocateAveragely({ clientId, queues, clientIds }).map(({ brokerName, queueId }) => ({
        client: clientId,
        broker: brokerName,
        queue: queueId,
      })),
    )
    return table(rows, ['client', 'broker', 'queue'])
  },
})

const cleanUnused = verb('topic', 'clean-unused', {
  about: 'drop the queues of topics that no longer exist',
  options: choice,
  mqadmin: { name: 'cleanUnusedTopic', flags: { 'b,brokerAddr': 'broker', 'c,cluster': 'cluster' } },
  async run({ cluster }, input) {
    const masters = await cluster.masters(input)
    for (const { address } of masters) await cluster.broker(address, RequestCode.CLEAN_UNUSED_TOPIC)
    return done(`queues of unknown topics are gone from ${namesOf(masters)}`)
  },
})

export const topicVerbs: readonly Verb[] = [
  ...[create, createMany, remove, setPerm, list, route, status, clusters, order, allocate, cleanUnused],
]

/** Topics that a broker makes for itself. */
export async function systemTopics(cluster: Cluster): Promise<Set<string>> {
  const own = new Set<string>()
  for (const { address } of await cluster.masters()) {
    const { body } = await cluster.broker(address, RequestCode.GET_SYSTEM_TOPIC_LIST_FROM_BROKER)
    for (const topic of decodeTopicList(body).topics) own.add(topic)
  }
  return own
}

/** Groups that consume a topic, over all its brokers. */
export async function groupsOf(cluster: Cluster, topic: string): Promise<string[]> {
  const groups = new Set<string>()
  for (const { address } of await cluster.mastersOf(topic)) {
    const { body } = await cluster.broker(address, RequestCode.QUERY_TOPIC_CONSUME_BY_WHO, { topic })
    for (const group of decodeGroupList(body)) groups.add(group)
  }
  return [...groups].toSorted()
}

/** Topics of a broker by name. */
export async function topicsOf(cluster: Cluster, address: string): Promise<ReadonlyMap<string, TopicConfig>> {
  const { body } = await cluster.broker(address, RequestCode.GET_ALL_TOPIC_CONFIG)
  return decodeTopicConfigTable(body).topicConfigTable
}

/** The fixed queues of a topic; undefined where it has none. */
async function orderConf(cluster: Cluster, topic: string): Promise<string | undefined> {
  try {
    const fields = { namespace: ORDER_NAMESPACE, key: topic }
    return (await cluster.namesrv(RequestCode.GET_KV_CONFIG, fields)).extFields.value
  } catch (error) {
    if (error instanceof ClientError && error.code === 'notFound') return undefined
    throw error
  }
}

async function putOrderConf(
  cluster: Cluster,
  topic: string,
  masters: readonly BrokerAddress[],
  queues: number,
): Promise<void> {
  const value = masters.map(({ brokerName }) => `${brokerName}:${queues}`).join(';')
  await cluster.eachNamesrv(RequestCode.PUT_KV_CONFIG, { namespace: ORDER_NAMESPACE, key: topic, value })
}

/** @throws MqError invalidParameter that names the file, and shows what one looks like */
function listOf(file: string, body: string): ReturnType<typeof decodeTopicConfigList> {
  try {
    return decodeTopicConfigList(Buffer.from(body))
  } catch (cause) {
    const example = '[{"topicName":"orders","readQueueNums":8,"writeQueueNums":8,"perm":6}]'
    throw new MqError(
      'invalidParameter',
      `${file}: ${messageOf(cause)}; it wants a list such as ${example}`,
      {
        cause,
      },
    )
  }
}
