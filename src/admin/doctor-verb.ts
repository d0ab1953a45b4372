import { messageOf } from '../base/errors.ts'
import { type ClusterInfo, decodeClusterInfo } from '../protocol/cluster-info.ts'
import { RequestCode } from '../protocol/request-code.ts'
import { runtimeInfo } from './broker-verbs.ts'
import type { BrokerAddress, Cluster } from './cluster.ts'
import { type Row, table, type Verb, verb } from './verb.ts'

/** Clocks that differ by less do no harm; a broker tells its own to the second. */
const CLOCK_MS_MAX = 5000

/** Share of a queue of requests from which on it is a finding. */
const QUEUE_SHARE_MAX = 0.8

type Say = (what: string, finding: string, todo?: string) => void
type Info = ReadonlyMap<string, string>

const doctor = verb('', 'doctor', {
  about: 'look at a cluster as a client does, and say what is wrong and what to do about it',
  options: {},
  async run({ cluster, clock }) {
    const rows: Row[] = []
    const say: Say = (what, finding, todo = '') => {
      rows.push({ ok: todo === '' ? 'yes' : 'NO', what, finding, todo })
    }
    await lookAtNamesrvs(cluster, say)
    const all = await cluster.brokers()
    if (all.length === 0)
      say('brokers', 'none is registered', 'start one with -n, or look at its log for why it cannot register')
    for (const broker of all) {
      const beganMs = clock.monoMs()
      try {
        const info = await runtimeInfo(cluster, broker.address)
        const tookMs = (clock.monoMs() - beganMs).toFixed(1)
        say(
          `broker ${broker.brokerName}`,
          `${broker.address} answers in ${tookMs} ms, ${info.get('brokerVersionDesc')}`,
        )
        lookAtBroker(broker, { info, nowMs: clock.nowMs() }, say)
      } catch (error) {
        const todo = 'is that address right for clients? brokerIP1 says what they are told'
        say(`broker ${broker.brokerName}`, `${broker.address} does not answer: ${messageOf(error)}`, todo)
      }
    }
    const wrong = rows.filter(({ ok }) => ok === 'NO').length
    const failure =
      wrong > 0 ? `${wrong} of ${rows.length} findings want something done: see todo` : undefined
    return { ...table(rows), isProse: true, failure }
  },
})

export const doctorVerbs: readonly Verb[] = [doctor]

/** Clients ask any of them: each has to know the same brokers. */
async function lookAtNamesrvs(cluster: Cluster, say: Say): Promise<void> {
  const known = new Map<string, string>()
  for (const address of cluster.client.admin.namesrvAddresses) {
    try {
      const { body } = await cluster.broker(address, RequestCode.GET_BROKER_CLUSTER_INFO)
      known.set(address, brokersIn(decodeClusterInfo(body)))
      say(`NameServer ${address}`, 'answers')
    } catch (error) {
      say(`NameServer ${address}`, messageOf(error), 'is it started, and does it listen on this address?')
    }
  }
  if (new Set(known.values()).size <= 1) return
  const finding = [...known].map(([address, brokers]) => `${address}: ${brokers || 'none'}`).join('; ')
  const todo = 'namesrvAddr of every broker is to name all of them, joined by ;'
  say('NameServers', `know different brokers (${finding})`, todo)
}

function brokersIn({ brokerAddrTable }: ClusterInfo): string {
  const addresses = [...brokerAddrTable].flatMap(([name, { brokerAddrs }]) =>
    [...brokerAddrs].map(([id, address]) => `${name}/${id} ${address}`),
  )
  return addresses.sort().join(', ')
}

function lookAtBroker(
  { brokerName, address }: BrokerAddress,
  { info, nowMs }: { info: Info; nowMs: number },
  say: Say,
): void {
  const host = address.slice(0, address.lastIndexOf(':'))
  if (/^(127\.|localhost$|\[?::1)/.test(host))
    say(
      `address of ${brokerName}`,
      `${host} is this machine: no other can reach the broker (fine for one machine)`,
    )
  lookAtClock(brokerName, { brokerMs: brokerNowMs(info), nowMs }, say)
  const percent = Math.round(Number(info.get('commitLogDiskRatio') ?? 0) * 100)
  const isFull = percent >= 90
  say(
    `disk of ${brokerName}`,
    `${percent} % in use`,
    isFull ? 'free some, or lower fileReservedTime: at diskSpaceWarningLevelRatio sends are refused' : '',
  )
  const [size, capacity] = ['Size', 'Capacity'].map((part) => Number(info.get(`sendThreadPoolQueue${part}`)))
  if (size !== undefined && capacity !== undefined && size > capacity * QUEUE_SHARE_MAX)
    say(`load of ${brokerName}`, `${size} sends wait, of ${capacity} that may`, 'send less, or add brokers')
  if (info.get('brokerActive') === 'false') say(`state of ${brokerName}`, 'not active', 'look at its log')
}

function lookAtClock(
  brokerName: string,
  { brokerMs, nowMs }: { brokerMs: number | undefined; nowMs: number },
  say: Say,
): void {
  if (brokerMs === undefined) return
  const aheadMs = brokerMs - nowMs
  const isWrong = Math.abs(aheadMs) > CLOCK_MS_MAX
  const seconds = Math.round(Math.abs(aheadMs) / 1000)
  say(
    `clock of ${brokerName}`,
    isWrong ? `${seconds} s ${aheadMs > 0 ? 'ahead of' : 'behind'} this machine` : 'that of this machine',
    isWrong ? 'set both by NTP: delays, retention and resets to a time go by it' : '',
  )
}

/** A broker tells when it began, and for how long it has run: `[ 0 days, 1 hours, 19 minutes, 6 seconds ]`. */
function brokerNowMs(info: Info): number | undefined {
  const parts = info.get('runtime')?.match(/\d+/g)?.map(Number)
  const startedMs = Number(info.get('bootTimestamp'))
  if (parts?.length !== 4 || !(startedMs > 0)) return undefined
  const [days = 0, hours = 0, minutes = 0, seconds = 0] = parts
  return startedMs + (((days * 24 + hours) * 60 + minutes) * 60 + seconds) * 1000
}
