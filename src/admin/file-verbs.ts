import { ClientError } from '../client/index.ts'
import { RequestCode } from '../protocol/request-code.ts'
import {
  encodeSubscriptionGroupList,
  type SubscriptionGroupConfig,
} from '../protocol/subscription-group-config.ts'
import { encodeTopicConfigList, type TopicConfig } from '../protocol/topic-config.ts'
import { decodeTopicList } from '../protocol/topic-list.ts'
import {
  deleteRight,
  deleteUser,
  flatRights,
  heldAcl,
  partsOf,
  plainUsers,
  putRight,
  putUser,
} from './acl-file.ts'
import type { BrokerAddress, Cluster } from './cluster.ts'
import {
  type ClusterFile,
  clusterFileOf,
  clusterFileText,
  groupOfEntry,
  parseClusterFile,
  topicOfEntry,
} from './cluster-file.ts'
import { groupsOfBroker } from './group-progress.ts'
import { flag, required, text } from './option.ts'
import { choice, topicsOf } from './topic-verbs.ts'
import { done, type Row, table, type Verb, type VerbContext, verb } from './verb.ts'

const file = required('file', 'YAML with topics, groups, users and rights')

const exporting = verb('', 'export', {
  about: 'write the topics, groups, users and rights of a broker as YAML; secrets are left out',
  options: { ...choice, file: text('file', 'into this file instead of printing it') },
  mqadmin: {
    name: 'exportMetadata',
    flags: {
      'b,brokerAddr': 'broker',
      'c,clusterName': 'cluster',
      'f,filePath': 'file',
      't,topic': '',
      'g,subscriptionGroup': '',
      's,specialTopic': '',
    },
  },
  async run({ cluster, writeFile }, input) {
    const { address, brokerName } = await cluster.firstMaster(input)
    const { file: topicsAndGroups } = await held(cluster, address)
    const content = clusterFileText({ ...topicsAndGroups, ...(await heldAcl(cluster, address)) })
    if (input.file === undefined) return done(content.trimEnd())
    writeFile(input.file, content)
    return done(`what ${brokerName} holds is in ${input.file}`)
  },
})

const diff = verb('', 'diff', {
  about: 'what applying a file would change',
  options: { file, prune: flag('also what it would delete because the file does not name it'), ...choice },
  positional: ['file'],
  async run(context, input) {
    return table(await changes(context, input, false), COLUMNS)
  },
})

const apply = verb('', 'apply', {
  about:
    'make the topics, groups, users and rights of brokers those of a file; done twice it changes nothing',
  options: {
    file,
    prune: flag('delete what the file does not name'),
    dryRun: flag('only say what would change'),
    ...choice,
  },
  positional: ['file'],
  destroys: (input) => (input.prune && !input.dryRun ? `what ${input.file} does not name` : undefined),
  async run(context, input) {
    return table(await changes(context, input, !input.dryRun), COLUMNS)
  },
})

export const fileVerbs: readonly Verb[] = [exporting, diff, apply]

const COLUMNS = ['broker', 'change', 'what', 'name', 'before', 'now']

/** What a broker holds, as it says it and as a file has it. */
interface Held {
  readonly topics: ReadonlyMap<string, TopicConfig>
  readonly groups: ReadonlyMap<string, SubscriptionGroupConfig>
  readonly file: ClusterFile
}

async function held(cluster: Cluster, address: string): Promise<Held> {
  const topics = await topicsOf(cluster, address)
  const groups = await groupsOfBroker(cluster, address)
  const { body } = await cluster.broker(address, RequestCode.GET_SYSTEM_TOPIC_LIST_FROM_BROKER)
  const own = new Set(decodeTopicList(body).topics)
  const theirs = [...topics.values()].filter(({ topicName }) => !own.has(topicName))
  return { topics, groups, file: clusterFileOf(theirs, groups.values()) }
}

/** Compares each broker with the file, and makes the changes where that is wanted. @returns a row for each */
async function changes(
  { cluster, readFile }: VerbContext,
  input: {
    readonly file: string
    readonly prune: boolean
    readonly cluster?: string | undefined
    readonly broker?: string | undefined
  },
  isApplied: boolean,
): Promise<Row[]> {
  const wanted = parseClusterFile(readFile(input.file).toString(), input.file)
  const rows: Row[] = []
  for (const broker of await cluster.masters(input)) {
    const now = await held(cluster, broker.address)
    const topics = compared('topic', now.file.topics, wanted.topics, input.prune)
    const groups = compared('group', now.file.groups, wanted.groups, input.prune)
    if (isApplied) await applyTo(cluster, broker, { now, wanted, changed: [...topics, ...groups] })
    const acl = await aclChanges(cluster, broker, { wanted, prune: input.prune, isApplied })
    for (const row of [...topics, ...groups, ...acl]) rows.push({ broker: broker.brokerName, ...row })
  }
  return rows
}

