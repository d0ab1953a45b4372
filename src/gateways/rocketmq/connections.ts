import { MqError, messageOf } from '../../base/errors.ts'
import type { Broker } from '../../broker/broker.ts'
import type { Client, ConsumerGroup } from '../../broker/consumer-group.ts'
import { subscriptionOf } from '../../broker/learned-subscription.ts'
import { MessageQuery } from '../../broker/message-query.ts'
import type { ClientConnection } from '../../protocol/client-connection.ts'
import { encodeConsumerConnection } from '../../protocol/consumer-connection.ts'
import { encodeGroupSubscription } from '../../protocol/group-subscription.ts'
import { languageName } from '../../protocol/language.ts'
import { parseOffsetMessageId } from '../../protocol/message-id.ts'
import type { MessageQueue } from '../../protocol/message-queue.ts'
import { decodeConsumerStatus, encodeConsumerStatusTable } from '../../protocol/offset-table.ts'
import { encodeProducerConnection, encodeProducerTable } from '../../protocol/producer-connection.ts'
import type { RemotingCommand } from '../../protocol/remoting-command.ts'
import type { HandlerFamily, Reply } from '../../protocol/request.ts'
import { RequestCode } from '../../protocol/request-code.ts'
import { ResponseCode } from '../../protocol/response-code.ts'
import { encodeTopicList } from '../../protocol/topic-list.ts'
import type { ClientChannels } from './client-channels.ts'

/** Requests of the broker to its clients, as the admin families need them. */
export type ClientCalls = Pick<ClientChannels, 'invoke' | 'sendOneway'>

/** How long a client may take over what a tool asks of it (Broker2Client). */
const FORWARD_TIMEOUT_MS = 10_000
const STATUS_TIMEOUT_MS = 5000

/** Who is connected, and questions that only a client can answer (protocol/requests.md §4 and §7). */
export function connectionHandlers(broker: Broker, calls: ClientCalls): HandlerFamily {
  const { clients, offsets, settings } = broker
  return {
    ...forwardHandlers(broker, calls),
    [RequestCode.GET_CONSUMER_CONNECTION_LIST]: (request) => {
      const {
        clients: members,
        consumeFromWhere,
        consumeType,
        messageModel,
        subscriptions,
      } = onlineGroup(broker, request.text('consumerGroup'))
      const connections = members.map(connectionOf)
      const subscriptionTable = subscriptions
      return {
        body: encodeConsumerConnection({
          connections,
          subscriptionTable,
          consumeType,
          messageModel,
          consumeFromWhere,
        }),
      }
    },
    [RequestCode.GET_PRODUCER_CONNECTION_LIST]: (request) => {
      const group = request.text('producerGroup')
      const producers = clients.producers(group)
      if (producers.length > 0)
        return { body: encodeProducerConnection(producers.map(({ client }) => connectionOf(client))) }
      return { code: ResponseCode.SYSTEM_ERROR, remark: `the producer group[${group}] not exist` }
    },
    [RequestCode.GET_ALL_PRODUCER_INFO]: () => {
      const table = clients.producerGroupNames.map((group) => {
        const producers = clients.producers(group).map(({ client, heartbeatMs }) => ({
          ...{ clientId: client.clientId, remoteIP: `/${client.address}`, version: client.version },
          ...{ language: languageName(client.language), lastUpdateTimestamp: heartbeatMs },
        }))
        return [group, producers] as const
      })
      return { body: encodeProducerTable(new Map(table)) }
    },
    [RequestCode.QUERY_TOPICS_BY_CONSUMER]: (request) => {
      const { host, port } = settings.advertised
      return {
        body: encodeTopicList({
          topics: offsets.topicsOf(request.text('group')),
          brokerAddr: `${host}:${port}`,
        }),
      }
    },
    [RequestCode.QUERY_SUBSCRIPTION_BY_CONSUMER]: (request) => {
      const [group, topic] = [request.text('group'), request.text('topic')]
      const subscriptionData = subscriptionOf(broker, group, topic)
      return {
        body: encodeGroupSubscription({ group, topic, ...(subscriptionData && { subscriptionData }) }),
      }
    },
  }
}

