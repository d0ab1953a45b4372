import { ClientError, type ReceivedMessage } from '#ternmq/client/index.ts'
import { readQueues } from '#ternmq/client/received-message.ts'
import { encodeBatchAcks } from '#ternmq/protocol/batch-ack.ts'
import {
  type PopHandle,
  parseStartOffsets,
  parseWholePopHandle,
  popHandleText,
  popOriginOf,
  popTopicOf,
} from '#ternmq/protocol/pop-handle.ts'
import { RequestCode } from '#ternmq/protocol/request-code.ts'
import { ResponseCode } from '#ternmq/protocol/response-code.ts'
import { parseTagExpression } from '#ternmq/protocol/tag-expression.ts'
import type { FeatureDesk } from './feature-desk.ts'

const BROKER_NAME = 'broker-a'
const everything = parseTagExpression('*')

/** Answers that bring nothing. */
const nothing: ReadonlySet<number | undefined> = new Set([
  ResponseCode.POLLING_TIMEOUT,
  ResponseCode.POLLING_FULL,
  ResponseCode.PULL_NOT_FOUND,
])

/** A message that was popped, and its handle. */
export interface Popped {
  readonly message: ReceivedMessage
  readonly handle: PopHandle
  /** How often an ordered pop has delivered it before. */
  readonly orderCount: number
}

/** Pops from a topic, request by request, so that what was asked and what was answered is known. Every method throws ClientError. */
export class PopPeer {
  readonly #desk: FeatureDesk
  readonly #group: string
  readonly #topic: string
  readonly #isOrdered: boolean

  constructor(
    desk: FeatureDesk,
    parts: { readonly group: string; readonly topic: string; readonly isOrdered: boolean },
  ) {
    this.#desk = desk
    this.#group = parts.group
    this.#topic = parts.topic
    this.#isOrdered = parts.isOrdered
  }

  async pop({
    max,
    invisibleMs,
    pollMs,
  }: {
    max: number
    invisibleMs: number
    pollMs: number
  }): Promise<Popped[]> {
    const extFields = {
      ...{ consumerGroup: this.#group, topic: this.#topic, queueId: '-1', maxMsgNums: String(max) },
      ...{ invisibleTime: String(invisibleMs), pollTime: String(pollMs) },
      ...{ bornTime: String(Date.now()), initMode: '0', expType: 'TAG', exp: '*' },
      order: String(this.#isOrdered),
    }
    try {
      const { body, extFields: answer } = await this.#desk.ask({ code: RequestCode.POP_MESSAGE, extFields })
      return readQueues(body, { at: 0, end: body.length }, BROKER_NAME, everything).map((message) => ({
        message,
        handle: handleOf(message, answer),
        orderCount: orderCountOf(message, answer.orderCountInfo ?? ''),
      }))
    } catch (error) {
      if (error instanceof ClientError && nothing.has(error.responseCode)) return []
      throw error
    }
  }

  async ack(handle: PopHandle): Promise<void> {
    await this.#desk.ask({ code: RequestCode.ACK_MESSAGE, extFields: this.#fieldsOf(handle) })
  }

  async ackTogether(handles: readonly PopHandle[]): Promise<void> {
    const acks = handles.map((handle) => ({
      ...handle,
      ...{ consumerGroup: this.#group, topic: this.#topic },
      offsetDiffs: [handle.queueOffset - handle.startOffset],
    }))
    await this.#desk.ask({ code: RequestCode.BATCH_ACK_MESSAGE, body: encodeBatchAcks(BROKER_NAME, acks) })
  }

  /** @returns the handle that counts from then on */
  async changeInvisible(handle: PopHandle, invisibleMs: number): Promise<PopHandle> {
    const fields = { ...this.#fieldsOf(handle), invisibleTime: String(invisibleMs) }
    const code = RequestCode.CHANGE_MESSAGE_INVISIBLETIME
    const { extFields } = await this.#desk.ask({ code, extFields: fields })
    return { ...handle, ...timesOf(extFields) }
  }

  #fieldsOf(handle: PopHandle): Record<string, string> {
    const { origin, queueId, queueOffset } = handle
    return {
      ...{ consumerGroup: this.#group, topic: popTopicOf(this.#topic, this.#group, origin) },
      ...{ queueId: String(queueId), extraInfo: popHandleText(handle), offset: String(queueOffset) },
    }
  }
}

function handleOf(message: ReceivedMessage, answer: Readonly<Record<string, string>>): PopHandle {
  const own = message.properties.get('POP_CK')
  if (own !== undefined) return parseWholePopHandle(own)
  const { queue, queueOffset } = message
  const { queueId } = queue
  const origin = popOriginOf(queue.topic)
  const startOffset = parseStartOffsets(answer.startOffsetInfo ?? '').get(`${origin} ${queueId}`) ?? 0
  return { ...timesOf(answer), startOffset, origin, brokerName: BROKER_NAME, queueId, queueOffset }
}

/** Of messages that were not delivered before nothing is said. */
function orderCountOf({ queue, queueOffset }: ReceivedMessage, orderCountInfo: string): number {
  const name = `qo${queue.queueId}%${queueOffset}`
  const entry = orderCountInfo.split(';').find((each) => each.split(' ')[1] === name)
  return Number(entry?.split(' ')[2] ?? 0)
}

function timesOf(
  fields: Readonly<Record<string, string>>,
): Pick<PopHandle, 'popTimeMs' | 'invisibleMs' | 'reviveQueueId'> {
  return {
    popTimeMs: Number(fields.popTime),
    invisibleMs: Number(fields.invisibleTime),
    reviveQueueId: Number(fields.reviveQid),
  }
}
