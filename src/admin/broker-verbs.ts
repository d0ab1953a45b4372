import { messageOf } from '../base/errors.ts'
import { ClientError } from '../client/index.ts'
import { decodeBrokerStats } from '../protocol/broker-stats.ts'
import { decodeBrokerConsumeStats } from '../protocol/consume-stats.ts'
import { javaPropertiesText, parseJavaProperties } from '../protocol/java-properties.ts'
import { JsonFields } from '../protocol/json-fields.ts'
import { decodeKvTable } from '../protocol/kv-table.ts'
import { RequestCode } from '../protocol/request-code.ts'
import type { BrokerAddress, Cluster } from './cluster.ts'
import { lagRow } from './group-progress.ts'
import { flag, integer, moment, required, text, timeMs } from './option.ts'
import { localText, namesOf } from './rows.ts'
import { choice, groupsOf, systemTopics, topicsOf } from './topic-verbs.ts'
import { done, type Row, table, type Verb, verb } from './verb.ts'

const brokerFlags = { 'b,brokerAddr': 'broker', 'c,clusterName': 'cluster' } as const

const list = verb('broker', 'list', {
  about: 'all brokers, with what they do now',
  options: { cluster: choice.cluster, more: flag('with the counts of yesterday and today') },
  mqadmin: {
    name: 'clusterList',
    flags: { 'c,clusterName': 'cluster', 'm,moreStats': 'more', 'i,interval': '' },
  },
  async run({ cluster }, input) {
    const rows: Row[] = []
    const errors: unknown[] = []
    for (const broker of await cluster.chosen(input)) {
      try {
        const info = await runtimeInfo(cluster, broker.address)
        rows.push({ ...identity(broker), ...(input.more ? countsOf(info) : ratesOf(info)) })
      } catch (error) {
        errors.push(error)
        rows.push({ ...identity(broker), error: messageOf(error) })
      }
    }
    if (errors.length === rows.length) throw errors[0]
    const columns = [...new Set(rows.flatMap((row) => Object.keys(row)))]
    const failure = errors.length > 0 ? `${errors.length} of ${rows.length} brokers do not answer` : undefined
    return { ...table(rows, columns), failure }
  },
})

const status = verb('broker', 'status', {
  about: 'what a broker says of itself',
  options: choice,
  mqadmin: { name: 'brokerStatus', flags: brokerFlags },
  async run({ cluster }, input) {
    const rows: Row[] = []
    for (const { brokerName, address } of await cluster.masters(input))
      for (const [name, value] of [...(await runtimeInfo(cluster, address))].toSorted(byName))
        rows.push({ broker: brokerName, name, value })
    return table(rows)
  },
})

const config = verb('broker', 'config', {
  about: 'settings of brokers',
  options: { ...choice, name: text('name', 'this setting only') },
  mqadmin: { name: 'getBrokerConfig', flags: brokerFlags },
  async run({ cluster }, input) {
    const rows: Row[] = []
    for (const { brokerName, address } of await cluster.masters(input)) {
      const { body } = await cluster.broker(address, RequestCode.GET_BROKER_CONFIG)
      for (const [name, value] of [...parseJavaProperties(body.toString())].toSorted(byName))
        if (input.name === undefined || input.name === name) rows.push({ broker: brokerName, name, value })
    }
    return table(rows, ['broker', 'name', 'value'])
  },
})

const set = verb('broker', 'set', {
  about: 'change a setting of running brokers',
  options: {
    name: required('name', 'name of the setting'),
    value: required('value', 'its new value'),
    ...choice,
  },
  positional: ['name', 'value'],
  mqadmin: {
    name: 'updateBrokerConfig',
    flags: { ...brokerFlags, 'k,key': 'name', 'v,value': 'value', 'a,updateAllBroker': '' },
  },
  async run({ cluster }, input) {
    const body = Buffer.from(javaPropertiesText([[input.name, input.value]]))
    const masters = await cluster.masters(input)
    for (const { address } of masters)
      await cluster.broker(address, RequestCode.UPDATE_BROKER_CONFIG, {}, body)
    return done(`${input.name} is ${input.value} on ${namesOf(masters)}`, { [input.name]: input.value })
  },
})

const lag = verb('broker', 'lag', {
  about: 'how far all groups of a broker are behind',
  options: {
    ...choice,
    min: integer(0, { min: 0, max: Number.MAX_SAFE_INTEGER }, 'leave out what is less far behind'),
    orderly: flag('groups that consume in order only'),
  },
  mqadmin: {
    name: 'brokerConsumeStats',
    flags: { 'b,brokerAddr': 'broker', 'l,level': 'min', 'o,order': 'orderly', 't,timeoutMillis': '' },
  },
  async run({ cluster }, input) {
    const rows: Row[] = []
    let total = 0
    for (const { address } of await cluster.masters(input)) {
      const fields = { isOrder: input.orderly }
      const stats = decodeBrokerConsumeStats(
        (await cluster.broker(address, RequestCode.GET_BROKER_CONSUME_STATS, fields)).body,
      )
      total += stats.totalDiff
      for (const [group, ofTopics] of stats.consumeStats) {
        const all = ofTopics.flatMap(({ offsetTable }) => [...offsetTable])
        const behind = all.map(([queue, offsets]) => lagRow(queue, offsets))
        rows.push(...behind.filter(({ lag }) => lag >= input.min).map((row) => ({ group, ...row })))
      }
    }
    return table(rows, ['group', 'topic', 'broker', 'queue', 'committed', 'maxOffset', 'lag'], `lag ${total}`)
  },
})

