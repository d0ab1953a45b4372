import type { Broker } from '../../broker/broker.ts'
import { assignQueues } from '../../broker/pop/queue-assignment.ts'
import type { MessageQueue } from '../../protocol/message-queue.ts'
import {
  decodeMessageRequestMode,
  encodeMessageRequestModeTable,
} from '../../protocol/message-request-mode.ts'
import { decodeAssignmentQuery, encodeAssignments } from '../../protocol/query-assignment.ts'
import type { HandlerFamily } from '../../protocol/request.ts'
import { RequestCode } from '../../protocol/request-code.ts'

/** Which queues a topic has, on all brokers that the NameServers know. */
export interface TopicQueuesPort {
  /** @returns undefined when the topic is nowhere */
  queuesOf(topic: string): Promise<readonly MessageQueue[] | undefined>
}

/** Queues that consumers ask the broker for, and whether they pull or pop (protocol/requests.md §4). */
export function assignmentHandlers(broker: Broker, routes: TopicQueuesPort): HandlerFamily {
  const { clients, requestModes, settings } = broker
  return {
    [RequestCode.QUERY_ASSIGNMENT]: async ({ body }) => {
      const query = decodeAssignmentQuery(body)
      const queues = await routes.queuesOf(query.topic)
      const assignments =
        queues &&
        assignQueues(query, {
          queues,
          clientIds:
            clients.consumerGroup(query.consumerGroup)?.clients.map(({ clientId }) => clientId) ?? [],
          setting: requestModes.of(query.topic, query.consumerGroup),
          isBalanced: settings.pop.serverLoadBalancerEnable,
        })
      return { body: encodeAssignments(assignments) }
    },
    [RequestCode.SET_MESSAGE_REQUEST_MODE]: ({ body }) => {
      requestModes.set(decodeMessageRequestMode(body))
      return {}
    },
    [RequestCode.GET_ALL_MESSAGE_REQUEST_MODE]: () => ({
      body: encodeMessageRequestModeTable(requestModes.body),
    }),
  }
}
