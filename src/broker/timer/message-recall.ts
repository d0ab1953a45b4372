import { MqError } from '../../base/errors.ts'
import { PropertyName } from '../../protocol/message-properties.ts'
import { isWritable } from '../../protocol/permission.ts'
import { parseRecallHandle } from '../../protocol/recall-handle.ts'
import { appendOutcome } from '../append-promise.ts'
import type { Broker } from '../broker.ts'
import { IncomingMessage } from '../incoming-message.ts'
import { timerDeleteKey } from './timer-message.ts'

/** What RocketMQ puts into the messages that recall others. */
const RECALL_TAG = '_RECALL_TAG_'
const RECALL_BODY = Buffer.from('0')

/** A wish that a timer message be not delivered. */
interface Recall {
  readonly topic: string
  /** See `recallHandleText`. */
  readonly handle: string
  readonly producerGroup: string
  /** As a record has it. */
  readonly bornHost: Buffer
}

/** Recalls timer messages before they are due (RocketMQ's RecallMessageProcessor): a message that deletes another. */
export class MessageRecall {
  readonly #broker: Broker

  constructor(broker: Broker) {
    this.#broker = broker
  }

  /**
   * Resolves when the recall is stored; whether the message was there is not known by then.
   * @returns the unique key of the message
   * @throws MqError noPermission, notWritable, topicNotExist, badHandle, tooLate; messageIllegal when it falls due this second
   */
  async recall({ topic: name, handle: text, producerGroup, bornHost }: Recall): Promise<string> {
    const { host, sender, settings, store, topics } = this.#broker
    if (!settings.recallMessageEnable)
      throw new MqError('noPermission', 'recall failed, operation is forbidden')
    if (!isWritable(settings.brokerPermission))
      throw new MqError('notWritable', 'recall failed, broker service not available')
    const topic = topics.require(name)
    const handle = parseRecallHandle(text)
    if (handle.topic !== name) throw new MqError('badHandle', 'recall failed, topic not match')
    if (handle.brokerName !== settings.brokerName)
      throw new MqError('badHandle', 'recall failed, broker service not available')
    const nowMs = host.clock.nowMs()
    const waitMs = handle.deliverMs - nowMs
    if (waitMs <= 0 || waitMs >= settings.timerMaxDelaySec * 1000)
      throw new MqError('tooLate', 'recall failed, timestamp invalid')
    const message = new IncomingMessage()
    message.topic = topic
    message.bornTimestampMs = nowMs
    message.bornHost = bornHost
    message.body = RECALL_BODY
    message.bodyEnd = RECALL_BODY.length
    const outcome = await appendOutcome((waiter) => {
      sender.properties.begin()
      for (const [property, value] of [
        [PropertyName.TAGS, RECALL_TAG],
        [PropertyName.TIMER_DEL_UNIQKEY, timerDeleteKey(name, handle.messageId)],
        [PropertyName.UNIQ_KEY, handle.messageId],
        [PropertyName.TIMER_DELIVER_MS, String(handle.deliverMs)],
        [PropertyName.BORN_TIMESTAMP, String(nowMs)],
        [PropertyName.PGROUP, producerGroup],
      ] as const) {
        if (value !== '') sender.properties.addPair(property, value)
      }
      sender.prepare(message)
      sender.send(message, waiter, 0)
    })
    if (outcome === 'notWritable')
      throw new MqError('notWritable', store.refusal ?? 'the log cannot be written')
    return handle.messageId
  }
}
