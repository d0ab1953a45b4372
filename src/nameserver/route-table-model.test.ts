import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { DATA_VERSION_ZERO } from '../protocol/data-version.ts'
import { topicConfig } from '../protocol/topic-config.ts'
import type { BrokerRegistration } from './broker-registration.ts'
import { RouteTable } from './route-table.ts'

/** The facts of a registration that the model looks at. */
interface Registering {
  readonly clusterName: string
  readonly brokerName: string
  readonly brokerId: number
  readonly brokerAddr: string
  readonly peerId: number
  readonly timeoutMs: number
  readonly enableActingMaster: boolean | undefined
  readonly topics: readonly string[]
  readonly perm: number
  readonly counter: number
  readonly stateVersion: number
}

type Action =
  | { readonly type: 'register'; readonly registering: Registering }
  | { readonly type: 'unregister' | 'heartbeat'; readonly brokerName: string; readonly address: string }
  | { readonly type: 'close'; readonly peerId: number }
  | { readonly type: 'pass'; readonly ms: number }
  | { readonly type: 'deleteTopic'; readonly topic: string; readonly clusterName: string | undefined }
  | { readonly type: 'wipe' | 'add'; readonly brokerName: string }

type ModelMember = Registering & { readonly seenMs: number }

interface ModelQueue {
  readonly topic: string
  readonly brokerName: string
  readonly perm: number
}

/**
 * The same rules over two flat lists, with no thought for speed; a broker's cluster is what its last word
 * said.
 */
class RouteModel {
  members: ModelMember[] = []
  queues: ModelQueue[] = []
  acting = new Map<string, boolean>()
  clusters = new Map<string, string>()

  register(given: Registering, nowMs: number): string {
    const isSelf = (member: ModelMember) =>
      member.brokerName === given.brokerName && member.brokerAddr === given.brokerAddr
    const holder = this.members.find(
      (m) => m.brokerName === given.brokerName && m.brokerId === given.brokerId,
    )
    const isIgnored = holder !== undefined && !isSelf(holder) && holder.stateVersion > given.stateVersion
    const isRefused = holder === undefined && given.topics.length === 1
    if (isIgnored || isRefused) {
      this.removeWhere((member) => isSelf(member) && member.brokerId !== given.brokerId)
      return isIgnored ? 'ignored' : 'refused'
    }
    const before = holder && isSelf(holder) ? holder : undefined
    this.members = this.members.filter((member) => !isSelf(member) && member !== holder)
    this.members.push({ ...given, seenMs: nowMs })
    this.acting.set(given.brokerName, given.enableActingMaster ?? false)
    this.clusters.set(given.brokerName, given.clusterName)
    this.#takeTopics(given, before)
    return 'registered'
  }

  #takeTopics(given: Registering, before: ModelMember | undefined): void {
    const ids = this.idsOf(given.brokerName)
    const isFirstSlave = given.brokerId > 0 && given.brokerId === Math.min(...ids)
    const isPrime = isFirstSlave && given.enableActingMaster !== undefined
    if (given.brokerId !== 0 && !isPrime) return
    const perm = isPrime && given.enableActingMaster ? given.perm & ~2 : given.perm
    const isSame = before?.counter === given.counter && before.stateVersion === given.stateVersion
    for (const topic of given.topics) {
      const isIt = (queue: ModelQueue) => queue.topic === topic && queue.brokerName === given.brokerName
      if (isSame && this.queues.some(isIt)) continue
      this.queues = this.queues.filter((queue) => !isIt(queue))
      this.queues.push({ topic, brokerName: given.brokerName, perm })
    }
  }

  idsOf(brokerName: string): number[] {
    return this.members.filter((member) => member.brokerName === brokerName).map(({ brokerId }) => brokerId)
  }

  removeWhere(isGone: (member: ModelMember) => boolean): void {
    const gone = this.members.filter(isGone)
    this.members = this.members.filter((member) => !isGone(member))
    for (const { brokerName } of gone) {
      const ids = this.idsOf(brokerName)
      if (ids.length === 0) this.queues = this.queues.filter((queue) => queue.brokerName !== brokerName)
      else if (this.acting.get(brokerName) && !ids.includes(0))
        this.changePerm(brokerName, (perm) => perm & ~2)
    }
  }

  changePerm(brokerName: string, change: (perm: number) => number): void {
    this.queues = this.queues.map((queue) =>
      queue.brokerName === brokerName ? { ...queue, perm: change(queue.perm) } : queue,
    )
  }

  /** Everything that can be asked, in an order of its own. */
  view(): object {
    const names = [...new Set(this.members.map(({ brokerName }) => brokerName))].sort()
    const topics = [...new Set(this.queues.map(({ topic }) => topic))].sort()
    return {
      brokers: names.map((name) => ({
        name,
        cluster: this.clusters.get(name),
        acting: this.acting.get(name),
        addresses: this.members
          .filter(({ brokerName }) => brokerName === name)
          .map(({ brokerId, brokerAddr }) => `${brokerId} ${brokerAddr}`)
          .sort(),
      })),
      clusters: [...new Set(names.map((name) => `${this.clusters.get(name)} ${name}`))].sort(),
      routes: topics.map((topic) => ({
        topic,
        queues: this.queues
          .filter((queue) => queue.topic === topic)
          .map(({ brokerName, perm }) => `${brokerName} ${perm}`)
          .sort(),
      })),
    }
  }
}

