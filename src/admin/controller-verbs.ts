import { fastJsonBytes } from '../protocol/fastjson-writer.ts'
import { javaPropertiesText, parseJavaProperties } from '../protocol/java-properties.ts'
import { JsonFields } from '../protocol/json-fields.ts'
import { RequestCode } from '../protocol/request-code.ts'
import type { Cluster } from './cluster.ts'
import { flag, required, requiredInteger, text } from './option.ts'
import { choice } from './topic-verbs.ts'
import { done, type Row, record, table, type Verb, verb } from './verb.ts'

const needs =
  'that wants the host:port of a RocketMQ controller (controllerAddr in the settings of its brokers); TernMQ has none, as a broker of TernMQ is always the master'

const controller = required('host:port', 'address of a controller, several joined by ;')
const controllerFlag = { 'a,controllerAddress': 'controller' } as const
const replicas = {
  controller,
  cluster: required('cluster', 'cluster of the broker'),
  name: required('broker', 'name of the broker'),
}
const BROKER_ID = { min: 0, max: Number.MAX_SAFE_INTEGER }

const metadata = verb('controller', 'metadata', {
  about: 'who leads a group of controllers, and who belongs to it',
  options: { controller },
  positional: ['controller'],
  needs,
  mqadmin: { name: 'getControllerMetaData', flags: controllerFlag },
  async run({ cluster }, input) {
    const [address = ''] = addressesOf(input.controller)
    const { extFields } = await cluster.broker(address, RequestCode.CONTROLLER_GET_METADATA_INFO)
    const { group, controllerLeaderId, controllerLeaderAddress, isLeader, peers } = extFields
    return record({ group, controllerLeaderId, controllerLeaderAddress, isLeader, peers })
  },
})

const inSync = verb('controller', 'replicas', {
  about: 'which replicas of brokers keep up with their masters, as the controller sees them',
  options: {
    controller,
    broker: text('name', 'this broker only'),
    cluster: choice.cluster,
  },
  positional: ['controller'],
  needs,
  mqadmin: {
    name: 'getSyncStateSet',
    flags: { ...controllerFlag, 'b,brokerName': 'broker', 'c,clusterName': 'cluster', 'i,interval': '' },
  },
  async run({ cluster }, input) {
    const names =
      input.broker === undefined
        ? [...new Set((await cluster.chosen(input)).map(({ brokerName }) => brokerName))]
        : [input.broker]
    const leader = await leaderOf(cluster, input.controller)
    const code = RequestCode.CONTROLLER_GET_SYNC_STATE_DATA
    const { body } = await cluster.broker(leader, code, {}, fastJsonBytes(names))
    return table(replicaRows(body), [
      'broker',
      'id',
      'address',
      'isMaster',
      'isInSync',
      'isAlive',
      'masterEpoch',
    ])
  },
})

const config = verb('controller', 'config', {
  about: 'settings of controllers',
  options: { controller },
  positional: ['controller'],
  needs,
  mqadmin: { name: 'getControllerConfig', flags: controllerFlag },
  async run({ cluster }, input) {
    const rows: Row[] = []
    for (const address of addressesOf(input.controller)) {
      const { body } = await cluster.broker(address, RequestCode.GET_CONTROLLER_CONFIG)
      for (const [name, value] of parseJavaProperties(body.toString()))
        rows.push({ controller: address, name, value })
    }
    return table(rows, ['controller', 'name', 'value'])
  },
})

const set = verb('controller', 'set', {
  about: 'change a setting of running controllers',
  options: {
    controller,
    name: required('name', 'name of the setting'),
    value: required('value', 'its new value'),
  },
  positional: ['controller', 'name', 'value'],
  needs,
  mqadmin: {
    name: 'updateControllerConfig',
    flags: { ...controllerFlag, 'k,key': 'name', 'v,value': 'value' },
  },
  async run({ cluster }, { controller: addresses, name, value }) {
    const body = Buffer.from(javaPropertiesText([[name, value]]))
    for (const address of addressesOf(addresses))
      await cluster.broker(address, RequestCode.UPDATE_CONTROLLER_CONFIG, {}, body)
    return done(`${name} is ${value}`, { [name]: value })
  },
})

