import { ClientError } from '../client/index.ts'
import type { FastJsonObject } from '../protocol/fastjson.ts'
import { readFastJson } from '../protocol/fastjson.ts'
import { fastJsonBytes } from '../protocol/fastjson-writer.ts'
import { JsonFields, readText } from '../protocol/json-fields.ts'
import { RequestCode } from '../protocol/request-code.ts'
import type { BrokerChoice, Cluster } from './cluster.ts'
import { oneOf, required, text, textOr } from './option.ts'
import { namesOf } from './rows.ts'
import { choice } from './topic-verbs.ts'
import { done, type Output, type Row, table, type Verb, verb } from './verb.ts'

const brokerFlags = { 'b,brokerAddr': 'broker', 'c,clusterName': 'cluster' } as const
const userTypes = ['Normal', 'Super'] as const
const statuses = ['enable', 'disable'] as const

/** What RocketMQ answers without is no plain word. */
const needs =
  'users and rights are kept by brokers with ACL 2.0: set authenticationEnabled and authorizationEnabled there (RocketMQ wants its two metadata providers set too)'

const username = required('name', 'name of the user: its access key')
const subject = required('subject', 'whose rights: User:name')

const createUser = verb('acl', 'create-user', {
  about: 'make a user (ACL 2.0)',
  options: {
    username,
    password: required('password', 'its secret key'),
    type: oneOf('Normal', userTypes, 'a Super user may do everything'),
    ...choice,
  },
  positional: ['username'],
  mqadmin: {
    name: 'createUser',
    flags: { ...brokerFlags, 'u,username': 'username', 'p,password': 'password', 't,userType': 'type' },
  },
  async run({ cluster }, input) {
    const user = { password: input.password, userType: input.type, username: input.username }
    return onAll(cluster, input, RequestCode.AUTH_CREATE_USER, {
      fields: { username: input.username },
      body: user,
    })
  },
})

const updateUser = verb('acl', 'update-user', {
  about: 'change what a user is; what is not given stays',
  options: {
    username,
    password: text('password', 'its secret key'),
    type: text(userTypes.join('|'), 'a Super user may do everything'),
    status: text(statuses.join('|'), 'a disabled user is refused'),
    ...choice,
  },
  positional: ['username'],
  mqadmin: {
    name: 'updateUser',
    flags: {
      ...brokerFlags,
      'u,username': 'username',
      'p,password': 'password',
      't,userType': 'type',
      's,userStatus': 'status',
    },
  },
  async run({ cluster }, input) {
    const user = {
      username: input.username,
      ...(input.password !== undefined && { password: input.password }),
      ...(input.type !== undefined && { userType: input.type }),
      ...(input.status !== undefined && { userStatus: input.status }),
    }
    return onAll(cluster, input, RequestCode.AUTH_UPDATE_USER, {
      fields: { username: input.username },
      body: user,
    })
  },
})

const deleteUser = verb('acl', 'delete-user', {
  about: 'delete a user with its rights',
  options: { username, ...choice },
  positional: ['username'],
  destroys: (input) => input.username,
  mqadmin: { name: 'deleteUser', flags: { ...brokerFlags, 'u,username': 'username' } },
  async run({ cluster }, input) {
    return onAll(cluster, input, RequestCode.AUTH_DELETE_USER, { fields: { username: input.username } })
  },
})

const users = verb('acl', 'users', {
  about: 'users of each broker',
  options: {
    filter: text('text', 'whose name holds this'),
    username: text('name', 'this user only'),
    ...choice,
  },
  mqadmin: [
    { name: 'listUser', flags: { ...brokerFlags, 'f,filter': 'filter' } },
    { name: 'getUser', flags: { ...brokerFlags, 'u,username': 'username' } },
  ],
  async run({ cluster }, input) {
    const rows: Row[] = []
    for (const { address, brokerName } of await cluster.masters(input)) {
      const { body } =
        input.username === undefined
          ? await cluster.broker(address, RequestCode.AUTH_LIST_USER, { filter: input.filter })
          : await cluster.broker(address, RequestCode.AUTH_GET_USER, { username: input.username })
      for (const fields of objectsOf(body, 'users')) {
        const [name, type, status] = ['username', 'userType', 'userStatus'].map((each) =>
          fields.text(each, ''),
        )
        rows.push({ broker: brokerName, user: name, type, status })
      }
    }
    return table(rows, ['broker', 'user', 'type', 'status'])
  },
})

