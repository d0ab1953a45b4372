import { messageOf } from '../base/errors.ts'
import { PropertyName } from '../protocol/message-properties.ts'
import { dlqTopicOf, retryTopicOf, SystemGroup } from '../protocol/names.ts'
import { MessageSysFlag } from '../protocol/sys-flag.ts'
import { ClientError, clientErrorOf } from './client-error.ts'
import type { ClientInstance } from './client-instance.ts'
import { checkPropertiesLength, type PreparedMessage, pair } from './prepared-message.ts'
import type { ReceivedMessage } from './received-message.ts'
import { Sender } from './sender.ts'

const TIMEOUT_MS = 3000

/** Level at which a message is tried again first, where this client has to say it. */
const FIRST_LEVEL = 3

/** Properties that say how a message came here, and not what it is. */
const passingProperties: ReadonlySet<string> = new Set([
  PropertyName.TRAN_MSG,
  PropertyName.RECONSUME_TIME,
  PropertyName.MAX_RECONSUME_TIMES,
  PropertyName.DELAY,
  PropertyName.REAL_TOPIC,
  PropertyName.REAL_QID,
  PropertyName.MSG_REGION,
  PropertyName.TRACE_ON,
  PropertyName.CLUSTER,
])

/** Gives messages back to the broker, to be delivered to the group again or buried. */
export class SendBackDesk {
  readonly #instance: ClientInstance
  readonly #group: string
  readonly #reconsumeTimesMax: number
  readonly #sender: Sender

  /** @param reconsumeTimesMax how often a message may be given back before it is buried */
  constructor(instance: ClientInstance, group: string, reconsumeTimesMax: number) {
    this.#instance = instance
    this.#group = group
    this.#reconsumeTimesMax = reconsumeTimesMax
    this.#sender = new Sender(instance, {
      group: SystemGroup.CLIENT_INNER_PRODUCER,
      retries: 2,
      isAvoidingSlow: true,
      countMax: 256,
      bytesMax: 8 * 1024 * 1024,
    })
  }

  /**
   * Asks the broker to put the message by. If that fails the message is sent again, to the group's retry
   * topic or its dead-letter queue.
   * @param delayLevel 0: the broker decides; -1: to be buried
   * @throws ClientError notSupported by brokers that know of no delay, whatever else went wrong by others:
   *   the message is where it was
   */
  async giveBack(message: ReceivedMessage, delayLevel: number): Promise<void> {
    const { brokers, host } = this.#instance
    try {
      await brokers.sendBack({
        group: this.#group,
        queue: message.queue,
        commitLogOffset: message.commitLogOffset,
        messageId: message.offsetMessageId,
        originTopic: message.topic,
        delayLevel,
        reconsumeTimesMax: this.#reconsumeTimesMax,
      })
    } catch (error) {
      const isUnknown = clientErrorOf(error).code === 'notSupported'
      // sent again without a delay it would be back at once, and so on without end
      if (isUnknown && delayLevel >= 0) throw error
      const fields = { group: this.#group, messageId: message.messageId, error: messageOf(error) }
      host.log.warn(fields, 'a message could not be given back; it is sent again instead')
      await this.#sendAgain(
        message,
        delayLevel,
        isUnknown ? dlqTopicOf(this.#group) : retryTopicOf(this.#group),
      )
    }
  }

  async close(): Promise<void> {
    await this.#sender.close()
  }

  async #sendAgain(message: ReceivedMessage, delayLevel: number, topic: string): Promise<void> {
    const copy = retryCopyOf(message, { topic, delayLevel, reconsumeTimesMax: this.#reconsumeTimesMax })
    const order = { selector: undefined, timeoutMs: TIMEOUT_MS, signal: undefined }
    const { status } = await this.#sender.send(copy, order)
    if (status !== 'SEND_OK') {
      this.#instance.host.log.warn({ group: this.#group, status }, 'a message given back is stored unsurely')
    }
  }
}

/** The message as RocketMQ's clients send it to a group's retry topic when a broker does not take it back. */
export function retryCopyOf(
  message: ReceivedMessage,
  { topic, delayLevel, reconsumeTimesMax }: { topic: string; delayLevel: number; reconsumeTimesMax: number },
): PreparedMessage {
  const { properties, reconsumeTimes } = message
  let text = ''
  for (const [name, value] of properties) if (!passingProperties.has(name)) text += pair(name, value)
  if (!properties.has(PropertyName.RETRY_TOPIC)) text += pair(PropertyName.RETRY_TOPIC, message.topic)
  if (!properties.has(PropertyName.ORIGIN_MESSAGE_ID)) {
    text += pair(PropertyName.ORIGIN_MESSAGE_ID, message.offsetMessageId)
  }
  const level = delayLevel > 0 ? delayLevel : FIRST_LEVEL + reconsumeTimes
  if (delayLevel >= 0) text += pair(PropertyName.DELAY, String(level))
  checkPropertiesLength(text)
  if (message.storedBody.length === 0) throw new ClientError('messageIllegal', 'a message without a body')
  return {
    topic,
    body: message.storedBody,
    sysFlag: message.sysFlag & (MessageSysFlag.COMPRESSED | MessageSysFlag.COMPRESSION_MASK),
    flag: message.flag,
    properties: text,
    ids: [message.messageId],
    kind: 'message',
    isTimed: false,
    // the broker buries what was given back more often than the group may
    reconsumeTimes: delayLevel < 0 ? reconsumeTimesMax + 1 : reconsumeTimes + 1,
    reconsumeTimesMax,
  }
}