/** One difference between a broker and the file. */
interface Change extends Row {
  readonly change: 'make' | 'change' | 'delete'
  readonly what: 'topic' | 'group' | 'user' | 'right'
  readonly name: string
}

function compared(
  what: Change['what'],
  now: Readonly<Record<string, unknown>>,
  wanted: Readonly<Record<string, unknown>>,
  prune: boolean,
): Change[] {
  const made = Object.entries(wanted).flatMap(([name, entry]): Change[] => {
    const [before, after] = [JSON.stringify(now[name]), JSON.stringify(entry)]
    if (before === after) return []
    return [{ change: before === undefined ? 'make' : 'change', what, name, before, now: after }]
  })
  const gone = Object.entries(now).filter(([name]) => prune && !(name in wanted))
  return [
    ...made,
    ...gone.map(([name, entry]): Change => ({ change: 'delete', what, name, before: JSON.stringify(entry) })),
  ]
}

/** Users and rights are looked at where the file has them. */
async function aclChanges(
  cluster: Cluster,
  { address, brokerName }: BrokerAddress,
  { wanted, prune, isApplied }: { wanted: ClusterFile; prune: boolean; isApplied: boolean },
): Promise<Change[]> {
  const { users, rights } = wanted
  if (!users && !rights) return []
  const now = await heldAcl(cluster, address)
  if (!now)
    throw new ClientError(
      'notSupported',
      `${brokerName} keeps no users and rights: set authenticationEnabled and authorizationEnabled there`,
    )
  const wantedRights = rights && flatRights(rights)
  const ofUsers = users ? compared('user', plainUsers(now.users), plainUsers(users), prune) : []
  const ofRights = wantedRights ? compared('right', flatRights(now.rights), wantedRights, prune) : []
  if (!isApplied) return [...ofUsers, ...ofRights]
  // a right names its user, who is there before it and goes after it
  await putUsers(cluster, address, users ?? {}, ofUsers)
  await applyRights(cluster, address, {
    rights: wantedRights ?? {},
    changed: ofRights,
    known: Object.keys(now.rights),
  })
  for (const { name, change } of ofUsers) if (change === 'delete') await deleteUser(cluster, address, name)
  return [...ofUsers, ...ofRights]
}

async function putUsers(
  cluster: Cluster,
  address: string,
  users: NonNullable<ClusterFile['users']>,
  changed: readonly Change[],
): Promise<void> {
  for (const { name: username, change } of changed) {
    const user = users[username]
    if (user) await putUser(cluster, address, { username, user, isNew: change === 'make' })
  }
}

/** @param known the subjects that have rights already */
async function applyRights(
  cluster: Cluster,
  address: string,
  {
    rights,
    changed,
    known,
  }: { rights: ReturnType<typeof flatRights>; changed: readonly Change[]; known: Iterable<string> },
): Promise<void> {
  const subjects = new Set(known)
  for (const { name } of changed) {
    const right = rights[name]
    const [subject] = partsOf(name)
    if (right) await putRight(cluster, address, { name, right, isNew: !subjects.has(subject) })
    else await deleteRight(cluster, address, name)
    subjects.add(subject)
  }
}

async function applyTo(
  cluster: Cluster,
  { address }: BrokerAddress,
  { now, wanted, changed }: { now: Held; wanted: ClusterFile; changed: readonly Change[] },
): Promise<void> {
  const named = (what: Change['what']): string[] =>
    changed.filter((each) => each.what === what && each.change !== 'delete').map(({ name }) => name)
  const topics = named('topic').flatMap((name) => {
    const entry = wanted.topics[name]
    return entry ? [topicOfEntry(name, entry)] : []
  })
  const groups = named('group').flatMap((name) => {
    const entry = wanted.groups[name]
    return entry ? [groupOfEntry(name, entry, now.groups.get(name))] : []
  })
  if (topics.length > 0)
    await cluster.broker(address, RequestCode.UPDATE_AND_CREATE_TOPIC_LIST, {}, encodeTopicConfigList(topics))
  if (groups.length > 0)
    await cluster.broker(
      address,
      RequestCode.UPDATE_AND_CREATE_SUBSCRIPTIONGROUP_LIST,
      {},
      encodeSubscriptionGroupList(groups),
    )
  for (const { what, name } of changed.filter(({ change }) => change === 'delete')) {
    if (what === 'topic') {
      await cluster.broker(address, RequestCode.DELETE_TOPIC_IN_BROKER, { topic: name })
      await cluster.eachNamesrv(RequestCode.DELETE_TOPIC_IN_NAMESRV, { topic: name })
    } else
      await cluster.broker(address, RequestCode.DELETE_SUBSCRIPTIONGROUP, {
        groupName: name,
        cleanOffset: false,
      })
  }
}
