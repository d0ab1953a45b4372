import { messageOf } from '../base/errors.ts'
import { prettyFastJson } from '../protocol/fastjson-writer.ts'
import { parseJavaProperties } from '../protocol/java-properties.ts'
import { SystemTopic } from '../protocol/names.ts'
import { RequestCode } from '../protocol/request-code.ts'
import { runtimeInfo, statsOf } from './broker-verbs.ts'
import type { Cluster } from './cluster.ts'
import { clientCount, groupsOfBroker, progressOf } from './group-progress.ts'
import { integer, optionalInteger, text } from './option.ts'
import { counted, localText } from './rows.ts'
import { choice, topicsOf } from './topic-verbs.ts'
import { done, type Output, pause, type Row, table, type Verb, type VerbContext, verb } from './verb.ts'

const COUNT = { min: 1, max: 1_000_000 }

/** Settings that mqadmin takes along (ExportConfigsCommand of RocketMQ 5.5). */
const TOLD_SETTINGS = [
  ...['brokerClusterName', 'brokerId', 'brokerName', 'brokerRole', 'fileReservedTime', 'filterServerNums'],
  ...['flushDiskType', 'maxMessageSize', 'messageDelayLevel', 'msgTraceTopicName', 'slaveReadEnable'],
  ...['traceOn', 'traceTopicEnable', 'useTLS', 'autoCreateTopicEnable', 'autoCreateSubscriptionGroup'],
]

const exported = {
  cluster: choice.cluster,
  dir: text('folder', 'write a JSON file there, as mqadmin does, instead of printing'),
}
const exportedFlags = { 'c,clusterName': 'cluster', 'f,filePath': 'dir' } as const

const list = verb('cluster', 'list', {
  about: 'all clusters, with their brokers',
  options: {},
  async run({ cluster }) {
    const brokers = await cluster.brokers()
    const names = [...new Set(brokers.map((broker) => broker.cluster))]
    return table(
      names.map((name) => {
        const those = brokers.filter((broker) => broker.cluster === name)
        const masters = those.filter(({ brokerId }) => brokerId === 0)
        const of = masters.map(({ brokerName }) => brokerName).join(', ')
        return {
          cluster: name,
          masters: masters.length,
          replicas: those.length - masters.length,
          brokers: of,
        }
      }),
      ['cluster', 'masters', 'replicas', 'brokers'],
    )
  },
})

const probe = verb('cluster', 'probe', {
  about: 'send small messages to every broker and say how long they took',
  options: {
    cluster: choice.cluster,
    count: integer(100, COUNT, 'messages to each broker'),
    size: integer(128, { min: 1, max: 4_194_304 }, 'bytes of each'),
  },
  mqadmin: {
    name: 'clusterRT',
    flags: {
      ...{ 'a,amount': 'count', 's,size': 'size', 'c,cluster': 'cluster' },
      ...{ 'p,print log': '', 'm,machine room': '', 'i,interval': '' },
    },
  },
  async run(context, { cluster: name, count, size }) {
    const { cluster, signal } = context
    const producer = cluster.client.producer({ group: 'ternmq-probe', retries: 0 })
    const rows: Row[] = []
    for (const { brokerName, cluster: of } of await cluster.masters({ cluster: name })) {
      // each broker has a topic of its own name, for tools
      const took: number[] = []
      let failed = 0
      for (let i = 0; i < count && !signal.aborted; i++) {
        const beganMs = context.clock.monoMs()
        try {
          await producer.send({ topic: brokerName, body: Buffer.alloc(size, 0x61) }, { queueIndex: i })
          took.push(context.clock.monoMs() - beganMs)
        } catch (error) {
          failed++
          context.print({ broker: brokerName, error: messageOf(error) }, `${brokerName}: ${messageOf(error)}`)
        }
        context.progress(i + 1, count, `messages to ${brokerName}`)
      }
      const average = took.reduce((sum, ms) => sum + ms, 0) / Math.max(took.length, 1)
      rows.push({
        cluster: of,
        broker: brokerName,
        sent: took.length,
        failed,
        averageMs: rounded(average),
        maxMs: rounded(Math.max(0, ...took)),
      })
    }
    const failed = rows.reduce((sum, row) => sum + Number(row.failed), 0)
    return { ...table(rows), failure: failed > 0 ? `${failed} sends failed` : undefined }
  },
})

const settings = verb('cluster', 'configs', {
  about: 'the settings of brokers that tell most of a cluster',
  options: exported,
  mqadmin: { name: 'exportConfigs', flags: exportedFlags },
  async run(context, input) {
    const { cluster } = context
    const brokers = await cluster.chosen({ cluster: input.cluster })
    const masters = brokers.filter(({ brokerId }) => brokerId === 0)
    const brokerConfigs: Record<string, Record<string, string>> = {}
    for (const { address, brokerName } of masters) {
      const { body } = await cluster.broker(address, RequestCode.GET_BROKER_CONFIG)
      const all = parseJavaProperties(body.toString())
      brokerConfigs[brokerName] = Object.fromEntries(
        [...all].filter(([name]) => TOLD_SETTINGS.includes(name)),
      )
    }
    const clusterScale = {
      namesrvSize: cluster.client.admin.namesrvAddresses.length,
      masterBrokerSize: masters.length,
      slaveBrokerSize: brokers.length - masters.length,
    }
    if (input.dir !== undefined)
      return written(context, `${input.dir}/configs.json`, { brokerConfigs, clusterScale })
    const rows = Object.entries(brokerConfigs).flatMap(([broker, config]) =>
      Object.entries(config).map(([name, value]) => ({ broker, name, value })),
    )
    return table(rows, ['broker', 'name', 'value'])
  },
})

