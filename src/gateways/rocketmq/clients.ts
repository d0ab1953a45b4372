import { MqError } from '../../base/errors.ts'
import type { Broker } from '../../broker/broker.ts'
import type { ConsumerGroup } from '../../broker/consumer-group.ts'
import { decodeClientConfigCheck } from '../../protocol/client-config-check.ts'
import { encodeConsumerList } from '../../protocol/consumer-list.ts'
import { type ConsumerData, decodeHeartbeatData } from '../../protocol/heartbeat-data.ts'
import type { HandlerFamily } from '../../protocol/request.ts'
import { RequestCode } from '../../protocol/request-code.ts'
import type { ClientChannels } from './client-channels.ts'

/** Heartbeats, farewells and who is there (protocol/requests.md §4). */
export function clientHandlers(broker: Broker): HandlerFamily {
  const { clients, host } = broker
  return {
    [RequestCode.HEART_BEAT]: ({ body, peer, language, version }) => {
      const data = decodeHeartbeatData(body)
      const client = {
        clientId: data.clientID,
        connectionId: peer.id,
        address: peer.address,
        language,
        version,
      }
      const needsSubscriptions = clients.heartbeat(client, data, host.clock.nowMs(), (consumer) =>
        admit(broker, consumer),
      )
      // heartbeat V2 asks for the subscriptions only when they are missing; V1 is always told to send them
      const isSubChange = data.heartbeatFingerprint === 0 || needsSubscriptions
      return { extFields: { IS_SUPPORT_HEART_BEAT_V2: 'true', IS_SUB_CHANGE: String(isSubChange) } }
    },
    [RequestCode.UNREGISTER_CLIENT]: (request) => {
      const consumerGroup = request.optionalText('consumerGroup')
      const producerGroup = request.optionalText('producerGroup')
      if (consumerGroup !== undefined) clients.unregisterConsumer(consumerGroup, request.peer.id)
      if (producerGroup !== undefined) clients.unregisterProducer(producerGroup, request.peer.id)
      return {}
    },
    [RequestCode.GET_CONSUMER_LIST_BY_GROUP]: (request) => {
      const group = request.text('consumerGroup')
      const clientIds = clients.consumerGroup(group)?.clients.map(({ clientId }) => clientId) ?? []
      // code 1, as RocketMQ answers, not an empty list (protocol/pitfalls.md 7)
      if (clientIds.length === 0) throw new MqError('badBody', `no consumer for this group, ${group}`)
      return { body: encodeConsumerList([...new Set(clientIds)]) }
    },
    [RequestCode.CHECK_CLIENT_CONFIG]: ({ body }) => {
      broker.filters.check(decodeClientConfigCheck(body).subscriptionData)
      return {}
    },
  }
}

/** Tells the consumers of a group that they are to share out its queues anew (NOTIFY_CONSUMER_IDS_CHANGED). */
export function notifyGroupChanges(broker: Broker, channels: ClientChannels): void {
  broker.clients.onGroupChanged = (group: ConsumerGroup) => {
    const isWanted = broker.groups.get(group.name)?.notifyConsumerIdsChangedEnable ?? true
    if (!isWanted || group.isBroadcasting) return
    const command = {
      code: RequestCode.NOTIFY_CONSUMER_IDS_CHANGED,
      extFields: { consumerGroup: group.name },
    }
    for (const { connectionId } of group.clients) channels.sendOneway(connectionId, command)
  }
}

/** Whether a group may consume: it is made, with its retry topic, where that is allowed. */
function admit(broker: Broker, { groupName, unitMode }: ConsumerData): boolean {
  const isKnown = broker.groups.get(groupName) !== undefined
  if (!isKnown && !broker.settings.autoCreateSubscriptionGroup) return false
  broker.retry.retryTopic(broker.groups.forUse(groupName), unitMode)
  return true
}
