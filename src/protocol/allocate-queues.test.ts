import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import {
  type AllocateStrategy,
  allocateByConfig,
  allocateByConsistentHash,
  allocateByMachineRoom,
  allocateNearby,
  allocateStrategies,
} from './allocate-queues.ts'
import { compareMessageQueues, type MessageQueue } from './message-queue.ts'

const queuesOf = (count: number, brokerName = 'b'): MessageQueue[] =>
  Array.from({ length: count }, (_, queueId) => ({ topic: 'T', brokerName, queueId }))

const clientsOf = (count: number): string[] => Array.from({ length: count }, (_, index) => `client-${index}`)

function allAllocated(
  strategy: AllocateStrategy,
  queues: MessageQueue[],
  clientIds: string[],
): MessageQueue[] {
  const allocated = clientIds.flatMap((clientId) => strategy({ clientId, queues, clientIds }))
  return allocated.sort(compareMessageQueues)
}

describe('allocateStrategies', () => {
  it('give every queue to exactly one client, in whatever order the lists come', () => {
    for (const [name, strategy] of allocateStrategies) {
      for (let queueCount = 0; queueCount <= 9; queueCount++) {
        for (let clientCount = 1; clientCount <= 5; clientCount++) {
          const queues = queuesOf(queueCount).reverse()
          const allocated = allAllocated(strategy, queues, clientsOf(clientCount).reverse())
          assert.deepEqual(
            allocated,
            queuesOf(queueCount),
            `${name}, ${queueCount} queues, ${clientCount} clients`,
          )
        }
      }
    }
  })

  it('give nothing to a client that is not in the group', () => {
    for (const strategy of allocateStrategies.values()) {
      assert.deepEqual(strategy({ clientId: 'stranger', queues: queuesOf(4), clientIds: clientsOf(2) }), [])
    }
  })
})

describe('allocateByConfig', () => {
  it('gives what is configured', () => {
    const [first] = queuesOf(4)
    assert.ok(first)
    assert.deepEqual(allocateByConfig([first])({ clientId: 'x', queues: [], clientIds: [] }), [first])
  })
})

describe('allocateByMachineRoom', () => {
  it('deals out the queues of its rooms alone', () => {
    const queues = [...queuesOf(5, 'near@b'), ...queuesOf(3, 'far@b'), ...queuesOf(2, 'b')]
    const strategy = allocateByMachineRoom(new Set(['near']))
    assert.deepEqual(allAllocated(strategy, queues, clientsOf(3)), queuesOf(5, 'near@b'))
    const first = strategy({ clientId: 'client-0', queues, clientIds: clientsOf(3) })
    assert.deepEqual(
      first.map(({ queueId }) => queueId),
      [0, 3],
    )
  })
})

describe('allocateNearby', () => {
  const rooms = {
    roomOfQueue: ({ brokerName }: MessageQueue) => brokerName,
    roomOfClient: (clientId: string) => (clientId === 'client-2' ? 'r2' : 'r1'),
  }
  const averagely = allocateStrategies.get('AVG')
  assert.ok(averagely)

  it('keeps queues in their room, and shares those of rooms without a client', () => {
    const queues = [...queuesOf(4, 'r1'), ...queuesOf(2, 'r2'), ...queuesOf(3, 'r3')]
    const strategy = allocateNearby(rooms, averagely)
    assert.deepEqual(allAllocated(strategy, queues, clientsOf(3)), [...queues].sort(compareMessageQueues))
    const last = strategy({ clientId: 'client-2', queues, clientIds: clientsOf(3) })
    assert.deepEqual(
      last.map(({ brokerName, queueId }) => `${brokerName}/${queueId}`),
      ['r2/0', 'r2/1', 'r3/2'],
    )
  })

  it('refuses a queue without a room', () => {
    const strategy = allocateNearby({ ...rooms, roomOfQueue: () => '' }, averagely)
    assert.throws(() => strategy({ clientId: 'client-0', queues: queuesOf(1), clientIds: clientsOf(1) }), {
      kind: 'invalidParameter',
    })
  })
})

describe('allocateByConsistentHash', () => {
  it('takes queues only for the client that joins', () => {
    const queues = queuesOf(64)
    const strategy = allocateByConsistentHash()
    const before = strategy({ clientId: 'client-0', queues, clientIds: clientsOf(3) })
    const after = strategy({ clientId: 'client-0', queues, clientIds: clientsOf(4) })
    assert.equal(
      after.every((queue) => before.includes(queue)),
      true,
    )
  })
})