const rights = {
  subject,
  resources: required('resources', 'such as Topic:orders,Group:billing,Topic:* joined by commas'),
  actions: required('actions', 'Pub, Sub, All, Create, Update, Delete, Get, List joined by commas'),
  decision: oneOf('Allow', ['Allow', 'Deny'], 'Deny wins over Allow'),
  sourceIps: textOr('', 'addresses', 'only from these addresses or CIDR ranges, joined by commas'),
  ...choice,
}

const aclFlags = {
  ...brokerFlags,
  's,subject': 'subject',
  'r,resources': 'resources',
  'a,actions': 'actions',
  'd,decision': 'decision',
  'i,sourceIp': 'sourceIps',
} as const

/** A verb that says what a user may do to some resources. */
function rightsVerb(name: string, about: string, { code, mqadmin }: { code: number; mqadmin: string }): Verb {
  return verb('acl', name, {
    about,
    options: rights,
    positional: ['subject', 'resources', 'actions'],
    mqadmin: { name: mqadmin, flags: aclFlags },
    async run({ cluster }, input) {
      return onAll(cluster, input, code, { fields: { subject: input.subject }, body: aclOf(input) })
    },
  })
}

const grant = rightsVerb('grant', 'give a user rights, or take them by Deny', {
  code: RequestCode.AUTH_CREATE_ACL,
  mqadmin: 'createAcl',
})

const change = rightsVerb('change', 'change rights of a user on these resources', {
  code: RequestCode.AUTH_UPDATE_ACL,
  mqadmin: 'updateAcl',
})

const revoke = verb('acl', 'revoke', {
  about: 'delete what is said of a user and a resource, or all that is said of the user',
  options: { subject, resource: text('resource', 'such as Topic:orders; all unless given'), ...choice },
  positional: ['subject'],
  destroys: (input) => input.subject,
  mqadmin: {
    name: 'deleteAcl',
    flags: { ...brokerFlags, 's,subject': 'subject', 'r,resources': 'resource' },
  },
  async run({ cluster }, input) {
    const fields = { subject: input.subject, resource: input.resource }
    return onAll(cluster, input, RequestCode.AUTH_DELETE_ACL, { fields })
  },
})

const list = verb('acl', 'list', {
  about: 'rights on each broker',
  options: {
    subject: text('subject', 'of this user only: User:name'),
    subjectFilter: text('text', 'of users whose name holds this'),
    resourceFilter: text('text', 'on resources whose name holds this'),
    ...choice,
  },
  mqadmin: [
    {
      name: 'listAcl',
      flags: { ...brokerFlags, 's,subject': 'subjectFilter', 'r,resource': 'resourceFilter' },
    },
    { name: 'getAcl', flags: { ...brokerFlags, 's,subject': 'subject' } },
  ],
  async run({ cluster }, input) {
    const rows: Row[] = []
    for (const { address, brokerName } of await cluster.masters(input)) {
      const { subjectFilter, resourceFilter } = input
      const { body } =
        input.subject === undefined
          ? await cluster.broker(address, RequestCode.AUTH_LIST_ACL, { subjectFilter, resourceFilter })
          : await cluster.broker(address, RequestCode.AUTH_GET_ACL, { subject: input.subject })
      for (const acl of objectsOf(body, 'rights')) rows.push(...rightsOf(acl, brokerName))
    }
    return table(rows, ['broker', 'subject', 'policy', 'resource', 'actions', 'decision', 'from'])
  },
})

const usersOf = text('names', 'these users only, joined by commas')
const copied = {
  from: required('host:port', 'broker that has them'),
  to: required('host:port', 'broker that gets them'),
}

const copyUsers = verb('acl', 'copy-users', {
  about: 'copy users, with their secrets, from one broker to another',
  options: { ...copied, users: usersOf },
  positional: ['from', 'to'],
  mqadmin: {
    name: 'copyUser',
    flags: { 'f,fromBroker': 'from', 't,toBroker': 'to', 'u,usernames': 'users' },
  },
  run: ({ cluster }, { users: names, ...way }) => copy(cluster, { ...way, names }, userCopy),
})

const copyRights = verb('acl', 'copy-rights', {
  about: 'copy rights of users from one broker to another',
  options: {
    ...copied,
    subjects: text('subjects', 'these subjects only, such as User:shop, joined by commas'),
  },
  positional: ['from', 'to'],
  mqadmin: {
    name: 'copyAcl',
    flags: { 'f,fromBroker': 'from', 't,toBroker': 'to', 's,subjects': 'subjects' },
  },
  run: ({ cluster }, { subjects: names, ...way }) => copy(cluster, { ...way, names }, rightsCopy),
})

