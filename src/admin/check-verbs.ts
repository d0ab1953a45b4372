import { messageOf } from '../base/errors.ts'
import { dlqTopicOf } from '../protocol/names.ts'
import { RequestCode } from '../protocol/request-code.ts'
import { decodeTopicStats } from '../protocol/topic-stats.ts'
import { runtimeInfo } from './broker-verbs.ts'
import type { BrokerAddress, Cluster } from './cluster.ts'
import { clientCount, mustExist, progressOf } from './group-progress.ts'
import { integer, required } from './option.ts'
import { counted } from './rows.ts'
import { choice } from './topic-verbs.ts'
import { type CheckState, checkStates, type Output, type Row, table, type Verb, verb } from './verb.ts'

const AMOUNT = { min: 0, max: Number.MAX_SAFE_INTEGER }
const PERCENT = { min: 0, max: 100 }

/** Both bounds of a check: at or above the first it warns, at or above the second it is critical. */
interface Bounds {
  readonly warn: number
  readonly critical: number
}

const lag = verb('check', 'lag', {
  about: 'whether a group is far behind, or has nobody who consumes',
  options: {
    group: required('group', 'name of the group'),
    warn: integer(1000, AMOUNT, 'messages behind at which it warns'),
    critical: integer(10_000, AMOUNT, 'messages behind at which it is critical'),
    ...choice,
  },
  positional: ['group'],
  async run({ cluster }, input) {
    const { rows, lag: behind, tps } = await progressOf(cluster, input.group, input)
    const clients = await clientCount(cluster, input.group, input)
    if (rows.length === 0 && clients === 0) await mustExist(cluster, input.group, input)
    const state = behind > 0 && clients === 0 ? 'CRITICAL' : stateOf(behind, input)
    return check(
      state,
      `${input.group} is ${counted(behind, 'message')} behind, ${counted(clients, 'client')}`,
      {
        lag: behind,
        clients,
        tps,
      },
    )
  },
})

const dlq = verb('check', 'dlq', {
  about: 'whether messages of a group have been buried',
  options: {
    group: required('group', 'name of the group'),
    warn: integer(1, AMOUNT, 'dead letters at which it warns'),
    critical: integer(100, AMOUNT, 'dead letters at which it is critical'),
    ...choice,
  },
  positional: ['group'],
  async run({ cluster }, input) {
    const letters = await messagesIn(cluster, dlqTopicOf(input.group), input)
    return check(stateOf(letters, input), `${input.group} has ${counted(letters, 'dead letter')}`, {
      letters,
    })
  },
})

const brokers = verb('check', 'brokers', {
  about: 'whether all brokers answer, and have room on their disks',
  options: {
    warn: integer(75, PERCENT, '% of the disk in use at which it warns'),
    critical: integer(90, PERCENT, '% of the disk in use at which it is critical'),
    ...choice,
  },
  async run({ cluster }, input) {
    let state: CheckState = 'OK'
    const figures: Record<string, number> = {}
    const said: string[] = []
    for (const broker of await cluster.chosen(input)) {
      const name = `${broker.brokerName}-${broker.brokerId}`
      try {
        const info = await runtimeInfo(cluster, broker.address)
        const percent = Math.round(Number(info.get('commitLogDiskRatio') ?? 0) * 100)
        figures[name] = percent
        state = worse(state, stateOf(percent, input))
        said.push(`${name} uses ${percent} % of its disk`)
      } catch (error) {
        state = 'CRITICAL'
        said.push(`${name} does not answer: ${messageOf(error)}`)
      }
    }
    return check(state, said.join(', '), figures)
  },
})

const doctor = verb('', 'doctor', {
  about: 'look at a cluster as a client does, and say what is wrong and what to do about it',
  options: {},
  async run({ cluster, clock }) {
    const rows: Row[] = []
    const say = (what: string, finding: string, todo = ''): void => {
      rows.push({ ok: todo === '' ? 'yes' : 'NO', what, finding, todo })
    }
    for (const address of cluster.client.admin.namesrvAddresses) await doctorNamesrv(cluster, address, say)
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
        doctorBroker(broker, info, say)
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

export const checkVerbs: readonly Verb[] = [lag, dlq, brokers, doctor]

type Say = (what: string, finding: string, todo?: string) => void

async function doctorNamesrv(cluster: Cluster, address: string, say: Say): Promise<void> {
  try {
    await cluster.broker(address, RequestCode.GET_BROKER_CLUSTER_INFO)
    say(`NameServer ${address}`, 'answers')
  } catch (error) {
    say(`NameServer ${address}`, messageOf(error), 'is it started, and does it listen on this address?')
  }
}

function doctorBroker(
  { brokerName, address }: BrokerAddress,
  info: ReadonlyMap<string, string>,
  say: Say,
): void {
  const host = address.slice(0, address.lastIndexOf(':'))
  if (/^(127\.|localhost$|\[?::1)/.test(host))
    say(
      `address of ${brokerName}`,
      `${host} is this machine: no other can reach the broker (fine for one machine)`,
    )
  const percent = Math.round(Number(info.get('commitLogDiskRatio') ?? 0) * 100)
  const isFull = percent >= 90
  say(
    `disk of ${brokerName}`,
    `${percent} % in use`,
    isFull ? 'free some, or lower fileReservedTime: at diskSpaceWarningLevelRatio sends are refused' : '',
  )
  if (info.get('brokerActive') === 'false') say(`state of ${brokerName}`, 'not active', 'look at its log')
}

function stateOf(value: number, { warn, critical }: Bounds): CheckState {
  if (value >= critical) return 'CRITICAL'
  return value >= warn ? 'WARNING' : 'OK'
}

function worse(one: CheckState, other: CheckState): CheckState {
  return checkStates.indexOf(one) > checkStates.indexOf(other) ? one : other
}

function check(state: CheckState, words: string, figures: Row): Output {
  return { kind: 'check', state, text: words, figures }
}

/** Messages that a topic holds on the brokers that are meant; none where it does not exist. */
async function messagesIn(
  cluster: Cluster,
  topic: string,
  where: Parameters<Cluster['masters']>[0],
): Promise<number> {
  let count = 0
  for (const { address } of await cluster.masters(where)) {
    if (!(await cluster.topicConfig(address, topic))) continue
    const { body } = await cluster.broker(address, RequestCode.GET_TOPIC_STATS_INFO, { topic })
    for (const { minOffset, maxOffset } of decodeTopicStats(body).offsetTable.values())
      count += maxOffset - minOffset
  }
  return count
}
