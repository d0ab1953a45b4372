import { messageOf } from '../../base/errors.ts'
import type { Broker } from '../../broker/broker.ts'
import { IncomingMessage } from '../../broker/incoming-message.ts'
import type { HostAddress } from '../../protocol/host-address.ts'
import { hostBytes } from '../../protocol/message-codec.ts'
import { PropertyName, parseProperties, propertiesText } from '../../protocol/message-properties.ts'
import { checkTopicToSend } from '../../protocol/names.ts'
import type { HandlerFamily, Reply, Request } from '../../protocol/request.ts'
import { RequestCode } from '../../protocol/request-code.ts'
import { ResponseCode } from '../../protocol/response-code.ts'
import type { AppendWaiter } from '../../store/pending-appends.ts'
import type { ClientCalls } from './connections.ts'
import { type SendAnswerForm, sendErrorFields } from './send-answers.ts'
import { sendField, sendInteger } from './send-fields.ts'

/** How long a client may take to take a reply (Broker2Client.callClient). */
const PUSH_TIMEOUT_MS = 10_000

/** Fields that the client who waits is told as the one who replies has said them, by their long names. */
const PASSED_ON = [
  ...['producerGroup', 'topic', 'defaultTopic', 'defaultTopicQueueNums', 'queueId', 'sysFlag'],
  ...['bornTimestamp', 'flag', 'reconsumeTimes', 'unitMode'],
] as const

/** Where a reply is stored; undefined when it is not. */
type Place =
  | { readonly queueId: number; readonly queueOffset: number; readonly physicalOffset: number }
  | undefined

/**
 * Replies to requests (protocol/requests.md §2, 324 to 326): pushed to the client that waits, whose id the reply names, and stored beside.
 * The answer says whether the client has taken it; whether it is stored changes nothing (RocketMQ's ReplyMessageProcessor).
 */
export function replyHandlers(broker: Broker, calls: ClientCalls, form: SendAnswerForm): HandlerFamily {
  const message = new IncomingMessage()
  const handler = async (request: Request): Promise<Reply> => {
    fill(message, request, broker)
    const { queueId } = message
    const storing = broker.settings.storeReplyMessageEnable ? store(broker, message, request) : undefined
    const [failure, place] = await Promise.all([push(broker, calls, request), storing])
    const { queueOffset = 0, physicalOffset = undefined } = place ?? {}
    const stored = {
      msgId: physicalOffset === undefined ? '0' : form.messageId(physicalOffset),
      queueId: String(queueId),
      queueOffset: String(queueOffset),
    }
    const extFields = { ...stored, ...sendErrorFields(broker) }
    return failure === undefined
      ? { extFields }
      : { code: ResponseCode.SYSTEM_ERROR, remark: failure, extFields }
  }
  return { [RequestCode.SEND_REPLY_MESSAGE]: handler, [RequestCode.SEND_REPLY_MESSAGE_V2]: handler }
}

/** @throws MqError invalidParameter, noPermission, topicNotExist */
function fill(message: IncomingMessage, request: Request, { sender, topics }: Broker): void {
  const name = sendField(request, 'topic') ?? request.text('topic')
  checkTopicToSend(name)
  message.topic = topics.forSend(
    name,
    sendField(request, 'defaultTopic') ?? '',
    sendInteger(request, 'defaultTopicQueueNums', 0),
  )
  message.queueId = sender.queueIdOf(message.topic, sendInteger(request, 'queueId', 0))
  message.sysFlag = sendInteger(request, 'sysFlag', 0)
  message.flag = sendInteger(request, 'flag', 0)
  message.bornTimestampMs = sendInteger(request, 'bornTimestamp', 0)
  message.bornHost = hostBytes(remoteOf(request))
  message.reconsumeTimes = sendInteger(request, 'reconsumeTimes', 0)
  message.body = request.body
  message.bodyAt = 0
  message.bodyEnd = request.body.length
}

function remoteOf({ peer: { address } }: Request): HostAddress {
  const colon = address.lastIndexOf(':')
  return { ip: address.slice(0, colon), port: Number(address.slice(colon + 1)) }
}

/** Stores the reply. @returns where, when the log has it */
async function store(
  { counters, host, sender }: Broker,
  message: IncomingMessage,
  request: Request,
): Promise<Place> {
  const properties = Buffer.from(sendField(request, 'properties') ?? '')
  try {
    sender.properties.begin()
    sender.properties.add(properties, 0, properties.length)
    sender.prepare(message)
    return await new Promise<Place>((resolve) => {
      const waiter: AppendWaiter = {
        appended: (outcome, _token, queueId, queueOffset, physicalOffset) =>
          resolve(outcome === 'notWritable' ? undefined : { queueId, queueOffset, physicalOffset }),
      }
      sender.send(message, waiter, 0)
      counters.put++
      counters.putBytes += request.body.length
    })
  } catch (error) {
    host.log.warn({ topic: message.topicName, error: messageOf(error) }, 'a reply is not stored')
    return undefined
  }
}

/** Pushes the reply to the client that waits for it. @returns why that failed */
async function push(broker: Broker, calls: ClientCalls, request: Request): Promise<string | undefined> {
  const { clients, host, settings } = broker
  const properties = parseProperties(sendField(request, 'properties') ?? '')
  const clientId = properties.get(PropertyName.REPLY_TO_CLIENT)
  if (clientId === undefined) return `${PropertyName.REPLY_TO_CLIENT} is null, can not reply message`
  const client = clients.producer(clientId)
  if (!client) return `push reply message fail, channel of <${clientId}> not found.`
  const nowMs = host.clock.nowMs()
  properties.set(PropertyName.MSG_REGION, settings.regionId)
  properties.set(PropertyName.TRACE_ON, String(settings.traceOn))
  properties.set(PropertyName.PUSH_REPLY_TIME, String(nowMs))
  const passedOn = PASSED_ON.flatMap((name) => {
    const value = sendField(request, name)
    return value === undefined ? [] : [[name, value] as const]
  })
  const extFields = {
    ...Object.fromEntries(passedOn),
    ...{ bornHost: request.peer.address, storeHost: `${settings.storeHost.host}:${settings.storeHost.port}` },
    ...{ storeTimestamp: String(nowMs), properties: propertiesText(properties) },
  }
  const command = { code: RequestCode.PUSH_REPLY_MESSAGE_TO_CLIENT, extFields, body: request.body }
  try {
    const { code } = await calls.invoke(client.connectionId, command, PUSH_TIMEOUT_MS)
    return code === ResponseCode.SUCCESS ? undefined : `push reply message to ${clientId} fail.`
  } catch (error) {
    return `push reply message to ${clientId} fail: ${messageOf(error)}`
  }
}
