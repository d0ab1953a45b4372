import { messageOf } from '../base/errors.ts'
import { ClientError } from '../client/index.ts'
import type { MessageExt } from '../protocol/message-codec.ts'
import { PropertyName } from '../protocol/message-properties.ts'
import { dlqTopicOf, retryTopicOf } from '../protocol/names.ts'
import { type QueueReader, readersIfThere } from './queue-reader.ts'
import { Pace, placeOf, resend, wasResent } from './resend.ts'
import type { VerbContext } from './verb.ts'

/** Where dead letters go: to the group that buried them, which takes them up at once, or to the topic they came from, and all its groups. */
export const redriveTargets = ['retry', 'origin'] as const

/** Which dead letters are meant; all that is given must fit. */
export interface LetterChoice {
  readonly group: string
  /** Buried at this time or later, and before this one; ms since 1970. */
  readonly fromMs: number | undefined
  readonly toMs: number | undefined
  /** One of the message's keys. */
  readonly key: string | undefined
  /** Its unique id, the id of where it was first, or of where it lies now. */
  readonly id: string | undefined
  readonly max: number
}

/** What was done with the dead letters. */
export interface RedriveCounts {
  /** Of those looked at, the ones that were meant. */
  matched: number
  redriven: number
  /** Those that had been redriven before. */
  skipped: number
  failed: number
}

/** A dead letter, and where it lies. */
interface Letter {
  readonly message: MessageExt
  /** The broker's. */
  readonly address: string
}

/** The dead letters that are meant, oldest first in each queue; those that are buried meanwhile are not looked at. */
export async function* lettersOf(context: VerbContext, choice: LetterChoice): AsyncGenerator<Letter> {
  const { cluster, signal } = context
  const from = choice.fromMs === undefined ? 'begin' : { timestampMs: choice.fromMs }
  const readers = await readersIfThere(cluster, dlqTopicOf(choice.group), { from })
  const ends = await Promise.all(readers.map(({ queue }) => cluster.client.admin.maxOffset(queue)))
  const total = readers.reduce((sum, { offset }, index) => sum + Math.max((ends[index] ?? 0) - offset, 0), 0)
  let [count, seen] = [0, 0]
  for (const [index, reader] of readers.entries()) {
    for await (const message of messagesBefore(reader, ends[index] ?? 0)) {
      if (signal.aborted || count >= choice.max) return
      context.progress(++seen, total, 'dead letters')
      if (!isMeant(message, choice)) continue
      count++
      yield { message, address: reader.address }
    }
  }
}

/**
 * Sends dead letters back. Each copy says what it is made of, so that a letter is sent back once however often this is run: one
 * that was interrupted is run again.
 * @throws ClientError when the letters cannot be read; what cannot be sent is counted
 */
export async function redrive(
  context: VerbContext,
  choice: LetterChoice,
  how: {
    readonly target: (typeof redriveTargets)[number]
    readonly rate: number | undefined
    readonly again: boolean
  },
): Promise<RedriveCounts> {
  const counts = { matched: 0, redriven: 0, skipped: 0, failed: 0 }
  const pace = new Pace(context, how.rate)
  for await (const { message, address } of lettersOf(context, choice)) {
    counts.matched++
    const topic = how.target === 'retry' ? retryTopicOf(choice.group) : originTopicOf(message)
    try {
      if (!how.again && (await wasResent(context.cluster, message, { address, topic }))) counts.skipped++
      else {
        await pace.step()
        // the retry topic's readers are told by this property which topic the message is of
        const drop = how.target === 'retry' ? [] : [PropertyName.RETRY_TOPIC]
        await resend(context.cluster, message, { address, topic, queueId: -1, drop })
        counts.redriven++
      }
    } catch (error) {
      counts.failed++
      const id = message.properties.get(PropertyName.UNIQ_KEY) ?? placeOf(message)
      context.print(
        { id, topic, error: messageOf(error) },
        `${id} could not be sent to ${topic}: ${messageOf(error)}`,
      )
    }
  }
  return counts
}

/** The topic that a dead letter came from first. @throws ClientError notFound when it does not say */
export function originTopicOf({ properties }: MessageExt): string {
  const topic = properties.get(PropertyName.RETRY_TOPIC) ?? properties.get(PropertyName.DLQ_ORIGIN_TOPIC)
  if (topic !== undefined) return topic
  throw new ClientError('notFound', 'the dead letter does not say which topic it came from')
}

async function* messagesBefore(reader: QueueReader, end: number): AsyncGenerator<MessageExt> {
  while (reader.offset < end) {
    const messages = await reader.next()
    if (messages.length === 0) return
    for (const message of messages) if (message.queueOffset < end) yield message
  }
}

function isMeant(
  message: MessageExt,
  { fromMs = 0, toMs = Number.POSITIVE_INFINITY, key, id }: LetterChoice,
): boolean {
  const { properties, storeTimestamp } = message
  if (storeTimestamp < fromMs || storeTimestamp >= toMs) return false
  if (key !== undefined && !properties.get(PropertyName.KEYS)?.split(' ').includes(key)) return false
  const ids = [
    properties.get(PropertyName.UNIQ_KEY),
    properties.get(PropertyName.ORIGIN_MESSAGE_ID),
    placeOf(message),
  ]
  return id === undefined || ids.includes(id)
}
