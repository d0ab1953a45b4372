import { backlogsOf, rescue } from './backlog-rescue.ts'
import { mustExist } from './group-progress.ts'
import { lineOf, messageRow } from './message-text.ts'
import { flag, integer, moment, oneOf, optionalInteger, required, text, timeMs } from './option.ts'
import { type LetterChoice, lettersOf, originTopicOf, redrive, redriveTargets } from './redrive.ts'
import { type Row, record, table, type Verb, type VerbContext, verb } from './verb.ts'

const COUNT = { min: 1, max: 1_000_000_000 }
const RATE = { min: 1, max: 1_000_000 }

const letters = {
  group: required('group', 'name of the group'),
  from: moment('buried at this time or later'),
  to: moment('buried before this time'),
  key: text('key', 'with this key only'),
  id: text('id', 'this message only: its unique id, or one that says where it lies or lay'),
}

const list = verb('dlq', 'list', {
  about: 'dead letters of a group',
  options: { ...letters, max: integer(100, COUNT, 'most letters') },
  positional: ['group'],
  async run(context, input) {
    const rows: Row[] = []
    for await (const { message } of lettersOf(context, choiceOf(context, input)))
      rows.push({ origin: originTopicOf(message), ...messageRow(message, context.clock) })
    if (rows.length === 0) await mustExist(context.cluster, input.group, {})
    return table(rows, ['origin', 'queue', 'offset', 'id', 'tag', 'keys', 'stored', 'retries', 'body'])
  },
})

const send = verb('dlq', 'redrive', {
  about: 'send dead letters back; run again it leaves out those that were',
  options: {
    ...letters,
    target: oneOf(
      'retry',
      redriveTargets,
      'to the group alone, or to the topic they came from and all its groups',
    ),
    max: integer(1_000_000_000, COUNT, 'most letters'),
    rate: optionalInteger(RATE, 'letters a second'),
    again: flag('those too that were sent back before'),
    dryRun: flag('only say which'),
  },
  positional: ['group'],
  async run(context, input) {
    const choice = choiceOf(context, input)
    if (input.dryRun) {
      let matched = 0
      for await (const { message } of lettersOf(context, choice)) {
        matched++
        const row: Row = { origin: originTopicOf(message), ...messageRow(message, context.clock) }
        context.print(row, `${row.origin} ${lineOf(row, row.id)}`)
      }
      return record({ matched, redriven: 0, skipped: 0, failed: 0 })
    }
    const { target, rate, again } = input
    const counts = await redrive(context, choice, { target, rate, again })
    if (counts.matched === 0) await mustExist(context.cluster, input.group, {})
    const failure = counts.failed > 0 ? `${counts.failed} letters were not sent: run it again` : undefined
    return { ...record({ ...counts }), failure }
  },
})

const move = verb('group', 'rescue', {
  about: 'move what a group has not consumed of a topic to a topic with more queues',
  options: {
    group: required('group', 'name of the group, whose clients are stopped'),
    topic: required('topic', 'name of the topic'),
    into: text('topic', 'the wide topic: <topic>-rescue unless given'),
    queues: integer(32, { min: 1, max: 65_536 }, 'its queues on each broker, where it is to be made'),
    rate: optionalInteger(RATE, 'messages a second'),
    force: flag('although clients of the group are connected'),
    dryRun: flag('only say how much'),
  },
  positional: ['group', 'topic'],
  async run(context, input) {
    const { group, topic, into = `${topic}-rescue`, queues, rate, force } = input
    const columns = ['broker', 'queue', 'from', 'to', 'moved', 'skipped']
    await mustExist(context.cluster, group, {})
    if (input.dryRun) {
      const backlogs = await backlogsOf(context, group, topic)
      return table(
        backlogs.map(({ queue, from, end }) => {
          return { broker: queue.brokerName, queue: queue.queueId, from, to: end, messages: end - from }
        }),
      )
    }
    const order = { group, topic, into, queueCount: queues, rate, isForced: force }
    return table(await rescue(context, order), columns, `group ${group} finds them in topic ${into}`)
  },
})

/** Dead letters and backlogs. */
export const rescueVerbs: readonly Verb[] = [list, send, move]

function choiceOf(
  { clock }: VerbContext,
  input: {
    readonly group: string
    readonly from: string | undefined
    readonly to: string | undefined
    readonly key: string | undefined
    readonly id: string | undefined
    readonly max: number
  },
): LetterChoice {
  const { group, from, to, key, id, max } = input
  const nowMs = clock.nowMs()
  return {
    ...{ group, key, id, max },
    fromMs: from === undefined ? undefined : timeMs(from, { name: 'from', nowMs }),
    toMs: to === undefined ? undefined : timeMs(to, { name: 'to', nowMs }),
  }
}
