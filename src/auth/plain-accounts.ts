import { MqError } from '../base/errors.ts'
import type { Authority, Principal } from './authority.ts'
import type { Access, Action } from './policy.ts'
import { RemotePattern } from './remote-pattern.ts'

/** An account of ACL 1.0, as plain_acl.yml has it (RocketMQ PlainAccessConfig). */
export interface PlainAccount {
  readonly accessKey: string
  readonly secretKey: string
  /** Addresses that it may be used from; '' is any. It never spares the signature, as it does with RocketMQ. */
  readonly whiteRemoteAddress: string
  /** May do everything. */
  readonly admin: boolean
  readonly defaultTopicPerm: string
  readonly defaultGroupPerm: string
  /** `name=PUB|SUB` */
  readonly topicPerms: readonly string[]
  readonly groupPerms: readonly string[]
}

/** Keys are longer than this (PlainPermissionManager). */
const KEY_LENGTH_MIN = 6

/** What an account may do with one topic or group; nothing: DENY. */
type Perm = readonly ('Pub' | 'Sub')[]

const perms: Readonly<Record<string, Perm>> = {
  DENY: [],
  PUB: ['Pub'],
  SUB: ['Sub'],
  'PUB|SUB': ['Pub', 'Sub'],
  'SUB|PUB': ['Pub', 'Sub'],
}

/** The accounts of ACL 1.0. */
export class PlainAccounts implements Authority {
  readonly accounts: readonly PlainAccount[]
  readonly #principals = new Map<string, PlainPrincipal>()

  /** @throws MqError badSetting that names the account and what is wrong with it */
  constructor(accounts: readonly PlainAccount[]) {
    this.accounts = accounts
    for (const account of accounts) {
      const { accessKey } = account
      if (this.#principals.has(accessKey)) {
        throw new MqError('badSetting', `account ${accessKey} is there twice`)
      }
      this.#principals.set(accessKey, new PlainPrincipal(account))
    }
  }

  principal(accessKey: string): Principal | undefined {
    return this.#principals.get(accessKey)
  }
}

class PlainPrincipal implements Principal {
  readonly name: string
  readonly secret: string
  readonly isSuper: boolean
  readonly #remote: RemotePattern | undefined
  readonly #perms: Readonly<Record<'Topic' | 'Group', ReadonlyMap<string, Perm>>>
  readonly #defaults: Readonly<Record<'Topic' | 'Group', Perm>>

  constructor(account: PlainAccount) {
    const { accessKey, secretKey, admin, whiteRemoteAddress } = account
    if (accessKey.length <= KEY_LENGTH_MIN || secretKey.length <= KEY_LENGTH_MIN) {
      throw new MqError(
        'badSetting',
        `account "${accessKey}": keys want more than ${KEY_LENGTH_MIN} characters`,
      )
    }
    this.name = accessKey
    this.secret = secretKey
    this.isSuper = admin
    this.#remote = whiteRemoteAddress.trim() === '' ? undefined : new RemotePattern(whiteRemoteAddress)
    this.#perms = {
      Topic: permTable(accessKey, account.topicPerms),
      Group: permTable(accessKey, account.groupPerms),
    }
    this.#defaults = {
      Topic: permOf(accessKey, account.defaultTopicPerm || 'DENY'),
      Group: permOf(accessKey, account.defaultGroupPerm || 'DENY'),
    }
  }

  /** Reading facts of a topic or group goes with any perm; creating and changing is for admins. */
  mayDo({ resource: { type, name }, anyOf }: Access): boolean {
    if (this.isSuper) return true
    if (type !== 'Topic' && type !== 'Group') return false
    const perm = this.#perms[type].get(name) ?? this.#defaults[type]
    return anyOf.some((action: Action) =>
      action === 'Get' ? perm.length > 0 : (action === 'Pub' || action === 'Sub') && perm.includes(action),
    )
  }

  refusal(sourceIp: string): string | undefined {
    if (!this.#remote || this.#remote.matches(sourceIp)) return undefined
    return `account ${this.name} may not be used from ${sourceIp}`
  }
}

function permTable(accessKey: string, lines: readonly string[]): Map<string, Perm> {
  const table = new Map<string, Perm>()
  for (const line of lines) {
    const [name = '', perm, ...rest] = line.split('=').map((part) => part.trim())
    if (name === '' || perm === undefined || rest.length > 0) {
      throw new MqError(
        'badSetting',
        `account ${accessKey}: "${line.slice(0, 100)}" wants the form name=PUB|SUB`,
      )
    }
    table.set(name, permOf(accessKey, perm))
  }
  return table
}

function permOf(accessKey: string, text: string): Perm {
  const perm = Object.hasOwn(perms, text.trim()) ? perms[text.trim()] : undefined
  if (perm) return perm
  const wants = Object.keys(perms).join(', ')
  throw new MqError('badSetting', `account ${accessKey}: "${text.slice(0, 40)}" is none of ${wants}`)
}