/** What a tool asks of a client through the broker. */
function forwardHandlers(broker: Broker, calls: ClientCalls): HandlerFamily {
  const messages = new MessageQuery(broker.store)
  return {
    [RequestCode.GET_CONSUMER_RUNNING_INFO]: (request) => {
      const [group, clientId] = [request.text('consumerGroup'), request.text('clientId')]
      const client = onlineClient(broker, group, clientId)
      if (!client) return notOnline(group, clientId)
      return forward(calls, client, { code: request.code, extFields: request.fields })
    },
    [RequestCode.CONSUME_MESSAGE_DIRECTLY]: (request) => {
      const [groupName, clientId] = [request.text('consumerGroup'), request.optionalText('clientId')]
      const client = onlineClient(broker, groupName, clientId)
      if (!client) return notOnline(groupName, clientId)
      const { offset } = parseOffsetMessageId(request.text('msgId'))
      const body = messages.at(offset)
      if (!body)
        return { code: ResponseCode.SYSTEM_ERROR, remark: `no message begins at offset ${offset} of the log` }
      const topic = broker.topics.get(request.optionalText('topic') ?? '')
      const group = broker.groups.get(groupName)
      const extFields = {
        ...request.fields,
        brokerName: broker.settings.brokerName,
        ...(topic && { topicSysFlag: String(topic.config.topicSysFlag) }),
        ...(group && { groupSysFlag: String(group.groupSysFlag) }),
      }
      return forward(calls, client, { code: request.code, extFields, body })
    },
    [RequestCode.INVOKE_BROKER_TO_GET_CONSUMER_STATUS]: async (request) => {
      const [topic, group] = [request.text('topic'), request.text('group')]
      const clientId = request.optionalText('clientAddr') || undefined
      const asked = onlineGroup(broker, group).clients.filter(
        (client) => clientId === undefined || client.clientId === clientId,
      )
      const table = await Promise.all(
        asked.map((client) => statusOf(broker, calls, client, { topic, group })),
      )
      return { body: encodeConsumerStatusTable(new Map(table.filter((entry) => entry !== undefined))) }
    },
  }
}

/** Passes a request on to a client, and its answer back. */
async function forward(
  calls: ClientCalls,
  client: Client,
  command: Parameters<ClientCalls['invoke']>[1],
): Promise<Reply> {
  try {
    return replyOf(await calls.invoke(client.connectionId, command, FORWARD_TIMEOUT_MS))
  } catch (error) {
    const isLate = error instanceof MqError && error.kind === 'timeout'
    const code = isLate ? ResponseCode.CONSUME_MSG_TIMEOUT : ResponseCode.SYSTEM_ERROR
    return { code, remark: `client ${client.clientId} did not answer: ${messageOf(error)}` }
  }
}

function replyOf({ body, code, extFields, remark }: RemotingCommand): Reply {
  return { code, body, extFields, ...(remark !== undefined && { remark }) }
}

/** Where one client is; undefined when it does not say. */
async function statusOf(
  broker: Broker,
  calls: ClientCalls,
  { clientId, connectionId }: Client,
  extFields: Readonly<Record<string, string>>,
): Promise<[string, ReadonlyMap<MessageQueue, number>] | undefined> {
  try {
    const command = { code: RequestCode.GET_CONSUMER_STATUS_FROM_CLIENT, extFields }
    const { body, code } = await calls.invoke(connectionId, command, STATUS_TIMEOUT_MS)
    return code === ResponseCode.SUCCESS ? [clientId, decodeConsumerStatus(body)] : undefined
  } catch (error) {
    broker.host.log.warn({ clientId, error: messageOf(error) }, 'a client did not tell its offsets')
    return undefined
  }
}

/** The group of this name, some of whose clients are here. @throws MqError consumerNotOnline */
function onlineGroup({ clients }: Broker, name: string): ConsumerGroup {
  const group = clients.consumerGroup(name)
  if (group) return group
  throw new MqError('consumerNotOnline', `the consumer group[${name}] not online`)
}

/** A client of a group that is here. @param clientId undefined: any of the group */
function onlineClient({ clients }: Broker, group: string, clientId: string | undefined): Client | undefined {
  return clients
    .consumerGroup(group)
    ?.clients.find((each) => clientId === undefined || each.clientId === clientId)
}

/** What RocketMQ says where a question cannot be passed on (AdminBrokerProcessor.callConsumer). */
function notOnline(group: string, clientId: string | undefined): Reply {
  return {
    code: ResponseCode.SYSTEM_ERROR,
    remark: `The Consumer <${group}> <${clientId ?? 'any'}> not online`,
  }
}

function connectionOf({ address, clientId, language, version }: Client): ClientConnection {
  return { clientId, clientAddr: address, language: languageName(language), version }
}
