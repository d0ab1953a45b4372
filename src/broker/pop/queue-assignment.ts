import { allocateStrategies } from '../../protocol/allocate-queues.ts'
import { compareMessageQueues, type MessageQueue } from '../../protocol/message-queue.ts'
import type { MessageRequestModeSetting } from '../../protocol/message-request-mode.ts'
import type { AssignmentQuery, MessageQueueAssignment } from '../../protocol/query-assignment.ts'

/** Names of the strategies by which a broker deals queues out (QueryAssignmentProcessor). */
const STRATEGIES = ['AVG', 'AVG_BY_CIRCLE']

/** What queues are dealt out by. */
export interface AssignmentBasis {
  /** Of the topic, on all brokers. */
  readonly queues: readonly MessageQueue[]
  /** Of the group's clients that are connected here. */
  readonly clientIds: readonly string[]
  readonly setting: MessageRequestModeSetting
  /** false: clients get all queues. */
  readonly isBalanced: boolean
}

/**
 * Queues that a client shall consume: what clients otherwise compute themselves (RocketMQ's QueryAssignmentProcessor).
 * @returns undefined where nothing can be said: the client goes on with what it has
 */
export function assignQueues(
  query: AssignmentQuery,
  basis: AssignmentBasis,
): MessageQueueAssignment[] | undefined {
  const queues = allocated(query, basis)
  if (!queues) return undefined
  const distinct = new Map(queues.map((queue) => [`${queue.brokerName}/${queue.queueId}`, queue]))
  return Array.from(distinct.values(), (messageQueue) => ({ messageQueue, mode: basis.setting.mode }))
}

function allocated(query: AssignmentQuery, basis: AssignmentBasis): MessageQueue[] | undefined {
  if (query.messageModel === 'BROADCASTING' || !basis.isBalanced) return [...basis.queues]
  const strategy = STRATEGIES.includes(query.strategyName)
    ? allocateStrategies.get(query.strategyName)
    : undefined
  if (!strategy || basis.clientIds.length === 0) return undefined
  const queues = [...basis.queues].sort(compareMessageQueues)
  const clientIds = [...new Set(basis.clientIds)].sort()
  const ofClient = (clientId: string): MessageQueue[] => strategy({ clientId, queues, clientIds })
  if (basis.setting.mode !== 'POP') return ofClient(query.clientId)
  const shareCount = basis.setting.popShareQueueNum
  // all clients pop from all queues: the broker sees to it that each message goes to one
  if (shareCount <= 0 || shareCount >= clientIds.length - 1)
    return queues.map((queue) => ({ ...queue, queueId: -1 }))
  const index = clientIds.indexOf(query.clientId)
  if (index < 0) return []
  if (clientIds.length > queues.length)
    return queues.slice(index % queues.length, (index % queues.length) + 1)
  // its own queues, and those of the clients that follow it
  return Array.from(
    { length: shareCount + 1 },
    (_, step) => clientIds[(index + step) % clientIds.length] ?? '',
  ).flatMap(ofClient)
}
