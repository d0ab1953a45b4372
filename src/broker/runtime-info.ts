import { BROKER_VERSION, versionName } from '../protocol/client-version.ts'
import type { Broker } from './broker.ts'
import type { RatedCounter } from './broker-counters.ts'

/**
 * What RocketMQ says of its thread pools. Requests never wait for a thread here: the queues are empty,
 * whatever their capacity.
 */
const POOLS: readonly (readonly [string, number])[] = [
  ['send', 10_000],
  ['pull', 100_000],
  ['litePull', 100_000],
  ['query', 20_000],
  ['ack', 100_000],
]

/** What a broker tells of itself (GET_BROKER_RUNTIME_INFO): RocketMQ's names, all values as text. */
export function runtimeInfo(broker: Broker): Map<string, string> {
  return new Map<string, string>([
    ...identity(broker),
    ...puts(broker),
    ...gets(broker),
    ...totals(broker),
    ...log(broker),
    ...disk(broker),
    ...pools(),
    ...delays(broker),
    ...timers(broker),
  ])
}

type Pairs = readonly (readonly [string, string])[]

function identity({ host, startedMs }: Broker): Pairs {
  return [
    ['brokerVersionDesc', versionName(BROKER_VERSION)],
    ['brokerVersion', String(BROKER_VERSION)],
    ['brokerActive', 'true'],
    ['bootTimestamp', String(startedMs)],
    ['startAcceptSendRequestTimeStamp', '0'],
    ['runtime', durationText(host.clock.nowMs() - startedMs)],
  ]
}

function puts({ counters, stats: { putLatency } }: Broker): Pairs {
  const { put, putFailed, putRecordBytes } = counters
  return [
    ['putTps', ratesText(counters.rates('put'))],
    ['putMessageTimesTotal', String(put)],
    ['putMessageSizeTotal', String(putRecordBytes)],
    ['putMessageAverageSize', doubleText(put > 0 ? putRecordBytes / put : 0)],
    ['putMessageFailedTimes', String(putFailed)],
    ['putMessageEntireTimeMax', String(putLatency.maxMs)],
    ['putMessageDistributeTime', putLatency.distribution],
    ['putLatency99', putLatency.percentile(0.99).toFixed(2)],
    ['putLatency999', putLatency.percentile(0.999).toFixed(2)],
  ]
}

function gets({ counters }: Broker): Pairs {
  const rates = (counter: RatedCounter): number[] => counters.rates(counter)
  const missed = rates('pullsMissed')
  const all = rates('pullsFound').map((found, index) => found + (missed[index] ?? 0))
  return [
    ['getFoundTps', ratesText(rates('pullsFound'))],
    ['getMissTps', ratesText(missed)],
    ['getTotalTps', ratesText(all)],
    ['getTransferredTps', ratesText(rates('gotten'))],
    ['getMessageEntireTimeMax', String(counters.loadMsMax)],
  ]
}

/** Messages of users' topics, at the last two midnights and now: tools subtract them from each other. */
function totals({ counters }: Broker): Pairs {
  const { todayMorning, userGotten, userPut, yesterdayMorning } = counters
  return [
    ['msgPutTotalYesterdayMorning', String(yesterdayMorning.put)],
    ['msgPutTotalTodayMorning', String(todayMorning.put)],
    ['msgPutTotalTodayNow', String(userPut)],
    ['msgGetTotalYesterdayMorning', String(yesterdayMorning.gotten)],
    ['msgGetTotalTodayMorning', String(todayMorning.gotten)],
    ['msgGetTotalTodayNow', String(userGotten)],
  ]
}

function log({ store }: Broker): Pairs {
  const { durableEnd, end, minOffset } = store.log
  return [
    ['commitLogMinOffset', String(minOffset)],
    ['commitLogMaxOffset', String(end)],
    ['dispatchBehindBytes', String(end - store.confirmedEnd)],
    ['dispatchMaxBuffer', '0'],
    ['remainHowManyDataToFlush', bytesText(end - durableEnd)],
    // what RocketMQ says without a pool of off-heap buffers
    ['remainTransientStoreBufferNumbs', '2147483647'],
    ['pageCacheLockTimeMills', '0'],
    ['earliestMessageTimeStamp', String(store.earliestStoredMs() ?? -1)],
  ]
}

function disk({ host, store }: Broker): Pairs {
  const { commitLogDir, rootDir } = store.settings
  const { freeBytes, totalBytes } = host.disk.space(rootDir)
  const logRatio = ratioText(store.diskUsedRatio())
  return [
    [`commitLogDiskRatio_${commitLogDir}`, logRatio],
    ['commitLogDiskRatio', logRatio],
    ['consumeQueueDiskRatio', ratioText(totalBytes > 0 ? 1 - freeBytes / totalBytes : 0)],
    ['commitLogDirCapacity', `Total : ${bytesText(totalBytes)}, Free : ${bytesText(freeBytes)}.`],
  ]
}

function pools(): Pairs {
  const ofPools = POOLS.flatMap(
    ([name, capacity]): Pairs => [
      [`${name}ThreadPoolQueueSize`, '0'],
      [`${name}ThreadPoolQueueCapacity`, String(capacity)],
      [`${name}ThreadPoolQueueHeadWaitTimeMills`, '0'],
    ],
  )
  return [...ofPools, ['EndTransactionQueueSize', '0'], ['EndTransactionThreadPoolQueueCapacity', '100000']]
}

/** How late the next timer message is, in seconds, how many the index has not taken in, how many wait, and rates of the last ten seconds. */
function timers({ counters, timers: schedule }: Broker): Pairs {
  const { end, indexed, lateMs } = schedule.progress
  return [
    ['timerReadBehind', String(Math.floor(lateMs / 1000))],
    ['timerOffsetBehind', String(end - indexed)],
    ['timerCongestNum', String(schedule.counts().total)],
    ['timerEnqueueTps', (counters.rates('timersIn')[0] ?? 0).toFixed(1)],
    ['timerDequeueTps', (counters.rates('timersOut')[0] ?? 0).toFixed(1)],
  ]
}

/** How far each delay level is that has ever had a message: what is delivered, and what there is. */
function delays({ delays: schedule }: Broker): Pairs {
  return [...schedule.progress()]
    .filter(([, { end }]) => end > 0)
    .map(([level, { next, end }]) => [`scheduleMessageOffset_${level}`, `${next},${end}`] as const)
}

function ratesText(rates: readonly number[]): string {
  return rates.map(doubleText).join(' ')
}

/** As Java prints a double: whole ones with a decimal. */
function doubleText(value: number): string {
  return Number.isInteger(value) ? value.toFixed(1) : String(value)
}

/** A share of a disk, in whole percents rounded up. */
function ratioText(ratio: number): string {
  return doubleText(Math.ceil(ratio * 100) / 100)
}

/** Bytes as RocketMQ prints them for people: `226.6 GiB`. */
function bytesText(bytes: number): string {
  if (bytes < 1024) return `${bytes} B`
  const exponent = Math.min(Math.floor(Math.log(bytes) / Math.log(1024)), 6)
  return `${(bytes / 1024 ** exponent).toFixed(1)} ${'KMGTPE'[exponent - 1]}iB`
}

function durationText(ms: number): string {
  const seconds = Math.floor(ms / 1000)
  const [days, hours, minutes] = [
    Math.floor(seconds / 86_400),
    Math.floor(seconds / 3600) % 24,
    Math.floor(seconds / 60) % 60,
  ]
  return `[ ${days} days, ${hours} hours, ${minutes} minutes, ${seconds % 60} seconds ]`
}
