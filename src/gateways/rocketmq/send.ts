import { MqError } from '../../base/errors.ts'
import type { Broker } from '../../broker/broker.ts'
import { IncomingMessage } from '../../broker/incoming-message.ts'
import { INCOMING_PROPERTIES_BYTES_MAX } from '../../broker/stored-properties.ts'
import type { Topic } from '../../broker/topic-table.ts'
import { ClientVersion } from '../../protocol/client-version.ts'
import type { HeaderScan } from '../../protocol/header-scan.ts'
import { BatchWalk } from '../../protocol/message-batch.ts'
import { PropertyName } from '../../protocol/message-properties.ts'
import { checkTopicToSend, isDlqTopic, isRetryTopic } from '../../protocol/names.ts'
import { isWritable } from '../../protocol/permission.ts'
import { RequestCode } from '../../protocol/request-code.ts'
import type { RemotingConnection } from '../../remoting/remoting-connection.ts'
import type { FastHandler } from '../../remoting/request-dispatcher.ts'
import { BatchAnswer } from './batch-answer.ts'
import { DoorPeer } from './door-peer.ts'
import { KeyedBatchAnswer } from './keyed-batch-answer.ts'
import { KnownTopics } from './known-topics.ts'
import { type SendAnswerForm, SendAnswers } from './send-answers.ts'
import { SendFields, sendFields } from './send-fields.ts'
import { TimerAnswer } from './timer-answer.ts'

/** SEND_MESSAGE, SEND_MESSAGE_V2 and SEND_BATCH_MESSAGE (protocol/requests.md §2), from bytes to the store without an object per message. */
export function sendHandlers(broker: Broker, form: SendAnswerForm): Readonly<Record<number, FastHandler>> {
  const sends = new SendHandler(broker, form)
  return {
    [RequestCode.SEND_MESSAGE]: sends.one,
    [RequestCode.SEND_MESSAGE_V2]: sends.one,
    [RequestCode.SEND_BATCH_MESSAGE]: sends.batch,
  }
}

class SendHandler {
  readonly #broker: Broker
  readonly #form: SendAnswerForm
  readonly #fields = new SendFields()
  readonly #message = new IncomingMessage()
  readonly #walk = new BatchWalk()
  readonly #knownTopics = new KnownTopics()

  constructor(broker: Broker, form: SendAnswerForm) {
    this.#broker = broker
    this.#form = form
  }

  readonly one: FastHandler = (connection, header, bodyAt, bodyEnd) => {
    const { sender, counters } = this.#broker
    const peer = DoorPeer.of(connection, this.#form)
    const message = this.#begin(peer, header)
    message.flag = this.#fields.integer(sendFields.flag)
    message.bodyAt = bodyAt
    message.bodyEnd = bodyEnd
    sender.properties.begin()
    this.#addHeaderProperties(header)
    sender.prepare(message)
    if (header.isOneway) sender.send(message, undefined, 0)
    else this.#sendAnswered(connection, peer, header.opaque)
    counters.put++
    counters.putBytes += bodyEnd - bodyAt
  }

  readonly batch: FastHandler = (connection, header, bodyAt, bodyEnd) => {
    const { sender, counters } = this.#broker
    const peer = DoorPeer.of(connection, this.#form)
    const message = this.#begin(peer, header)
    const topic = message.topic as Topic
    if (topic.isRetry)
      throw new MqError('messageIllegal', `a batch cannot go to the retry topic ${topic.name}`)
    const { count, uniqueKey } = this.#checkBatch(header, bodyAt, bodyEnd)
    const { opaque } = header
    const isKeyed = sender.dedup !== undefined && !header.isOneway
    const keyed = isKeyed
      ? new KeyedBatchAnswer(connection, this.#form, { opaque, uniqueKey, count })
      : undefined
    const whole =
      header.isOneway || isKeyed ? undefined : new BatchAnswer(connection, this.#form, opaque, uniqueKey)
    if (!header.isOneway) connection.began()
    const walk = this.#walk
    walk.begin(header.buffer, bodyAt, bodyEnd)
    for (let index = 0; walk.next(); index++) {
      message.flag = walk.flag
      message.bodyAt = walk.bodyAt
      message.bodyEnd = walk.bodyEnd
      // the answer waits for the last: they are stored together
      const waiter = keyed ?? (index === count - 1 ? whole : undefined)
      const physicalOffset = sender.sendInBatch(message, walk.propertiesAt, walk.propertiesEnd, waiter, index)
      whole?.add(physicalOffset)
    }
    counters.put += count
    counters.putBytes += bodyEnd - bodyAt
  }

  /** Where the message goes and what it is, in the order of checks of protocol/requests.md §2. */
  #begin(peer: DoorPeer, header: HeaderScan): IncomingMessage {
    const { sender, settings } = this.#broker
    const fields = this.#fields
    fields.begin(header)
    const topic = this.#topicOf(peer, header)
    if (!isWritable(settings.brokerPermission) && topic.config.order) {
      throw new MqError('noPermission', `the broker is not writable, and topic ${topic.name} is ordered`)
    }
    const message = this.#message
    message.topic = topic
    message.queueId = sender.queueIdOf(topic, fields.integer(sendFields.queueId))
    message.sysFlag = fields.integer(sendFields.sysFlag)
    message.bornTimestampMs = fields.integer(sendFields.bornTimestamp)
    message.bornHost = peer.bornHost
    message.reconsumeTimes = fields.optionalInteger(sendFields.reconsumeTimes, 0)
    if (topic.isRetry) {
      // earlier clients send a limit without a meaning
      const hasLimit = header.version >= ClientVersion.V3_4_9
      message.reconsumeTimesMax = hasLimit
        ? fields.optionalInteger(sendFields.maxReconsumeTimes, undefined)
        : undefined
    }
    message.body = header.buffer
    return message
  }

  #topicOf(peer: DoorPeer, header: HeaderScan): Topic {
    const last = peer.lastTopic
    const index = this.#fields.find(sendFields.topic)
    if (last && !last.isDeleted && index >= 0 && header.valueEquals(index, last.queues.topicBytes))
      return last
    const known = index >= 0 ? this.#knownTopics.find(header, index) : undefined
    const topic = known ?? this.#topicNamed(this.#fields.text(sendFields.topic))
    peer.lastTopic = topic
    return topic
  }

  #topicNamed(name: string): Topic {
    checkTopicToSend(name)
    const topic = this.#broker.topics.get(name) ?? this.#topicToMake(name)
    this.#knownTopics.note(topic)
    return topic
  }

  #topicToMake(name: string): Topic {
    const { retry, topics } = this.#broker
    const fields = this.#fields
    if (isRetryTopic(name) || isDlqTopic(name)) return retry.topicForSend(name)
    return topics.forSend(
      name,
      fields.text(sendFields.defaultTopic),
      fields.integer(sendFields.defaultTopicQueueNums),
      fields.boolean(sendFields.unitMode),
    )
  }

