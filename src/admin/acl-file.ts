import { z } from 'zod'
import { ClientError } from '../client/index.ts'
import type { FastJsonObject } from '../protocol/fastjson.ts'
import { fastJsonBytes } from '../protocol/fastjson-writer.ts'
import { readText } from '../protocol/json-fields.ts'
import { RequestCode } from '../protocol/request-code.ts'
import { objectsOf } from './acl-verbs.ts'
import type { Cluster } from './cluster.ts'

const userShape = z.strictObject({
  type: z.enum(['Normal', 'Super']).default('Normal'),
  status: z.enum(['enable', 'disable']).default('enable'),
  /** Its secret key: wanted where the user is made, not looked at where it exists, never exported. */
  password: z.string().min(1).optional(),
})

const rightShape = z.strictObject({
  actions: z.array(z.string()).min(1),
  decision: z.enum(['Allow', 'Deny']).default('Allow'),
  from: z.array(z.string()).default([]),
})

/** Users by name, and what each subject may do by resource, as a file has them. */
export const aclShape = {
  users: z.record(z.string(), userShape).optional(),
  rights: z.record(z.string(), z.record(z.string(), rightShape)).optional(),
}

export type FileUser = z.infer<typeof userShape>
export type FileRight = z.infer<typeof rightShape>
export type FileUsers = Readonly<Record<string, FileUser>>
export type FileRights = Readonly<Record<string, Readonly<Record<string, FileRight>>>>

/** The users and rights of a broker as a file has them; undefined where it keeps none. */
export async function heldAcl(
  cluster: Cluster,
  address: string,
): Promise<{ users: FileUsers; rights: FileRights } | undefined> {
  try {
    const users = await cluster.broker(address, RequestCode.AUTH_LIST_USER)
    const rights = await cluster.broker(address, RequestCode.AUTH_LIST_ACL)
    return { users: usersOf(users.body), rights: rightsOf(rights.body) }
  } catch (error) {
    // RocketMQ without ACL 2.0 answers by an exception of its own
    if (error instanceof ClientError && error.responseCode !== undefined && error.code !== 'noPermission')
      return undefined
    throw error
  }
}

/** What rights are compared by: a subject and a resource each. */
export function flatRights(rights: FileRights): Record<string, FileRight> {
  const flat = Object.entries(rights).flatMap(([subject, resources]) =>
    Object.entries(resources).map(([resource, right]) => [`${subject} ${resource}`, right] as const),
  )
  return Object.fromEntries(flat)
}

/** What users are compared by: secrets are not told. */
export function plainUsers(users: FileUsers): Record<string, Omit<FileUser, 'password'>> {
  return Object.fromEntries(Object.entries(users).map(([name, { type, status }]) => [name, { type, status }]))
}

/** Makes a user, or changes it. @throws ClientError invalidParameter for a new one without a password */
export async function putUser(
  cluster: Cluster,
  address: string,
  { username, user, isNew }: { username: string; user: FileUser; isNew: boolean },
): Promise<void> {
  const { type: userType, status: userStatus, password } = user
  const send = (code: number, body: FastJsonObject) =>
    cluster.broker(address, code, { username }, fastJsonBytes(body))
  if (isNew) {
    if (password === undefined)
      throw new ClientError('invalidParameter', `users.${username} does not exist yet: it wants a password`)
    await send(RequestCode.AUTH_CREATE_USER, { password, userType, username })
    if (userStatus === 'enable') return
  }
  await send(RequestCode.AUTH_UPDATE_USER, { userStatus, userType, username })
}

/** Says what a subject may do to a resource. @param isNew whether nothing is said of the subject yet */
export async function putRight(
  cluster: Cluster,
  address: string,
  { name, right, isNew }: { name: string; right: FileRight; isNew: boolean },
): Promise<void> {
  const [subject, resource] = partsOf(name)
  const { actions, decision, from: sourceIps } = right
  const entries = [{ actions, decision, resource, sourceIps }]
  const body = fastJsonBytes({ policies: [{ entries, policyType: 'Custom' }], subject })
  const code = isNew ? RequestCode.AUTH_CREATE_ACL : RequestCode.AUTH_UPDATE_ACL
  await cluster.broker(address, code, { subject }, body)
}

export async function deleteUser(cluster: Cluster, address: string, username: string): Promise<void> {
  await cluster.broker(address, RequestCode.AUTH_DELETE_USER, { username })
}

export async function deleteRight(cluster: Cluster, address: string, name: string): Promise<void> {
  const [subject, resource] = partsOf(name)
  await cluster.broker(address, RequestCode.AUTH_DELETE_ACL, { subject, resource })
}

/** The subject and the resource of a name of `flatRights`. */
export function partsOf(name: string): [string, string] {
  const at = name.indexOf(' ')
  return [name.slice(0, at), name.slice(at + 1)]
}

function usersOf(body: Buffer): FileUsers {
  return sorted(
    objectsOf(body, 'users').map((fields) => [
      fields.text('username', ''),
      {
        type: fields.text('userType', '') === 'Super' ? 'Super' : 'Normal',
        status: fields.text('userStatus', '') === 'disable' ? 'disable' : 'enable',
      },
    ]),
  )
}

/** Default rules, for all that is not named, are left out: they have no resource. */
function rightsOf(body: Buffer): FileRights {
  const subjects = objectsOf(body, 'rights').map((acl): [string, Record<string, FileRight>] => {
    const policies = acl.objects('policies', (policy) => ({
      isCustom: policy.text('policyType', '') === 'Custom',
      entries: policy.objects('entries', (entry): [string, FileRight] => [
        entry.text('resource', ''),
        {
          actions: entry.list('actions', readText),
          decision: entry.text('decision', '') === 'Deny' ? 'Deny' : 'Allow',
          from: entry.list('sourceIps', readText),
        },
      ]),
    }))
    const entries = policies.filter(({ isCustom }) => isCustom).flatMap((policy) => policy.entries)
    return [acl.text('subject', ''), sorted(entries)]
  })
  return sorted(subjects)
}

function sorted<Value>(entries: readonly (readonly [string, Value])[]): Record<string, Value> {
  return Object.fromEntries([...entries].toSorted(([one], [other]) => (one < other ? -1 : 1)))
}