export const aclVerbs: readonly Verb[] = [
  ...[createUser, updateUser, deleteUser, users, grant, change, revoke, list, copyUsers, copyRights],
].map((each) => ({ ...each, needs }))

/** The requests that copy users, or rights. */
interface CopyCodes {
  readonly what: string
  /** Field that names one of them. */
  readonly key: 'username' | 'subject'
  readonly list: number
  readonly get: number
  readonly create: number
  readonly update: number
}

const userCopy: CopyCodes = {
  ...{ what: 'users', key: 'username', list: RequestCode.AUTH_LIST_USER, get: RequestCode.AUTH_GET_USER },
  ...{ create: RequestCode.AUTH_CREATE_USER, update: RequestCode.AUTH_UPDATE_USER },
}

const rightsCopy: CopyCodes = {
  ...{ what: 'subjects', key: 'subject', list: RequestCode.AUTH_LIST_ACL, get: RequestCode.AUTH_GET_ACL },
  ...{ create: RequestCode.AUTH_CREATE_ACL, update: RequestCode.AUTH_UPDATE_ACL },
}

async function copy(
  cluster: Cluster,
  { from, to, names }: { from: string; to: string; names: string | undefined },
  { what, key, list: listing, get, create, update }: CopyCodes,
): Promise<Output> {
  const there = objectsOf((await cluster.broker(from, listing)).body, what)
  const wanted = names === undefined ? undefined : partsOf(names)
  const rows: Row[] = []
  for (const fields of there) {
    const name = fields.text(key, '')
    if (wanted && !wanted.includes(name)) continue
    const isThere = (await cluster.broker(to, get, { [key]: name })).body.length > 0
    if (!isThere && key === 'username' && !fields.has('password'))
      throw new ClientError(
        'notSupported',
        `${from} does not tell the password of ${name} (brokers of TernMQ never do): make it on ${to} by ternmq acl create-user`,
      )
    const body = fastJsonBytes(fields.whole)
    await cluster.broker(to, isThere ? update : create, { [key]: name }, body)
    rows.push({ [key]: name, from, to, change: isThere ? 'changed' : 'made' })
  }
  return table(rows, [key, 'from', 'to', 'change'])
}

async function onAll(
  cluster: Cluster,
  where: BrokerChoice,
  code: number,
  { fields, body }: { fields: Readonly<Record<string, string | undefined>>; body?: FastJsonObject },
): Promise<Output> {
  const masters = await cluster.masters(where)
  for (const { address } of masters) await cluster.broker(address, code, fields, body && fastJsonBytes(body))
  return done(`done on ${namesOf(masters)}`, { brokers: masters.length })
}

function aclOf(input: {
  readonly subject: string
  readonly resources: string
  readonly actions: string
  readonly decision: string
  readonly sourceIps: string
}): FastJsonObject {
  const { decision } = input
  const [actions, sourceIps] = [input.actions, input.sourceIps].map(partsOf)
  const entries = partsOf(input.resources).map((resource) => {
    return { actions: actions ?? [], decision, resource, sourceIps: sourceIps ?? [] }
  })
  return { policies: [{ entries, policyType: 'Custom' }], subject: input.subject }
}

function partsOf(joined: string): string[] {
  return joined.split(',').flatMap((part) => (part.trim() === '' ? [] : [part.trim()]))
}

function rightsOf(acl: JsonFields, broker: string): Row[] {
  return acl
    .objects('policies', (policy) => ({
      type: policy.text('policyType', ''),
      entries: policy.objects('entries', entryOf),
    }))
    .flatMap(({ type, entries }) =>
      entries.map((entry) => ({ broker, subject: acl.text('subject', ''), policy: type, ...entry })),
    )
}

function entryOf(entry: JsonFields): Row {
  return {
    resource: entry.text('resource', ''),
    actions: entry.list('actions', readText).join(','),
    decision: entry.text('decision', ''),
    from: entry.list('sourceIps', readText).join(','),
  }
}

/** A body that is one object, a list of them, or nothing. */
export function objectsOf(body: Buffer, what: string): JsonFields[] {
  if (body.length === 0) return []
  const value = readFastJson(body.toString())
  return Array.isArray(value)
    ? new JsonFields({ [what]: value }, '').objects(what, (each) => each)
    : [new JsonFields(value, what)]
}