const metrics = verb('cluster', 'metrics', {
  about: 'rates, counts of a day, disks and sizes of every broker',
  options: exported,
  mqadmin: { name: 'exportMetrics', flags: exportedFlags },
  async run(context, input) {
    const rows: Row[] = []
    for (const { address, brokerName } of await context.cluster.masters({ cluster: input.cluster }))
      rows.push({ broker: brokerName, ...(await metricsOf(context.cluster, address)) })
    if (input.dir === undefined) return table(rows)
    const evaluateReport = Object.fromEntries(rows.map(({ broker, ...figures }) => [String(broker), figures]))
    return written(context, `${input.dir}/metrics.json`, { evaluateReport })
  },
})

const watch = verb('cluster', 'watch', {
  about: 'say again and again which groups are behind, until it is interrupted',
  options: {
    intervalSeconds: integer(60, { min: 1, max: 86_400 }, 'seconds between two rounds'),
    min: integer(
      1,
      { min: 1, max: Number.MAX_SAFE_INTEGER },
      'messages behind from which on a group is told',
    ),
    times: optionalInteger(COUNT, 'end after so many rounds'),
    cluster: choice.cluster,
  },
  mqadmin: { name: 'startMonitoring', flags: {} },
  async run(context, { intervalSeconds, min, times, cluster: name }) {
    let rounds = 0
    while (!context.signal.aborted) {
      await watchRound(context, { cluster: name, min })
      if (++rounds === times) break
      await pause(context, intervalSeconds * 1000)
    }
    return done(`${rounds} rounds`)
  },
})

export const clusterVerbs: readonly Verb[] = [list, probe, settings, metrics, watch]

function written(
  { writeFile }: VerbContext,
  path: string,
  content: Parameters<typeof prettyFastJson>[0],
): Output {
  writeFile(path, `${prettyFastJson(content)}\n`)
  return done(`export ${path} success`, { file: path })
}

/** Figures by the names that RocketMQ's own export gives them (ExportMetricsCommand). */
async function metricsOf(cluster: Cluster, address: string): Promise<Row> {
  const info = await runtimeInfo(cluster, address)
  const first = (name: string): number => rounded(Number(info.get(name)?.split(' ')[0] ?? 0))
  const count = (name: string): number => Number(info.get(name) ?? 0)
  const trans = await statsOf(cluster, [address], {
    statsName: 'TOPIC_PUT_NUMS',
    statsKey: SystemTopic.TRANS_HALF,
  })
  const delayed = await statsOf(cluster, [address], {
    statsName: 'TOPIC_PUT_NUMS',
    statsKey: SystemTopic.SCHEDULE,
  })
  return {
    ...{ normalInTps: first('putTps'), normalOutTps: first('getTransferredTps') },
    ...{ transInTps: trans.tps, scheduleInTps: delayed.tps },
    normalOneDayInNum: count('msgPutTotalTodayMorning') - count('msgPutTotalYesterdayMorning'),
    normalOneDayOutNum: count('msgGetTotalTodayMorning') - count('msgGetTotalYesterdayMorning'),
    ...{ transOneDayInNum: trans.sum, scheduleOneDayInNum: delayed.sum },
    commitLogDiskRatio: rounded(count('commitLogDiskRatio')),
    consumeQueueDiskRatio: rounded(count('consumeQueueDiskRatio')),
    messageAverageSize: rounded(count('putMessageAverageSize')),
    topicSize: (await topicsOf(cluster, address)).size,
    groupSize: (await groupsOfBroker(cluster, address)).size,
  }
}

/** One look at every group: a line for each that is behind. */
async function watchRound(
  { cluster, clock, print }: VerbContext,
  { cluster: name, min }: { cluster: string | undefined; min: number },
): Promise<void> {
  const groups = new Set<string>()
  for (const { address } of await cluster.masters({ cluster: name }))
    for (const group of (await groupsOfBroker(cluster, address)).keys()) groups.add(group)
  for (const group of [...groups].toSorted()) {
    const { lag, rows } = await progressOf(cluster, group, { cluster: name })
    if (lag < min) continue
    const clients = await clientCount(cluster, group, { cluster: name })
    const behind = rows.filter((row) => Number(row.lag) > 0 && Number(row.lastTimestamp) > 0)
    const oldestMs = Math.min(...behind.map(({ lastTimestamp }) => Number(lastTimestamp)))
    const delaySeconds =
      behind.length > 0 ? Math.max(0, Math.round((clock.nowMs() - oldestMs) / 1000)) : undefined
    const time = localText(clock.localTime(clock.nowMs()))
    const since = delaySeconds === undefined ? '' : `, for ${delaySeconds} s`
    print(
      { time, group, lag, clients, delaySeconds },
      `${time} ${group} is ${counted(lag, 'message')} behind${since}, ${counted(clients, 'client')}`,
    )
  }
}

function rounded(value: number): number {
  return Math.round(value * 1000) / 1000
}
