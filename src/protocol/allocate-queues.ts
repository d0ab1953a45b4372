import { createHash } from 'node:crypto'
import { MqError } from '../base/errors.ts'
import { compareMessageQueues, type MessageQueue, messageQueueText } from './message-queue.ts'

/** What rebalancing deals out: all queues of a topic, and all clients of the group. */
export interface QueueAllocation {
  readonly clientId: string
  readonly queues: readonly MessageQueue[]
  readonly clientIds: readonly string[]
}

/**
 * Says which queues one client of a group consumes. Every client computes it alone, from the same lists, so
 * all must use the same strategy and the same order: queues by topic, broker and id, clients by name.
 */
export type AllocateStrategy = (allocation: QueueAllocation) => MessageQueue[]

/** Virtual nodes a client has on the ring of `allocateByConsistentHash` unless told otherwise. */
export const VIRTUAL_NODES_DEFAULT = 10

/**
 * Contiguous blocks; the first clients get one queue more when it does not come out even (`AVG`, the
 * default).
 */
export function allocateAveragely(allocation: QueueAllocation): MessageQueue[] {
  const { index, clientCount, queues } = ordered(allocation)
  if (index < 0) return []
  const [share, extra] = [Math.floor(queues.length / clientCount), queues.length % clientCount]
  const start = index * share + Math.min(index, extra)
  return queues.slice(start, start + share + (index < extra ? 1 : 0))
}

/** Queue i goes to client i modulo their number (`AVG_BY_CIRCLE`). */
export function allocateByCircle(allocation: QueueAllocation): MessageQueue[] {
  const { index, clientCount, queues } = ordered(allocation)
  return queues.filter((_, position) => position % clientCount === index)
}

/** The queues a configuration names, whoever else is there (`CONFIG`). */
export function allocateByConfig(configured: readonly MessageQueue[]): AllocateStrategy {
  return () => [...configured]
}

/**
 * Queues of brokers in the given rooms, whose names are written `room@broker` (`MACHINE_ROOM`): equal
 * contiguous blocks, the rest one each from the end.
 */
export function allocateByMachineRoom(rooms: ReadonlySet<string>): AllocateStrategy {
  return (allocation) => {
    const { index, clientCount, queues } = ordered(allocation)
    if (index < 0) return []
    const near = queues.filter(({ brokerName }) => {
      const parts = brokerName.split('@')
      return parts.length === 2 && rooms.has(parts[0] ?? '')
    })
    const share = Math.floor(near.length / clientCount)
    const rest = near[index + share * clientCount]
    return [...near.slice(share * index, share * (index + 1)), ...(rest === undefined ? [] : [rest])]
  }
}

/** Where queues and clients stand, for `allocateNearby`. */
export interface MachineRooms {
  roomOfQueue(queue: MessageQueue): string
  roomOfClient(clientId: string): string
}

/**
 * Queues go to clients of their own room, by another strategy; those of rooms without a client go to all
 * (`MACHINE_ROOM_NEARBY`).
 */
export function allocateNearby(rooms: MachineRooms, strategy: AllocateStrategy): AllocateStrategy {
  return (allocation) => {
    if (ordered(allocation).index < 0) return []
    const queuesByRoom = groupBy(allocation.queues, (queue) => roomOf('queue', rooms.roomOfQueue(queue)))
    const clientsByRoom = groupBy(allocation.clientIds, (id) => roomOf('client', rooms.roomOfClient(id)))
    const ownRoom = rooms.roomOfClient(allocation.clientId)
    const allocated: MessageQueue[] = []
    for (const [room, queues] of [...queuesByRoom].sort(([left], [right]) => (left < right ? -1 : 1))) {
      const clientIds = clientsByRoom.get(room) ?? allocation.clientIds
      if (room === ownRoom || !clientsByRoom.has(room)) {
        allocated.push(...strategy({ ...allocation, queues, clientIds }))
      }
    }
    return allocated
  }
}

/**
 * Each queue goes to the next client on a ring of MD5 hashes (`CONSISTENT_HASH`), so a new client takes few
 * queues from many.
 */
export function allocateByConsistentHash(virtualNodes: number = VIRTUAL_NODES_DEFAULT): AllocateStrategy {
  return (allocation) => {
    if (ordered(allocation).index < 0) return []
    const owners = new Map<number, string>()
    for (const id of allocation.clientIds) {
      for (let node = 0; node < virtualNodes; node++) owners.set(ringPosition(`${id}-${node}`), id)
    }
    const ring = [...owners.keys()].sort((left, right) => left - right)
    return ordered(allocation).queues.filter((queue) => {
      const position = ringPosition(messageQueueText(queue))
      const next = ring.find((candidate) => candidate >= position) ?? ring[0]
      return next !== undefined && owners.get(next) === allocation.clientId
    })
  }
}

/** The strategies that need no arguments, by the names requests carry. */
export const allocateStrategies: ReadonlyMap<string, AllocateStrategy> = new Map([
  ['AVG', allocateAveragely],
  ['AVG_BY_CIRCLE', allocateByCircle],
  ['CONSISTENT_HASH', allocateByConsistentHash()],
])

function ordered({ clientId, queues, clientIds }: QueueAllocation) {
  const clients = [...clientIds].sort()
  return {
    index: clients.indexOf(clientId),
    clientCount: clients.length,
    queues: [...queues].sort(compareMessageQueues),
  }
}

function ringPosition(text: string): number {
  return createHash('md5').update(text).digest().readUInt32BE(0)
}

function roomOf(what: 'queue' | 'client', room: string): string {
  if (room === '') throw new MqError('invalidParameter', `a ${what} has no machine room`)
  return room
}

function groupBy<T>(items: readonly T[], keyOf: (item: T) => string): Map<string, T[]> {
  const groups = new Map<string, T[]>()
  for (const item of items) {
    const group = groups.get(keyOf(item))
    if (group === undefined) groups.set(keyOf(item), [item])
    else group.push(item)
  }
  return groups
}
