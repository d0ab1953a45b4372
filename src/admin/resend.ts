import { ClientError } from '../client/index.ts'
import { decodeMessages, type MessageExt } from '../protocol/message-codec.ts'
import { offsetMessageIdText } from '../protocol/message-id.ts'
import { PropertyName, propertiesText } from '../protocol/message-properties.ts'
import { SystemGroup } from '../protocol/names.ts'
import { RequestCode } from '../protocol/request-code.ts'
import { ResponseCode } from '../protocol/response-code.ts'
import { MessageSysFlag } from '../protocol/sys-flag.ts'
import type { Cluster } from './cluster.ts'
import { pause, type VerbContext } from './verb.ts'

/** Property of a message that was sent again: the id of the one it is made of, and how often that has been. */
export const COPIED_FROM = 'COPIED_FROM'
export const COPIED_TIMES = 'COPIED_TIMES'

/** Properties that say how a message came to where it lies, and would lead a copy astray. */
const passing: ReadonlySet<string> = new Set([
  ...[PropertyName.TRAN_MSG, PropertyName.DELAY, PropertyName.REAL_TOPIC, PropertyName.REAL_QID],
  ...[PropertyName.RECONSUME_TIME, PropertyName.MAX_RECONSUME_TIMES, PropertyName.WAIT],
  ...[PropertyName.TIMER_DELAY_SEC, PropertyName.TIMER_DELAY_MS, PropertyName.TIMER_DELIVER_MS],
  ...[PropertyName.TIMER_OUT_MS, PropertyName.TIMER_ENQUEUE_MS, PropertyName.TIMER_DEQUEUE_MS],
  ...[PropertyName.TIMER_ROLL_TIMES, PropertyName.DLQ_ORIGIN_TOPIC, PropertyName.DLQ_ORIGIN_MESSAGE_ID],
  ...[PropertyName.POP_CK, PropertyName.FIRST_POP_TIME, PropertyName.CONSUME_START_TIME],
  ...[PropertyName.MSG_REGION, PropertyName.TRACE_ON, PropertyName.CLUSTER, COPIED_FROM, COPIED_TIMES],
])

const KEPT_FLAGS = MessageSysFlag.COMPRESSED | MessageSysFlag.COMPRESSION_MASK | MessageSysFlag.MULTI_TAGS

/** Codes of answers to messages that are stored, if not as surely as asked for. */
const storedCodes: readonly (number | undefined)[] = [
  ResponseCode.FLUSH_DISK_TIMEOUT,
  ResponseCode.FLUSH_SLAVE_TIMEOUT,
  ResponseCode.SLAVE_NOT_AVAILABLE,
]

/** The id that says where a message lies. */
export function placeOf({ storeHost, commitLogOffset }: MessageExt): string {
  return offsetMessageIdText({ host: storeHost, offset: commitLogOffset })
}

/**
 * Sends a message again, as it is, to a topic of the same broker.
 * @param queueId negative: the broker chooses
 * @throws ClientError when it is not stored
 */
export async function resend(
  cluster: Cluster,
  message: MessageExt,
  {
    address,
    topic,
    queueId,
    drop,
  }: { address: string; topic: string; queueId: number; drop: readonly string[] },
): Promise<void> {
  const { bornTimestamp, flag, properties, sysFlag } = message
  const kept = [...properties].filter(([name]) => !passing.has(name) && !drop.includes(name))
  const times = Number(properties.get(COPIED_TIMES) ?? 0) + 1
  const fields = {
    ...{ producerGroup: SystemGroup.CLIENT_INNER_PRODUCER, topic, queueId },
    // no topic is made after a template: one that is gone is an error
    ...{ defaultTopic: topic, defaultTopicQueueNums: 1 },
    ...{
      sysFlag: sysFlag & KEPT_FLAGS,
      bornTimestamp,
      flag,
      reconsumeTimes: 0,
      unitMode: false,
      batch: false,
    },
    properties: propertiesText([...kept, [COPIED_FROM, placeOf(message)], [COPIED_TIMES, String(times)]]),
  }
  try {
    await cluster.broker(address, RequestCode.SEND_MESSAGE, fields, message.body)
  } catch (error) {
    if (!(error instanceof ClientError) || !storedCodes.includes(error.responseCode)) throw error
  }
}

/** Whether a message was sent again to a topic before: the copy names it, and is found by the unique key that both have. */
export async function wasResent(
  cluster: Cluster,
  message: MessageExt,
  { address, topic }: { address: string; topic: string },
): Promise<boolean> {
  const key = message.properties.get(PropertyName.UNIQ_KEY)
  if (key === undefined) return false
  const fields = {
    ...{ topic, key, maxNum: 32, beginTimestamp: 0, endTimestamp: Number.MAX_SAFE_INTEGER },
    _UNIQUE_KEY_QUERY: true,
  }
  try {
    const { body } = await cluster.broker(address, RequestCode.QUERY_MESSAGE, fields)
    return decodeMessages(body).some(({ properties }) => properties.get(COPIED_FROM) === placeOf(message))
  } catch (error) {
    if (error instanceof ClientError && error.code === 'notFound') return false
    throw error
  }
}

/** Keeps work to a number of steps a second. */
export class Pace {
  readonly #context: VerbContext
  readonly #perSecond: number | undefined
  #startMs = Number.NaN
  #steps = 0

  /** @param perSecond undefined: as fast as it goes */
  constructor(context: VerbContext, perSecond: number | undefined) {
    this.#context = context
    this.#perSecond = perSecond
  }

  /** Waits until so many further steps may be taken. */
  async step(count = 1): Promise<void> {
    if (this.#perSecond === undefined) return
    const nowMs = this.#context.clock.monoMs()
    if (Number.isNaN(this.#startMs)) this.#startMs = nowMs
    const waitMs = this.#startMs + (this.#steps * 1000) / this.#perSecond - nowMs
    this.#steps += count
    if (waitMs > 0) await pause(this.#context, waitMs)
  }
}
