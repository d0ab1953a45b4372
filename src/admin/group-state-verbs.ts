import { decodeConsumerConnection } from '../protocol/consumer-connection.ts'
import type { ConsumerRunningInfo } from '../protocol/consumer-running-info.ts'
import { isSystemGroup } from '../protocol/names.ts'
import { decodeProducerConnection, decodeProducerTable } from '../protocol/producer-connection.ts'
import { RequestCode } from '../protocol/request-code.ts'
import type { BrokerChoice, Cluster } from './cluster.ts'
import {
  clientCount,
  clientIds,
  groupsOfBroker,
  mustExist,
  progressOf,
  queueOwners,
  runningInfo,
} from './group-progress.ts'
import { flag, required, text } from './option.ts'
import { byTopicAndQueue, localText } from './rows.ts'
import { choice } from './topic-verbs.ts'
import { type Output, type Row, table, type Verb, verb } from './verb.ts'

const list = verb('group', 'list', {
  about: 'all consumer groups, with how far behind they are',
  options: { ...choice, system: flag("RocketMQ's own groups too") },
  run: ({ cluster }, input) => overview(cluster, input, input.system ? () => false : isSystemGroup),
})

const progress = verb('group', 'progress', {
  about: 'how far a group is in each queue; without one, how far all groups are',
  options: {
    group: text('group', 'name of the group'),
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
  async run({ cluster, clock }, { group, ...input }) {
    if (group === undefined) return overview(cluster, input, isSystemGroup)
    const owners = input.clients ? await queueOwners(cluster, group, input) : undefined
    const { rows, lag, tps } = await progressOf(cluster, group, input)
    if (rows.length === 0) await mustExist(cluster, group, input)
    const shown = rows.toSorted(byTopicAndQueue).map(({ lastTimestamp, ...row }) => ({
      ...row,
      lastConsumed: Number(lastTimestamp) > 0 ? localText(clock.localTime(Number(lastTimestamp))) : '',
      ...(owners && { client: owners.get(`${row.topic}/${row.broker}/${row.queue}`) ?? '' }),
    }))
    const columns = ['topic', 'broker', 'queue', 'committed', 'maxOffset', 'lag', 'lastConsumed']
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
    const silent: string[] = []
    for (const clientId of ids) {
      const asked = { group: input.group, clientId, withStack: input.stack }
      const info = await runningInfo(cluster, address, asked)
      if (!info) {
        silent.push(clientId)
        continue
      }
      rows.push(...queueRows(clientId, info))
      if (info.jstack) print({ client: clientId, stack: info.jstack }, info.jstack)
    }
    const columns = ['client', 'topic', 'broker', 'queue', 'commitOffset', 'cached', 'perSecond']
    const note = silent.length > 0 ? `these clients did not answer: ${silent.join(', ')}` : undefined
    return table(rows, columns, ids.length === 0 ? `no client of group ${input.group} is connected` : note)
  },
})

/** A row for each queue that a client has, then one for each of which it has popped messages, in the order of queues. */
function queueRows(client: string, { mqTable, mqPopTable, statusTable }: ConsumerRunningInfo): Row[] {
  const perSecond = (topic: string): number =>
    Math.round((statusTable.get(topic)?.consumeOKTPS ?? 0) * 10) / 10
  const held = [...mqTable].map(([{ topic, brokerName, queueId }, { commitOffset, cachedMsgCount }]) => {
    const place = { client, topic, broker: brokerName, queue: queueId }
    return { ...place, commitOffset, cached: cachedMsgCount, perSecond: perSecond(topic) }
  })
  const popped = [...mqPopTable].map(([{ topic, brokerName, queueId }, { waitAckCount }]) => {
    return { client, topic, broker: brokerName, queue: queueId, cached: waitAckCount }
  })
  return [...held.toSorted(byTopicAndQueue), ...popped.toSorted(byTopicAndQueue)]
}

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
            rows.push({
              broker: brokerName,
              group,
              clientId,
              clientAddr: remoteIP.replace(/^\//, ''),
              language,
              version,
            })
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

/** How far groups are, and who their members are. */
export const groupStateVerbs: readonly Verb[] = [list, progress, clients, status, producers]

/** A row a group, but for those that are hidden. */
async function overview(
  cluster: Cluster,
  where: BrokerChoice,
  isHidden: (group: string) => boolean,
): Promise<Output> {
  const groups = new Set<string>()
  for (const { address } of await cluster.masters(where))
    for (const group of (await groupsOfBroker(cluster, address)).keys()) groups.add(group)
  const rows: Row[] = []
  for (const group of [...groups].filter((each) => !isHidden(each)).toSorted()) {
    const { lag, topics, tps } = await progressOf(cluster, group, where)
    rows.push({ group, clients: await clientCount(cluster, group, where), topics: topics.size, lag, tps })
  }
  return table(rows, ['group', 'clients', 'topics', 'lag', 'tps'])
}
