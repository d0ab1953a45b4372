import type { MessageExt } from '../protocol/message-codec.ts'
import { PropertyName } from '../protocol/message-properties.ts'
import { isSystemTopic } from '../protocol/names.ts'
import { RequestCode } from '../protocol/request-code.ts'
import { matchesTag, parseTagExpression } from '../protocol/tag-expression.ts'
import { decodeTopicStats } from '../protocol/topic-stats.ts'
import { runtimeInfo } from './broker-verbs.ts'
import { lineOf, messageRow } from './message-text.ts'
import { integer, moment, optionalInteger, required, text, textOr, timeMs } from './option.ts'
import { type QueueReader, readersOf } from './queue-reader.ts'
import { systemTopics, topicsOf } from './topic-verbs.ts'
import { done, pause, type Row, table, type Verb, type VerbContext, verb } from './verb.ts'

const POLL_MS = 200
const COUNT = { min: 1, max: Number.MAX_SAFE_INTEGER }

const tail = verb('', 'tail', {
  about: 'print messages of a topic as they come, without touching any group',
  options: {
    topic: required('topic', 'name of the topic'),
    tags: textOr('*', 'expression', 'such as A || B'),
    grep: text('text', 'only messages whose body or keys hold this'),
    from: moment('begin with messages stored at this time instead of those to come'),
    broker: text('broker', 'this broker only'),
    queue: optionalInteger({ min: 0, max: 65_536 }, 'this queue only'),
    max: optionalInteger(COUNT, 'end after so many'),
  },
  positional: ['topic'],
  async run(context, input) {
    const { cluster, clock, signal } = context
    const from =
      input.from === undefined
        ? 'end'
        : { timestampMs: timeMs(input.from, { name: 'from', nowMs: clock.nowMs() }) }
    const readers = await readersOf(cluster, input.topic, {
      broker: input.broker,
      queueId: input.queue,
      from,
    })
    const tags = parseTagExpression(input.tags)
    let shown = 0
    while (!signal.aborted) {
      let isQuiet = true
      for await (const { brokerName, message } of lookAt(readers)) {
        isQuiet = false
        const row = messageRow(message, clock, { isWhole: true })
        if (!matchesTag(tags, message.properties.get(PropertyName.TAGS)) || !holds(row, input.grep)) continue
        context.print(row, `${brokerName}/${lineOf(row)}`)
        if (++shown === input.max) return done(`${shown} messages`)
      }
      if (isQuiet) await pause(context, POLL_MS)
    }
    return done(`${shown} messages`)
  },
})

const top = verb('', 'top', {
  about: 'watch brokers and their busiest topics',
  options: {
    intervalSeconds: integer(2, { min: 1, max: 3600 }, 'seconds between two looks'),
    times: optionalInteger(COUNT, 'end after so many looks'),
    topics: integer(15, { min: 1, max: 1000 }, 'topics shown'),
  },
  async run(context, { intervalSeconds, times, topics }) {
    let before = await ends(context)
    let looks = 0
    while (!context.signal.aborted) {
      await pause(context, intervalSeconds * 1000)
      const now = await ends(context)
      context.redraw(
        table(busiest(before, now).slice(0, topics), ['topic', 'in/s', 'end'], await brokersText(context)),
      )
      before = now
      if (++looks === times) break
    }
    return done(`${looks} looks`)
  },
})

export const liveVerbs: readonly Verb[] = [tail, top]

/** What has come to each queue since the last look. */
async function* lookAt(
  readers: readonly QueueReader[],
): AsyncGenerator<{ brokerName: string; message: MessageExt }> {
  for (const reader of readers) {
    const { brokerName } = reader.queue
    for (const message of await reader.next()) yield { brokerName, message }
  }
}

function holds(row: Row, wanted: string | undefined): boolean {
  return wanted === undefined || String(row.body).includes(wanted) || String(row.keys).includes(wanted)
}

/** Where each topic ends at a moment: the sum of its queues. */
interface Ends {
  readonly atMs: number
  readonly byTopic: ReadonlyMap<string, number>
}

async function ends({ cluster, clock }: VerbContext): Promise<Ends> {
  const byTopic = new Map<string, number>()
  const own = await systemTopics(cluster)
  for (const { address } of await cluster.masters()) {
    for (const topic of (await topicsOf(cluster, address)).keys()) {
      if (isSystemTopic(topic) || own.has(topic)) continue
      const { body } = await cluster.broker(address, RequestCode.GET_TOPIC_STATS_INFO, { topic })
      for (const { maxOffset } of decodeTopicStats(body).offsetTable.values())
        byTopic.set(topic, (byTopic.get(topic) ?? 0) + maxOffset)
    }
  }
  return { atMs: clock.monoMs(), byTopic }
}

function busiest(before: Ends, now: Ends): Row[] {
  const seconds = Math.max(now.atMs - before.atMs, 1) / 1000
  return [...now.byTopic]
    .map(([topic, end]) => ({
      topic,
      'in/s': Math.round((end - (before.byTopic.get(topic) ?? 0)) / seconds),
      end,
    }))
    .toSorted((one, other) => other['in/s'] - one['in/s'] || other.end - one.end)
}

async function brokersText({ cluster }: VerbContext): Promise<string> {
  const lines: string[] = []
  for (const { brokerName, address } of await cluster.masters()) {
    const info = await runtimeInfo(cluster, address)
    const [inTps, outTps] = ['putTps', 'getTransferredTps'].map((name) =>
      Math.round(Number(info.get(name)?.split(' ')[0] ?? 0)),
    )
    lines.push(
      `${brokerName} ${address}: in ${inTps}/s, out ${outTps}/s, disk ${info.get('commitLogDiskRatio')}`,
    )
  }
  return lines.join('\n')
}
