import { type ClientConfigCheck, encodeClientConfigCheck } from '../protocol/client-config-check.ts'
import { decodeConsumerList } from '../protocol/consumer-list.ts'
import { decodeLockedQueues, encodeLockBatch } from '../protocol/lock-batch.ts'
import type { MessageQueue } from '../protocol/message-queue.ts'
import type { CommandParts, RemotingCommand } from '../protocol/remoting-command.ts'
import { RequestCode } from '../protocol/request-code.ts'
import { ResponseCode } from '../protocol/response-code.ts'
import type { RemotingClient } from '../remoting/remoting-client.ts'
import { ClientError, clientErrorOf, refusalOf } from './client-error.ts'
import type { RouteCache } from './route-cache.ts'

/** How long a broker may take over a request that is neither a send nor a pull. */
export const REQUEST_TIMEOUT_MS = 3000

/** Which end of equal times is meant by an offset of a time. */
export type Boundary = 'LOWER' | 'UPPER'

/** A message that its consumer gives back. */
export interface SendBack {
  readonly group: string
  readonly queue: MessageQueue
  readonly commitLogOffset: number
  readonly messageId: string
  readonly originTopic: string
  /** 0: the broker decides; -1: it goes to the dead-letter queue. */
  readonly delayLevel: number
  /** How often it may be given back before it is buried. */
  readonly reconsumeTimesMax: number
}

/** How a transaction has ended. */
export interface EndTransaction {
  readonly producerGroup: string
  readonly topic: string
  readonly messageId: string
  /** Where the half message is in the log, and in the queue of half messages. */
  readonly commitLogOffset: number
  readonly halfQueueOffset: number
  /** `MessageSysFlag` COMMIT or ROLLBACK; 0 for unknown. */
  readonly outcomeFlag: number
  /** Whether the broker has asked for it. */
  readonly isCheck: boolean
}

/** The requests that clients send to brokers beside messages and pulls. Every method throws ClientError. */
export class BrokerRequests {
  readonly #remoting: RemotingClient
  readonly #routes: RouteCache

  constructor(remoting: RemotingClient, routes: RouteCache) {
    this.#remoting = remoting
    this.#routes = routes
  }

  async maxOffset(queue: MessageQueue): Promise<number> {
    return this.#offset(RequestCode.GET_MAX_OFFSET, queue, {})
  }

  async minOffset(queue: MessageQueue): Promise<number> {
    return this.#offset(RequestCode.GET_MIN_OFFSET, queue, {})
  }

  /** The first message stored at `timestampMs` or later; the end of the queue if there is none. */
  async searchOffset(
    queue: MessageQueue,
    timestampMs: number,
    boundary: Boundary = 'LOWER',
  ): Promise<number> {
    const fields = { timestamp: String(timestampMs), boundaryType: boundary }
    return this.#offset(RequestCode.SEARCH_OFFSET_BY_TIMESTAMP, queue, fields)
  }

  /** What a group has committed; undefined when it has not. */
  async committedOffset(group: string, queue: MessageQueue): Promise<number | undefined> {
    return this.#committed(queue, { consumerGroup: group, setZeroIfNotFound: 'false' })
  }

  /**
   * Where a group is to begin by the broker's word: what it has committed, else 0 in a queue whose first
   * message is still in memory; undefined when the broker leaves it to the client.
   */
  async startOffset(group: string, queue: MessageQueue): Promise<number | undefined> {
    return this.#committed(queue, { consumerGroup: group })
  }