  #sendAnswered(connection: RemotingConnection, peer: DoorPeer, opaque: number): void {
    const { sender } = this.#broker
    const timerOutMs = sender.diversion?.timerOutMs
    if (timerOutMs !== undefined && !this.#message.topic?.isRetry) {
      this.#sendTimer(connection, opaque, timerOutMs)
      return
    }
    const token = SendAnswers.token(opaque, sender.uniqueKeyFromEnd, sender.uniqueKeyBytes)
    sender.send(this.#message, peer.answers, token)
    connection.began()
  }

  /** A timer message is answered with what recalls it. */
  #sendTimer(connection: RemotingConnection, opaque: number, timerOutMs: number): void {
    const { sender } = this.#broker
    const handle = {
      topic: this.#message.topicName,
      // the time is of the second in which the message falls due
      ...{ deliverMs: timerOutMs + 1, messageId: sender.uniqueKey },
    }
    sender.send(this.#message, new TimerAnswer(connection, this.#form, opaque, handle), 0)
    connection.began()
  }

  #addHeaderProperties(header: HeaderScan): void {
    const { properties } = this.#broker.sender
    const index = this.#fields.find(sendFields.properties)
    if (index < 0) return
    const at = header.valueAt(index)
    const end = header.valueEnd(index)
    if (header.isEscaped(index)) properties.addEscaped(header.buffer, at, end)
    else properties.add(header.buffer, at, end)
  }

  /**
   * Walks the whole batch before any of it is stored: it is stored whole or not at all.
   * @returns how many messages it has, and the unique key that its header gives all of them
   */
  #checkBatch(
    header: HeaderScan,
    bodyAt: number,
    bodyEnd: number,
  ): { count: number; uniqueKey: string | undefined } {
    const { sender, settings } = this.#broker
    const bodyBytes = bodyEnd - bodyAt
    if (bodyBytes > settings.maxMessageSize) {
      throw new MqError(
        'badBody',
        `a batch of ${bodyBytes} bytes, more than maxMessageSize ${settings.maxMessageSize}`,
      )
    }
    sender.properties.begin()
    this.#addHeaderProperties(header)
    sender.properties.share()
    sender.checkBatchProperties(this.#message)
    const { shared } = sender.properties
    const addedBytes = sender.properties.end + sender.properties.ownBytes + 2
    const addedCount = shared.count + 1
    const walk = this.#walk
    walk.begin(header.buffer, bodyAt, bodyEnd)
    let count = 0
    while (walk.next()) {
      count++
      const propertiesBytes = walk.propertiesEnd - walk.propertiesAt
      if (walk.bodyEnd === walk.bodyAt)
        throw new MqError('badBody', 'a message of the batch has an empty body')
      if (propertiesBytes + addedBytes > INCOMING_PROPERTIES_BYTES_MAX) {
        throw new MqError(
          'messageIllegal',
          `a message of the batch has properties of ${propertiesBytes} bytes`,
        )
      }
      sender.checkProperties(header.buffer, walk.propertiesAt, walk.propertiesEnd, addedCount)
    }
    if (count === 0) throw new MqError('badBody', 'the batch holds no message')
    sender.beginBatch(this.#message, count, bodyBytes + count * addedBytes)
    return { count, uniqueKey: shared.optionalText(PropertyName.UNIQ_KEY) }
  }
}
