import { MqError } from '../base/errors.ts'
import { RequestCode } from '../protocol/request-code.ts'
import { required, requiredInteger } from './option.ts'
import { namesOf } from './rows.ts'
import { choice } from './topic-verbs.ts'
import { done, type Verb, verb } from './verb.ts'

const needsContainer =
  'that wants the host:port of a RocketMQ broker container (BrokerContainerStartup); TernMQ runs a process a broker (ternmq start --shards for several)'

const container = required('host:port', 'address of a broker container')

const addBroker = verb('container', 'add-broker', {
  about: 'start a broker in a broker container',
  options: { container, configPath: required('path', "its broker.conf, on the container's machine") },
  positional: ['container', 'configPath'],
  needs: needsContainer,
  mqadmin: {
    name: 'addBroker',
    flags: { 'c,brokerContainerAddr': 'container', 'b,brokerConfigPath': 'configPath' },
  },
  async run({ cluster }, { container: address, configPath }) {
    await cluster.broker(address, RequestCode.ADD_BROKER, { configPath })
    return done(`the broker of ${configPath} is started in ${address}`)
  },
})

const removeBroker = verb('container', 'remove-broker', {
  about: 'stop a broker in a broker container',
  options: { container, identity: required('identity', 'cluster:broker:id') },
  positional: ['container', 'identity'],
  needs: needsContainer,
  destroys: ({ identity }) => identity,
  mqadmin: {
    name: 'removeBroker',
    flags: { 'c,brokerContainerAddr': 'container', 'b,brokerIdentity': 'identity' },
  },
  async run({ cluster }, { container: address, identity }) {
    const [brokerClusterName, brokerName, brokerId] = identity.split(':')
    if (brokerId === undefined)
      throw new MqError('invalidParameter', `identity wants cluster:broker:id, not "${identity}"`)
    const fields = { brokerClusterName, brokerName, brokerId }
    await cluster.broker(address, RequestCode.REMOVE_BROKER, fields)
    return done(`broker ${identity} is stopped in ${address}`)
  },
})

const flushOffset = verb('broker', 'flush-offset', {
  about: 'tell a replica how far the log of its master is on disk',
  options: {
    offset: requiredInteger({ min: 0, max: Number.MAX_SAFE_INTEGER }, 'offset of the log'),
    broker: choice.broker,
  },
  positional: ['offset'],
  needs:
    'that is for replicas of RocketMQ, whose master may be gone; a broker of TernMQ is always the master',
  mqadmin: { name: 'resetMasterFlushOffset', flags: { 'b,brokerAddr': 'broker', 'o,offset': 'offset' } },
  async run({ cluster }, input) {
    const brokers = await cluster.chosen(input)
    for (const { address } of brokers)
      await cluster.broker(address, RequestCode.RESET_MASTER_FLUSH_OFFSET, {
        masterFlushOffset: input.offset,
      })
    return done(`the master's log is on disk up to ${input.offset}, as ${namesOf(brokers)} see it`)
  },
})

/** A verb that is here to say why it does nothing, and what does. */
function absent(
  noun: string,
  name: string,
  parts: { about: string; mqadmin: string; flags: string; why: string },
): Verb {
  const flags = Object.fromEntries(parts.flags.split(' ').map((flag) => [flag, ''] as const))
  return verb(noun, name, {
    about: parts.about,
    options: {},
    isLocal: true,
    mqadmin: { name: parts.mqadmin, flags },
    async run() {
      throw new MqError('notSupported', parts.why)
    },
  })
}

const STATIC =
  'topics whose queues move between brokers by a mapping (static topics) are neither made by this program nor known to TernMQ: make the topic anew where it is to be, and move what a group has not consumed by ternmq group rescue; for a cluster of RocketMQ use its own mqadmin'

const makeStatic = absent('topic', 'static', {
  about: 'make a static topic: not here, and why',
  mqadmin: 'updateStaticTopic',
  flags: 'b,brokers c,clusters t,topic qn,totalQueueNum mf,mapFile fr,forceReplace',
  why: STATIC,
})

const remap = absent('topic', 'remap', {
  about: 'move the queues of a static topic: not here, and why',
  mqadmin: 'remappingStaticTopic',
  flags: 'b,brokers c,clusters t,topic mf,mapFile fr,forceReplace',
  why: STATIC,
})

const compactionLog = absent('store', 'dump-compaction', {
  about: 'print the log of a compacted topic: not here, and why',
  mqadmin: 'dumpCompactionLog',
  flags: 'f,file',
  why: 'logs of compacted topics are a thing of RocketMQ alone: its own mqadmin reads them; ternmq store dump reads a CommitLog',
})

const rocksdbFiles = absent('rocksdb', 'dump', {
  about: 'read a folder of RocksDB files: not here, and why',
  mqadmin: 'exportMetadataInRocksDB',
  flags: 'p,path t,configType j,jsonEnable',
  why: 'this program reads no RocksDB files: run mqadmin of RocketMQ on that machine, or have the broker write JSON by ternmq rocksdb export-tables',
})

/** What RocketMQ's tools do to things that a broker of TernMQ has not, or that live outside of brokers. */
export const elsewhereVerbs: readonly Verb[] = [
  ...[addBroker, removeBroker, flushOffset, makeStatic, remap, compactionLog, rocksdbFiles],
]