const elect = verb('controller', 'elect', {
  about: 'make a replica the master of its broker',
  options: { ...replicas, id: requiredInteger(BROKER_ID, 'id of the replica') },
  positional: ['controller', 'cluster', 'name', 'id'],
  needs,
  mqadmin: {
    name: 'electMaster',
    flags: { ...controllerFlag, 'b,brokerId': 'id', 'bn,brokerName': 'name', 'c,clusterName': 'cluster' },
  },
  async run({ cluster, clock }, { controller: addresses, cluster: clusterName, name, id }) {
    const leader = await leaderOf(cluster, addresses)
    const fields = {
      clusterName,
      brokerName: name,
      brokerId: id,
      designateElect: true,
      invokeTime: clock.nowMs(),
    }
    const { extFields } = await cluster.broker(leader, RequestCode.CONTROLLER_ELECT_MASTER, fields)
    const { masterBrokerId, masterAddress, masterEpoch, syncStateSetEpoch } = extFields
    return record({ broker: name, masterBrokerId, masterAddress, masterEpoch, syncStateSetEpoch })
  },
})

const forget = verb('controller', 'forget', {
  about: 'have the controller forget replicas of a broker that will not come back',
  options: {
    ...replicas,
    cluster: text('cluster', 'cluster of the broker; not needed where replicas are named'),
    ids: text('ids', 'these replicas, joined by ;; all unless given'),
    alive: flag('replicas too that are alive'),
  },
  positional: ['controller', 'name'],
  needs,
  destroys: ({ name }) => name,
  mqadmin: {
    name: 'cleanBrokerMetadata',
    flags: {
      ...{ ...controllerFlag, 'b,brokerControllerIdsToClean': 'ids', 'bn,brokerName': 'name' },
      ...{ 'c,clusterName': 'cluster', 'l,cleanLivingBroker': 'alive' },
    },
  },
  async run({ cluster, clock }, { controller: addresses, cluster: clusterName, name, ids, alive }) {
    const leader = await leaderOf(cluster, addresses)
    const fields = {
      ...{ clusterName, brokerName: name, brokerControllerIdsToClean: ids },
      ...{ isCleanLivingBroker: alive, invokeTime: clock.nowMs() },
    }
    await cluster.broker(leader, RequestCode.CLEAN_BROKER_DATA, fields)
    return done(
      `the controller has forgotten ${ids === undefined ? 'all replicas' : `replicas ${ids}`} of ${name}`,
    )
  },
})

const epochs = verb('controller', 'epochs', {
  about: 'which epochs of masters the log of each broker has seen',
  options: choice,
  needs: 'brokers have epochs where a RocketMQ controller looks after them (enableControllerMode)',
  mqadmin: {
    name: 'getBrokerEpoch',
    flags: { 'b,brokerName': 'broker', 'c,clusterName': 'cluster', 'i,interval': '' },
  },
  async run({ cluster }, input) {
    const rows: Row[] = []
    for (const { address } of await cluster.chosen(input)) {
      const { body } = await cluster.broker(address, RequestCode.GET_BROKER_EPOCH_CACHE)
      const fields = JsonFields.ofBody(body, 'epochs')
      const broker = { broker: fields.text('brokerName', ''), id: fields.integer('brokerId', 0) }
      for (const entry of fields.objects('epochList', (each) => each)) {
        const [epoch, from, to] = ['epoch', 'startOffset', 'endOffset'].map((name) =>
          entry.optionalInteger(name),
        )
        rows.push({ ...broker, epoch, from, to })
      }
    }
    return table(rows, ['broker', 'id', 'epoch', 'from', 'to'])
  },
})

export const controllerVerbs: readonly Verb[] = [metadata, inSync, config, set, elect, forget, epochs]

function addressesOf(joined: string): string[] {
  return joined.split(';').flatMap((each) => (each.trim() === '' ? [] : [each.trim()]))
}

/** The controller that decides; the others send no one on. */
async function leaderOf(cluster: Cluster, addresses: string): Promise<string> {
  const [address = ''] = addressesOf(addresses)
  const { extFields } = await cluster.broker(address, RequestCode.CONTROLLER_GET_METADATA_INFO)
  return extFields.controllerLeaderAddress || address
}

/** A row a replica, of RocketMQ's BrokerReplicasInfo. */
function replicaRows(body: Buffer): Row[] {
  const brokers = JsonFields.ofBody(body, 'replicas').table(
    'replicasInfoTable',
    (value, path) => new JsonFields(value, path),
  )
  return [...brokers].flatMap(([broker, info]) => {
    const master = info.optionalInteger('masterBrokerId')
    const masterEpoch = info.optionalInteger('masterEpoch')
    const rowsOf = (list: string, isInSync: boolean): Row[] =>
      info.objects(list, (replica) => {
        const id = replica.optionalInteger('brokerId')
        const [address, isAlive] = [replica.text('brokerAddress', ''), replica.flag('alive', false)]
        return { broker, id, address, isMaster: id === master, isInSync, isAlive, masterEpoch }
      })
    return [...rowsOf('inSyncReplicas', true), ...rowsOf('notInSyncReplicas', false)]
  })
}
