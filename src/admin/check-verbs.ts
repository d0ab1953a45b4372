import { messageOf } from '../base/errors.ts'
import { dlqTopicOf } from '../protocol/names.ts'
import { RequestCode } from '../protocol/request-code.ts'
import { decodeTopicStats } from '../protocol/topic-stats.ts'
import { runtimeInfo } from './broker-verbs.ts'
import type { Cluster } from './cluster.ts'
import { clientCount, mustExist, progressOf } from './group-progress.ts'
import { integer, required } from './option.ts'
import { counted } from './rows.ts'
import { choice } from './topic-verbs.ts'
import { type CheckState, checkStates, type Output, type Row, type Verb, verb } from './verb.ts'

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

export const checkVerbs: readonly Verb[] = [lag, dlq, brokers]

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