function viewOf(table: RouteTable): object {
  const { brokerAddrTable, clusterAddrTable } = table.clusterInfo()
  const brokers = [...brokerAddrTable.values()].sort((a, b) => (a.brokerName < b.brokerName ? -1 : 1))
  for (const topic of table.topics()) {
    const route = table.routeOf(topic)
    const withQueues = route?.queueDatas.map(({ brokerName }) => brokerName)
    assert.deepEqual(
      withQueues,
      route?.brokerDatas.map(({ brokerName }) => brokerName),
      'queues have brokers',
    )
  }
  return {
    brokers: brokers.map(({ brokerName, cluster, enableActingMaster, brokerAddrs }) => ({
      name: brokerName,
      cluster,
      acting: enableActingMaster,
      addresses: Array.from(brokerAddrs, ([id, address]) => `${id} ${address}`).sort(),
    })),
    clusters: [...clusterAddrTable]
      .flatMap(([cluster, names]) => names.map((name) => `${cluster} ${name}`))
      .sort(),
    routes: table
      .topics()
      .sort()
      .map((topic) => ({
        topic,
        queues: (table.routeOf(topic)?.queueDatas ?? [])
          .map(({ brokerName, perm }) => `${brokerName} ${perm}`)
          .sort(),
      })),
  }
}

function registrationOf(given: Registering): BrokerRegistration {
  const { topics, perm, counter, stateVersion, ...identity } = given
  return {
    ...identity,
    haServerAddr: '',
    zoneName: undefined,
    topics: {
      topicConfigTable: new Map(topics.map((topic) => [topic, topicConfig(topic, { perm })])),
      dataVersion: { counter, stateVersion, timestamp: 0 },
      mappingDataVersion: DATA_VERSION_ZERO,
      topicQueueMappingInfoMap: new Map(),
      topicQueueMappingDetailMap: new Map(),
    },
  }
}

/** Does the same to both. */
function perform(
  action: Action,
  { table, model, nowMs }: { table: RouteTable; model: RouteModel; nowMs: number },
): void {
  switch (action.type) {
    case 'register': {
      const outcome = table.register(registrationOf(action.registering), nowMs)
      assert.equal(outcome.status, model.register(action.registering, nowMs))
      return
    }
    case 'unregister':
      table.unregister([action])
      model.removeWhere((m) => m.brokerName === action.brokerName && m.brokerAddr === action.address)
      return
    case 'heartbeat':
      table.heartbeat(action, nowMs)
      model.members = model.members.map((m) =>
        m.brokerName === action.brokerName && m.brokerAddr === action.address ? { ...m, seenMs: nowMs } : m,
      )
      return
    case 'close':
      table.connectionClosed(action.peerId)
      model.removeWhere(({ peerId }) => peerId === action.peerId)
      return
    case 'pass':
      table.expire(nowMs)
      model.removeWhere(({ seenMs, timeoutMs }) => nowMs - seenMs > timeoutMs)
      return
    case 'deleteTopic': {
      const { topic, clusterName } = action
      if (clusterName === undefined) table.deleteTopic(topic)
      else table.deleteTopicOfCluster(topic, clusterName)
      model.queues = model.queues.filter(
        (queue) =>
          queue.topic !== topic ||
          (clusterName !== undefined && model.clusters.get(queue.brokerName) !== clusterName),
      )
      return
    }
    case 'wipe':
      table.wipeWritePerm(action.brokerName)
      model.changePerm(action.brokerName, (perm) => perm & ~2)
      return
    case 'add':
      table.addWritePerm(action.brokerName)
      model.changePerm(action.brokerName, (perm) => perm | 6)
  }
}

const clusterName = fc.constantFrom('C', 'D')
const brokerName = fc.constantFrom('a', 'b')
const address = fc.constantFrom('h1:1', 'h2:1', 'h3:1')
const topic = fc.constantFrom('T', 'U', 'V')
const peerId = fc.integer({ min: 1, max: 3 })

const registering: fc.Arbitrary<Registering> = fc.record({
  clusterName: fc.oneof({ weight: 5, arbitrary: fc.constant('C') }, { weight: 1, arbitrary: clusterName }),
  brokerName,
  brokerId: fc.integer({ min: 0, max: 2 }),
  brokerAddr: address,
  peerId,
  timeoutMs: fc.constantFrom(10, 100),
  enableActingMaster: fc.constantFrom(undefined, false, true),
  topics: fc.uniqueArray(topic),
  perm: fc.constantFrom(2, 4, 6, 7),
  counter: fc.integer({ min: 0, max: 2 }),
  stateVersion: fc.constantFrom(0, 0, 0, 1),
})

const action: fc.Arbitrary<Action> = fc.oneof(
  { weight: 8, arbitrary: fc.record({ type: fc.constant('register' as const), registering }) },
  {
    weight: 1,
    arbitrary: fc.record({
      type: fc.constantFrom('unregister' as const, 'heartbeat' as const),
      brokerName,
      address,
    }),
  },
  { weight: 1, arbitrary: fc.record({ type: fc.constant('close' as const), peerId }) },
  {
    weight: 2,
    arbitrary: fc.record({ type: fc.constant('pass' as const), ms: fc.integer({ min: 1, max: 60 }) }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      type: fc.constant('deleteTopic' as const),
      topic,
      clusterName: fc.option(clusterName, { nil: undefined }),
    }),
  },
  { weight: 1, arbitrary: fc.record({ type: fc.constantFrom('wipe' as const, 'add' as const), brokerName }) },
)

describe('RouteTable beside its model', () => {
  it('knows the same after every step of any life of brokers', () => {
    fc.assert(
      fc.property(fc.array(action, { maxLength: 40 }), (actions) => {
        const [table, model] = [new RouteTable(), new RouteModel()]
        let nowMs = 0
        for (const each of actions) {
          if (each.type === 'pass') nowMs += each.ms
          perform(each, { table, model, nowMs })
          assert.deepEqual(viewOf(table), model.view())
        }
      }),
      { numRuns: 1000 },
    )
  })
})
