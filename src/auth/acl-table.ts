import { MqError } from '../base/errors.ts'
import { prettyFastJson, writeFastJson } from '../protocol/fastjson-writer.ts'
import { JsonFields } from '../protocol/json-fields.ts'
import {
  type Acl,
  aclJson,
  decodeAcl,
  type Policies,
  type PolicyType,
  withEntries,
  withoutEntry,
} from './policy.ts'
import { type ResourcePattern, resourcePatternText } from './resource.ts'

/** A cap on what requests can make grow (R20). */
const ENTRIES_MAX = 1000

/** Kind of subject that policies are given to; RocketMQ knows no other. */
const USER_PREFIX = 'User:'

/** The subject that a user is. */
export function subjectOf(username: string): string {
  return USER_PREFIX + username
}

/** @throws MqError invalidParameter when a subject is no user */
export function usernameOf(subject: string): string {
  if (/^user:./i.test(subject)) return subject.slice(USER_PREFIX.length)
  throw new MqError('invalidParameter', `a subject wants the form User:name, not "${subject.slice(0, 100)}"`)
}

/** The policies of all users, as RocketMQ's AuthorizationMetadataManager has them; a table of the metadata. */
export class AclTable {
  readonly fileName = 'acls.json'
  readonly journalKind = 'a'
  readonly isVital = true
  onChange: (text: string) => void = () => undefined
  readonly #acls = new Map<string, Policies>()

  get(username: string): Policies | undefined {
    return this.#acls.get(username)
  }

  /** Those whose subject and whose resources hold these texts, with only these resources. */
  list(subjectFilter = '', resourceFilter = ''): Acl[] {
    const found: Acl[] = []
    for (const [username, policies] of this.#acls) {
      const subject = subjectOf(username)
      if (!subject.includes(subjectFilter)) continue
      const kept = new Map(
        [...policies]
          .map(([type, entries]) => {
            const left = entries.filter(({ resource }) =>
              resourcePatternText(resource).includes(resourceFilter),
            )
            return [type, left] as const
          })
          .filter(([, entries]) => entries.length > 0),
      )
      if (kept.size > 0) found.push({ subject, policies: kept })
    }
    return found
  }

  /** Adds entries, or changes those of the same resource. @throws MqError invalidParameter, busy */
  put({ subject, policies }: Acl): void {
    const username = usernameOf(subject)
    if (policies.size === 0) throw new MqError('invalidParameter', 'the policies are empty')
    const merged = withEntries(this.#acls.get(username) ?? new Map(), policies)
    const count = [...merged.values()].reduce((sum, { length }) => sum + length, 0)
    if (count > ENTRIES_MAX) throw new MqError('busy', `${subject} would have ${count} policy entries`)
    this.#put(username, merged)
  }

  /**
   * Deletes the entry of a resource, or all of the user.
   * @throws MqError noPermission when there is none
   */
  delete(username: string, type: PolicyType, resource: ResourcePattern | undefined): void {
    const policies = this.#acls.get(username)
    if (!policies) throw new MqError('noPermission', 'the acl is not exist')
    const left = resource ? withoutEntry(policies, type, resource) : new Map()
    if (left.size > 0) this.#put(username, left)
    else this.deleteUser(username)
  }

  /** Forgets all policies of a user, if he has any. */
  deleteUser(username: string): void {
    if (this.#acls.delete(username)) this.onChange(`-${username}`)
  }

  load(content: Buffer): void {
    this.#acls.clear()
    for (const acl of JsonFields.ofBody(content, 'acls').list('acls', (item) => decodeAcl(item, ''))) {
      this.#acls.set(usernameOf(acl.subject), acl.policies)
    }
  }

  replay(text: string): void {
    if (text.startsWith('-')) {
      this.#acls.delete(text.slice(1))
      return
    }
    const { subject, policies } = decodeAcl(Buffer.from(text.slice(1)), '')
    this.#acls.set(usernameOf(subject), policies)
  }

  encode(): Buffer {
    return Buffer.from(prettyFastJson({ acls: this.list().map(aclJson) }))
  }

  #put(username: string, policies: Policies): void {
    this.#acls.set(username, policies)
    this.onChange(`+${writeFastJson(aclJson({ subject: subjectOf(username), policies }))}`)
  }
}