const stats = verb('broker', 'stats', {
  about: 'rates and counts of every topic and the groups that consume it',
  options: {
    topic: text('topic', 'this topic only'),
    active: flag('leave out what has no traffic'),
    system: flag("RocketMQ's own topics too"),
  },
  mqadmin: { name: 'statsAll', flags: { 't,topic': 'topic', 'a,activeTopic': 'active' } },
  async run({ cluster }, { topic, active, system }) {
    const names = await topicNames(cluster, topic, system)
    const rows: TrafficRow[] = []
    for (const name of names.toSorted()) rows.push(...(await trafficOf(cluster, name)))
    const shown = active ? rows.filter(({ inTps, outTps }) => inTps > 0 || (outTps ?? 0) > 0) : rows
    return table(shown, ['topic', 'group', 'inTps', 'outTps', 'in24h', 'out24h'])
  },
})

const ha = verb('broker', 'replication', {
  about: 'how far replicas are',
  options: choice,
  mqadmin: {
    name: 'haStatus',
    flags: { 'b,brokerAddr': 'broker', 'c,clusterName': 'cluster', 'i,interval': '' },
  },
  async run({ cluster }, input) {
    const rows: Row[] = []
    for (const { brokerName, address } of await cluster.masters(input)) {
      const { body } = await cluster.broker(address, RequestCode.GET_BROKER_HA_STATUS)
      rows.push(...replicaRows(brokerName, JsonFields.ofBody(body, 'replication')))
    }
    const columns = [
      'broker',
      'maxOffset',
      'inSync',
      'replica',
      'ackOffset',
      'behind',
      'isInSync',
      'bytesPerSecond',
    ]
    return table(rows, columns)
  },
})

const earliest = verb('broker', 'earliest', {
  about: 'when the oldest message of a queue was stored, and the offset of a time',
  options: {
    topic: required('topic', 'name of the topic'),
    at: moment('also the offset of this time'),
  },
  positional: ['topic'],
  async run({ cluster, clock }, { topic, at }) {
    const rows: Row[] = []
    const masters = new Map(
      (await cluster.mastersOf(topic)).map(({ brokerName, address }) => [brokerName, address]),
    )
    for (const queue of await cluster.client.admin.queues(topic)) {
      const { brokerName, queueId } = queue
      const fields = { topic, queueId }
      const { extFields } = await cluster.broker(
        masters.get(brokerName) ?? '',
        RequestCode.GET_EARLIEST_MSG_STORETIME,
        fields,
      )
      const storedMs = Number(extFields.timestamp ?? -1)
      const offset =
        at === undefined
          ? undefined
          : await cluster.client.admin.searchOffset(queue, timeMs(at, { name: 'at', nowMs: clock.nowMs() }))
      rows.push({
        broker: brokerName,
        queue: queueId,
        earliest: storedMs < 0 ? '' : localText(clock.localTime(storedMs)),
        offset,
      })
    }
    return table(
      rows,
      at === undefined ? ['broker', 'queue', 'earliest'] : ['broker', 'queue', 'earliest', 'offset'],
    )
  },
})

/** A verb that has every chosen master do one thing that needs no words. */
function simple(name: string, code: number, parts: { about: string; said: string; mqadmin: string }): Verb {
  return verb('broker', name, {
    about: parts.about,
    options: choice,
    mqadmin: { name: parts.mqadmin, flags: { 'b,brokerAddr': 'broker', 'c,cluster': 'cluster' } },
    async run({ cluster }, input) {
      const masters = await cluster.masters(input)
      for (const { address } of masters) await cluster.broker(address, code)
      return done(`${parts.said} ${namesOf(masters)}`)
    },
  })
}

const cleanQueues = simple('clean-queues', RequestCode.CLEAN_EXPIRED_CONSUMEQUEUE, {
  about: 'drop ConsumeQueue files that point below the log',
  said: 'expired ConsumeQueue files are gone from',
  mqadmin: 'cleanExpiredCQ',
})

const cleanLog = simple('clean-log', RequestCode.DELETE_EXPIRED_COMMITLOG, {
  about: 'drop CommitLog files that are older than fileReservedTime now',
  said: 'expired CommitLog files are gone from',
  mqadmin: 'deleteExpiredCommitLog',
})

