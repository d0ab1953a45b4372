import type { HeaderScan } from '../protocol/header-scan.ts'
import { PropertyName } from '../protocol/message-properties.ts'
import {
  type PopHandle,
  parseStartOffsets,
  parseWholePopHandle,
  popHandleText,
  popOriginOf,
  popTopicOf,
} from '../protocol/pop-handle.ts'
import { RequestCode } from '../protocol/request-code.ts'
import { ResponseCode } from '../protocol/response-code.ts'
import { clientErrorOf, refusalOf } from './client-error.ts'
import type { ClientInstance } from './client-instance.ts'
import { type ReceivedMessage, readQueues } from './received-message.ts'
import type { Subscription } from './subscription.ts'

/** How much longer than it may be held a pop may take. */
const ANSWER_MS_MAX = 10_000

/** Answers that bring nothing, and are none of the failures. */
const nothing: ReadonlySet<number> = new Set([
  ResponseCode.POLLING_TIMEOUT,
  ResponseCode.POLLING_FULL,
  ResponseCode.PULL_NOT_FOUND,
])

/** A message that was taken for some time, and what it is given back or acknowledged by. */
export interface Popped {
  readonly message: ReceivedMessage
  readonly handle: PopHandle
}

export interface PopOrder {
  readonly group: string
  readonly subscription: Subscription
  readonly max: number
  readonly invisibleMs: number
  /** How long the broker may wait for a message; 0 for not at all. */
  readonly pollMs: number
  readonly isFromEnd: boolean
}

/** The requests of a consumer by pop (protocol/requests.md §3). Every method throws ClientError. */
export class PopRequests {
  readonly #instance: ClientInstance

  constructor(instance: ClientInstance) {
    this.#instance = instance
  }

  /** Takes messages of any queue of a broker for some time. */
  async pop(brokerName: string, address: string, order: PopOrder): Promise<Popped[]> {
    const { heartbeats, host } = this.#instance
    const { group, subscription, max, invisibleMs, pollMs, isFromEnd } = order
    const { topic, data } = subscription
    const connection = await heartbeats.connection(address)
    const extFields = {
      ...{ consumerGroup: group, topic, queueId: '-1', maxMsgNums: String(max) },
      ...{ invisibleTime: String(invisibleMs), pollTime: String(pollMs) },
      ...{ bornTime: String(host.clock.nowMs()), initMode: isFromEnd ? '1' : '0' },
      ...{ expType: data.expressionType, exp: data.subString, order: 'false' },
    }
    return new Promise((resolve, reject) => {
      connection.request({ code: RequestCode.POP_MESSAGE, extFields }, pollMs + ANSWER_MS_MAX, {
        answered: (header, bodyAt, bodyEnd) => {
          try {
            resolve(readPopped(header, { at: bodyAt, end: bodyEnd }, brokerName, subscription))
          } catch (error) {
            reject(clientErrorOf(error))
          }
        },
        failed: (error) => reject(clientErrorOf(error)),
      })
    })
  }

  /** The message is done with. */
  async acknowledge(group: string, popped: Popped): Promise<void> {
    const { address, extFields } = this.#placeOf(group, popped)
    await this.#instance.brokers.call(address, { code: RequestCode.ACK_MESSAGE, extFields })
  }

  /** Nobody is to get the message before this long from now. @returns the handle that it has from then on */
  async changeInvisible(group: string, popped: Popped, invisibleMs: number): Promise<PopHandle> {
    const { address, extFields } = this.#placeOf(group, popped)
    const fields = { ...extFields, invisibleTime: String(invisibleMs) }
    const code = RequestCode.CHANGE_MESSAGE_INVISIBLETIME
    const response = await this.#instance.brokers.call(address, { code, extFields: fields })
    const { popTime, invisibleTime, reviveQid } = response.extFields
    return {
      ...popped.handle,
      ...{ popTimeMs: Number(popTime), invisibleMs: Number(invisibleTime), reviveQueueId: Number(reviveQid) },
    }
  }

  #placeOf(
    group: string,
    { message, handle }: Popped,
  ): { address: string; extFields: Record<string, string> } {
    const { brokerName, queueId, queueOffset, origin } = handle
    const address = this.#instance.routes.addressOf(brokerName, 0)
    if (address === undefined) throw refusalOf({ code: ResponseCode.SYSTEM_ERROR }, `broker ${brokerName}`)
    const extFields = {
      ...{ consumerGroup: group, topic: popTopicOf(message.topic, group, origin), queueId: String(queueId) },
      ...{ extraInfo: popHandleText(handle), offset: String(queueOffset) },
    }
    return { address, extFields }
  }
}

/** @throws ClientError for refusals; MqError for what is damaged */
function readPopped(
  header: HeaderScan,
  range: { at: number; end: number },
  brokerName: string,
  { filter, topic }: Subscription,
): Popped[] {
  if (nothing.has(header.code)) return []
  if (header.code !== ResponseCode.SUCCESS)
    throw refusalOf(header, `pop from ${topic} at broker ${brokerName}`)
  const starts = parseStartOffsets(header.optionalText('startOffsetInfo') ?? '')
  const popTimeMs = header.requiredInteger('popTime')
  const invisibleMs = header.requiredInteger('invisibleTime')
  const reviveQueueId = header.requiredInteger('reviveQid')
  return readQueues(header.buffer, range, brokerName, filter).map((message) => {
    // a message that comes again says itself where it came from
    const own = message.properties.get(PropertyName.POP_CK)
    if (own !== undefined) return { message, handle: parseWholePopHandle(own) }
    const { queue, queueOffset } = message
    const origin = popOriginOf(queue.topic)
    const startOffset = starts.get(`${origin} ${queue.queueId}`) ?? queueOffset
    const place = { origin, brokerName, queueId: queue.queueId, queueOffset }
    return { message, handle: { startOffset, popTimeMs, invisibleMs, reviveQueueId, ...place } }
  })
}
