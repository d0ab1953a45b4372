import { ClientError, type ReceivedMessage } from '#ternmq/client/index.ts'
import { readMessages } from '#ternmq/client/received-message.ts'
import { RequestCode } from '#ternmq/protocol/request-code.ts'
import { ResponseCode } from '#ternmq/protocol/response-code.ts'
import { PullSysFlag } from '#ternmq/protocol/sys-flag.ts'
import { parseTagExpression } from '#ternmq/protocol/tag-expression.ts'
import { insist } from '../insist.ts'
import type { FeatureDesk } from './feature-desk.ts'
import type { FeatureTally } from './feature-tally.ts'

const everything = parseTagExpression('*')
const COUNT_MAX = '32'

/** Answers that say that there is nothing yet. */
const nothing: ReadonlySet<number | undefined> = new Set([
  ResponseCode.PULL_NOT_FOUND,
  ResponseCode.PULL_RETRY_IMMEDIATELY,
  ResponseCode.TOPIC_NOT_EXIST,
])

/**
 * Reads the records of a queue in their order, each once, by pulls that the broker may hold. It commits nothing: what it is given twice
 * stands in the log twice.
 */
export class QueueTail {
  readonly #desk: FeatureDesk
  readonly #tally: FeatureTally
  readonly #topic: string
  readonly #queueId: number
  readonly #group: string
  /** Where in the log each record was that has been read, by queue offset. */
  readonly #places: number[] = []

  constructor(
    desk: FeatureDesk,
    tally: FeatureTally,
    queue: { readonly topic: string; readonly queueId: number; readonly group?: string },
  ) {
    this.#desk = desk
    this.#tally = tally
    this.#topic = queue.topic
    this.#queueId = queue.queueId
    this.#group = queue.group ?? 'crash-tail'
  }

  /**
   * The records behind those that have been read.
   * @param waitMs how long the broker may hold the pull when there are none
   * @throws ClientError connectionLost and what else the broker refuses with
   */
  async read(waitMs: number): Promise<ReceivedMessage[]> {
    const messages = await this.#pull(this.#places.length, waitMs)
    for (const { queueOffset, commitLogOffset } of messages) {
      if (queueOffset !== this.#places.length)
        this.#tally.fault('lost', `${this.#name}: ${queueOffset} stands behind ${this.#places.length - 1}`)
      this.#places.push(commitLogOffset)
    }
    return messages
  }

  /** Reads everything once more: what was there is to be there still, and where it was. */
  async recheck(): Promise<void> {
    let next = 0
    while (next < this.#places.length) {
      const messages = await insist(() => this.#pull(next, 0))
      if (messages.length === 0) break
      for (const { queueOffset, commitLogOffset } of messages) {
        const place = this.#places[queueOffset]
        if (queueOffset !== next || (place !== undefined && place !== commitLogOffset))
          this.#tally.fault('lost', `${this.#name}: ${queueOffset} is not the record it was`)
        next = queueOffset + 1
      }
    }
    if (next < this.#places.length)
      this.#tally.fault('lost', `${this.#name}: read up to ${this.#places.length} once, it ends at ${next}`)
  }

  async #pull(queueOffset: number, waitMs: number): Promise<ReceivedMessage[]> {
    const [topic, queueId] = [this.#topic, this.#queueId]
    const sysFlag = PullSysFlag.SUBSCRIPTION | (waitMs > 0 ? PullSysFlag.SUSPEND : 0)
    const extFields = {
      ...{ consumerGroup: this.#group, topic, queueId: String(queueId), queueOffset: String(queueOffset) },
      ...{ maxMsgNums: COUNT_MAX, sysFlag: String(sysFlag), commitOffset: '0', subscription: '*' },
      ...{ suspendTimeoutMillis: String(waitMs), subVersion: '0', expressionType: 'TAG' },
    }
    try {
      const { body } = await this.#desk.ask({ code: RequestCode.PULL_MESSAGE, extFields })
      const queue = { topic, queueId, brokerName: 'broker-a' }
      return readMessages(body, { at: 0, end: body.length }, queue, everything)
    } catch (error) {
      if (!(error instanceof ClientError)) throw error
      if (nothing.has(error.responseCode)) return []
      if (error.responseCode === ResponseCode.PULL_OFFSET_MOVED && queueOffset > 0)
        this.#tally.fault('lost', `${this.#name}: the queue ends before ${queueOffset}`)
      throw error
    }
  }

  get #name(): string {
    return `${this.#topic}/${this.#queueId}`
  }
}
