import { aclVerbs } from './acl-verbs.ts'
import { auditVerbs } from './audit-verbs.ts'
import { benchVerbs } from './bench-verb.ts'
import { brokerVerbs } from './broker-verbs.ts'
import { checkVerbs } from './check-verbs.ts'
import { clusterVerbs } from './cluster-verbs.ts'
import { coldReadVerbs } from './cold-read-verbs.ts'
import { controllerVerbs } from './controller-verbs.ts'
import { doctorVerbs } from './doctor-verb.ts'
import { elsewhereVerbs } from './elsewhere-verbs.ts'
import { fileVerbs } from './file-verbs.ts'
import { groupStateVerbs } from './group-state-verbs.ts'
import { groupVerbs } from './group-verbs.ts'
import { liteVerbs } from './lite-verbs.ts'
import { liveVerbs } from './live-verbs.ts'
import { messageVerbs } from './message-verbs.ts'
import { namesrvVerbs } from './namesrv-verbs.ts'
import { offsetVerbs } from './offset-verbs.ts'
import { rescueVerbs } from './rescue-verbs.ts'
import { rocksdbVerbs } from './rocksdb-verbs.ts'
import { storeVerbs } from './store-verbs.ts'
import { topicVerbs } from './topic-verbs.ts'
import { traceVerbs } from './trace-verbs.ts'
import { transactionVerbs } from './transaction-verbs.ts'
import type { Verb } from './verb.ts'

/** Everything an operator can ask. */
export const verbs: readonly Verb[] = [
  ...topicVerbs,
  ...groupVerbs,
  ...groupStateVerbs,
  ...messageVerbs,
  ...auditVerbs,
  ...offsetVerbs,
  ...brokerVerbs,
  ...clusterVerbs,
  ...namesrvVerbs,
  ...traceVerbs,
  ...aclVerbs,
  ...checkVerbs,
  ...doctorVerbs,
  ...rescueVerbs,
  ...transactionVerbs,
  ...liveVerbs,
  ...fileVerbs,
  ...benchVerbs,
  ...storeVerbs,
  ...controllerVerbs,
  ...coldReadVerbs,
  ...rocksdbVerbs,
  ...liteVerbs,
  ...elsewhereVerbs,
]

/** What the nouns of verbs are about, for help. */
export const nouns: Readonly<Record<string, string>> = {
  topic: 'topics: make, change, look at, delete',
  group: 'consumer groups: settings, members, how far they are',
  message: 'messages: send, find, print',
  offset: 'what groups have committed: look at, move, copy',
  broker: 'brokers: state, settings, statistics',
  cluster: 'clusters as a whole: brokers, settings, figures, probes, watching',
  namesrv: 'NameServers: settings, keys, write permissions',
  transaction: 'transactions that nobody has ended: look at, take up again',
  dlq: 'dead letters of groups: look at, send back',
  store: 'store directories of brokers that are stopped',
  acl: 'users and rights (ACL 2.0)',
  trace: "messages' ways, as clients tell them",
  check: 'checks for monitoring, in the form of Nagios plugins',
  controller: 'controllers of RocketMQ, which choose masters',
  container: "RocketMQ's broker containers",
  'cold-read': 'limits of RocketMQ on what is read from disk',
  rocksdb: 'what RocketMQ keeps in RocksDB',
  lite: 'lite topics of RocketMQ',
}