export const brokerVerbs: readonly Verb[] = [
  ...[list, status, config, set, lag, stats, ha, earliest, cleanQueues, cleanLog],
]

/** What a broker says of itself, by name (RocketMQ's runtime info). */
export async function runtimeInfo(cluster: Cluster, address: string): Promise<ReadonlyMap<string, string>> {
  return decodeKvTable((await cluster.broker(address, RequestCode.GET_BROKER_RUNTIME_INFO)).body)
}

function identity({ cluster, brokerName, brokerId, address }: BrokerAddress): Row {
  return { cluster, broker: brokerName, id: brokerId, address }
}

/** A row a replica, of RocketMQ's HARuntimeInfo; one without where a master has none. */
function replicaRows(broker: string, info: JsonFields): Row[] {
  const of = {
    broker,
    maxOffset: info.optionalInteger('masterCommitLogMaxOffset'),
    inSync: info.integer('inSyncSlaveNums', 0),
  }
  const rows = info.objects('haConnectionInfo', (replica) => ({
    ...of,
    replica: replica.text('addr', ''),
    ackOffset: replica.optionalInteger('slaveAckOffset'),
    behind: replica.optionalInteger('diff'),
    isInSync: replica.flag('inSync', false),
    bytesPerSecond: replica.optionalInteger('transferredByteInSecond'),
  }))
  return rows.length > 0 ? rows : [of]
}

function ratesOf(info: ReadonlyMap<string, string>): Row {
  // three rates: of the last ten seconds, minute and ten minutes
  const first = (name: string): number => Math.round(Number(info.get(name)?.split(' ')[0] ?? 0) * 10) / 10
  return {
    version: info.get('brokerVersionDesc'),
    inTps: first('putTps'),
    outTps: first('getTransferredTps'),
    diskRatio: Number(info.get('commitLogDiskRatio') ?? 0),
    active: info.get('brokerActive'),
  }
}

function countsOf(info: ReadonlyMap<string, string>): Row {
  const number = (name: string): number => Number(info.get(name) ?? 0)
  return {
    inYesterday: number('msgPutTotalTodayMorning') - number('msgPutTotalYesterdayMorning'),
    outYesterday: number('msgGetTotalTodayMorning') - number('msgGetTotalYesterdayMorning'),
    inToday: number('msgPutTotalTodayNow') - number('msgPutTotalTodayMorning'),
    outToday: number('msgGetTotalTodayNow') - number('msgGetTotalTodayMorning'),
  }
}

/** One statistic summed over brokers; zeros where nothing was counted. */
export async function statsOf(
  cluster: Cluster,
  addresses: readonly string[],
  which: { readonly statsName: string; readonly statsKey: string },
): Promise<{ tps: number; sum: number }> {
  let [tps, sum] = [0, 0]
  for (const address of addresses) {
    try {
      const { body } = await cluster.broker(address, RequestCode.VIEW_BROKER_STATS_DATA, which)
      const { statsMinute, statsDay } = decodeBrokerStats(body)
      tps += statsMinute.tps
      sum += statsDay.sum
    } catch (error) {
      // nothing was counted yet
      if (!(error instanceof ClientError) || error.responseCode === undefined) throw error
    }
  }
  return { tps: Math.round(tps * 100) / 100, sum }
}

/** Topics of all masters, or the given one if it is there; RocketMQ's own only where they are asked for. */
async function topicNames(cluster: Cluster, topic: string | undefined, system: boolean): Promise<string[]> {
  const hidden = system || topic !== undefined ? new Set<string>() : await systemTopics(cluster)
  const names = new Set<string>()
  for (const { address } of await cluster.masters())
    for (const name of (await topicsOf(cluster, address)).keys())
      if ((topic === undefined || topic === name) && !hidden.has(name)) names.add(name)
  return [...names]
}

/** What comes into a topic, and what a group takes out of it. */
interface TrafficRow extends Row {
  readonly inTps: number
  readonly outTps: number | undefined
}

/** A row for each group that consumes the topic; one where none does. */
async function trafficOf(cluster: Cluster, topic: string): Promise<TrafficRow[]> {
  const addresses = (await cluster.mastersOf(topic)).map(({ address }) => address)
  const put = await statsOf(cluster, addresses, { statsName: 'TOPIC_PUT_NUMS', statsKey: topic })
  const groups = await groupsOf(cluster, topic)
  const rows: TrafficRow[] = []
  for (const group of groups.length > 0 ? groups : ['']) {
    const key = { statsName: 'GROUP_GET_NUMS', statsKey: `${topic}@${group}` }
    const got = group === '' ? undefined : await statsOf(cluster, addresses, key)
    rows.push({ topic, group, inTps: put.tps, outTps: got?.tps, in24h: put.sum, out24h: got?.sum })
  }
  return rows
}

function byName([one]: readonly [string, string], [other]: readonly [string, string]): number {
  return one < other ? -1 : 1
}