  async commitOffset(group: string, queue: MessageQueue, offset: number): Promise<void> {
    const extFields = { ...queueFields(queue), consumerGroup: group, commitOffset: String(offset) }
    await this.call(this.#masterOf(queue), { code: RequestCode.UPDATE_CONSUMER_OFFSET, extFields })
  }

  /** Asks whether a broker can filter by an expression. @throws ClientError subscriptionParseFailed, refused */
  async checkSubscription(address: string, check: ClientConfigCheck): Promise<void> {
    const body = encodeClientConfigCheck(check)
    await this.call(address, { code: RequestCode.CHECK_CLIENT_CONFIG, body })
  }

  /** The clients of a group that a broker of the topic knows; empty when there is none. */
  async consumerIds(group: string, address: string): Promise<string[]> {
    const extFields = { consumerGroup: group }
    const command = { code: RequestCode.GET_CONSUMER_LIST_BY_GROUP, extFields }
    const response = await this.#invoke(address, command)
    // a group without clients is answered by code 1 (protocol/pitfalls.md 7)
    if (response.code === ResponseCode.SYSTEM_ERROR) return []
    if (response.code !== ResponseCode.SUCCESS) throw refusalOf(response, `consumers of group ${group}`)
    return decodeConsumerList(response.body)
  }

  /** Takes queues of one broker for this client alone. @returns those that it has now */
  async lock(group: string, clientId: string, queues: readonly MessageQueue[]): Promise<MessageQueue[]> {
    const first = queues[0]
    if (!first) return []
    const body = encodeLockBatch({ consumerGroup: group, clientId, onlyThisBroker: false, queues })
    const response = await this.call(this.#masterOf(first), { code: RequestCode.LOCK_BATCH_MQ, body })
    return decodeLockedQueues(response.body)
  }

  /** Gives queues of one broker to others. */
  async unlock(group: string, clientId: string, queues: readonly MessageQueue[]): Promise<void> {
    const first = queues[0]
    if (!first) return
    const body = encodeLockBatch({ consumerGroup: group, clientId, onlyThisBroker: false, queues })
    await this.call(this.#masterOf(first), { code: RequestCode.UNLOCK_BATCH_MQ, body })
  }

  /** Says that a client has left a group. */
  async unregister(
    address: string,
    who: { clientId: string; consumerGroup?: string; producerGroup?: string },
  ): Promise<void> {
    const { clientId: clientID, consumerGroup, producerGroup } = who
    const extFields = {
      clientID,
      ...(consumerGroup !== undefined && { consumerGroup }),
      ...(producerGroup !== undefined && { producerGroup }),
    }
    await this.call(address, { code: RequestCode.UNREGISTER_CLIENT, extFields })
  }

  /** Has the broker deliver a message to the group again, later, or bury it. */
  async sendBack(message: SendBack): Promise<void> {
    const extFields = {
      group: message.group,
      offset: String(message.commitLogOffset),
      delayLevel: String(message.delayLevel),
      originMsgId: message.messageId,
      originTopic: message.originTopic,
      unitMode: 'false',
      maxReconsumeTimes: String(message.reconsumeTimesMax),
    }
    await this.call(this.#masterOf(message.queue), { code: RequestCode.CONSUMER_SEND_MSG_BACK, extFields })
  }

  /**
   * Says how a transaction has ended. Done when the broker has taken it; where it has asked, or hears that nobody
   * knows, it does not answer (protocol/requests.md §2): done when it is on its way.
   */
  async endTransaction(address: string, end: EndTransaction): Promise<void> {
    const extFields = {
      producerGroup: end.producerGroup,
      topic: end.topic,
      tranStateTableOffset: String(end.halfQueueOffset),
      commitLogOffset: String(end.commitLogOffset),
      commitOrRollback: String(end.outcomeFlag),
      fromTransactionCheck: String(end.isCheck),
      msgId: end.messageId,
      transactionId: end.messageId,
    }
    const command = { code: RequestCode.END_TRANSACTION, extFields }
    if (end.isCheck || end.outcomeFlag === 0) await this.#remoting.sendOneway(address, command)
    else await this.call(address, command)
  }

  /** Calls a message back that is not delivered yet. @returns its id */
  async recall(address: string, fields: Readonly<Record<string, string>>): Promise<string> {
    const response = await this.call(address, { code: RequestCode.RECALL_MESSAGE, extFields: fields })
    return response.extFields.msgId ?? ''
  }

  /** Sends a request and takes every answer but SUCCESS for a failure. */
  async call(address: string, command: Omit<CommandParts, 'opaque'>): Promise<RemotingCommand> {
    const response = await this.#invoke(address, command)
    if (response.code !== ResponseCode.SUCCESS) throw refusalOf(response, `broker ${address}`)
    return response
  }

  async #invoke(address: string, command: Omit<CommandParts, 'opaque'>): Promise<RemotingCommand> {
    try {
      return await this.#remoting.invoke(address, command, REQUEST_TIMEOUT_MS)
    } catch (error) {
      throw clientErrorOf(error)
    }
  }

  async #committed(queue: MessageQueue, fields: Record<string, string>): Promise<number | undefined> {
    try {
      return await this.#offset(RequestCode.QUERY_CONSUMER_OFFSET, queue, fields)
    } catch (error) {
      if (clientErrorOf(error).code === 'notFound') return undefined
      throw error
    }
  }

  async #offset(code: number, queue: MessageQueue, fields: Record<string, string>): Promise<number> {
    const extFields = { ...queueFields(queue), ...fields }
    const response = await this.call(this.#masterOf(queue), { code, extFields })
    const offset = Number(response.extFields.offset ?? Number.NaN)
    if (Number.isSafeInteger(offset)) return offset
    throw new ClientError('badBody', `queue ${queue.queueId} of ${queue.topic}: the broker names no offset`)
  }

  #masterOf(queue: MessageQueue): string {
    const address = this.#routes.masterOf(queue.brokerName)
    if (address !== undefined) return address
    throw new ClientError('connectionLost', `no address of broker ${queue.brokerName} is known`)
  }
}

function queueFields({ topic, queueId }: MessageQueue): Record<string, string> {
  return { topic, queueId: String(queueId) }
}
