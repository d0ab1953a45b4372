import { MqError } from '../base/errors.ts'
import type { FastJson, FastJsonObject } from '../protocol/fastjson.ts'
import { JsonFields, readText } from '../protocol/json-fields.ts'
import { isAddressRange, isInRange } from './address-range.ts'
import {
  comparePrecedence,
  matchesResource,
  parseResourcePattern,
  type Resource,
  type ResourcePattern,
  resourcePatternText,
} from './resource.ts'

/** What may be done to a resource (RocketMQ Action). */
export const ACTIONS = ['All', 'Pub', 'Sub', 'Create', 'Update', 'Delete', 'Get', 'List'] as const
export type Action = (typeof ACTIONS)[number]

export const POLICY_TYPES = ['Custom', 'Default'] as const
export type PolicyType = (typeof POLICY_TYPES)[number]

const DECISIONS = ['Allow', 'Deny'] as const

/** What a request wants to do: one of the actions is enough. */
export interface Access {
  readonly resource: Resource
  readonly anyOf: readonly Action[]
}

/** One line of a policy. */
export interface PolicyEntry {
  readonly resource: ResourcePattern
  readonly actions: readonly Action[]
  /** Addresses or CIDR ranges that it holds for; none: everywhere. */
  readonly sourceIps: readonly string[]
  readonly decision: (typeof DECISIONS)[number]
}

/** The entries of a subject, by type; of one resource there is one entry in each. */
export type Policies = ReadonlyMap<PolicyType, readonly PolicyEntry[]>

/** Rights of one subject, `User:name` (RocketMQ Acl, its body AclInfo). */
export interface Acl {
  readonly subject: string
  readonly policies: Policies
}

/**
 * Whether policies allow an access from an address. Entries of the Custom policy count before those of the Default one, the most
 * exact one first; between equals Deny wins; without any entry that matches it is denied (AclAuthorizationHandler).
 */
export function isAllowed(policies: Policies, access: Access, sourceIp: string): boolean {
  for (const type of POLICY_TYPES) {
    let first: PolicyEntry | undefined
    for (const entry of policies.get(type) ?? []) {
      if (matches(entry, access, sourceIp) && (!first || isBefore(entry, first))) first = entry
    }
    if (first) return first.decision === 'Allow'
  }
  return false
}

function matches({ resource, actions, sourceIps }: PolicyEntry, access: Access, sourceIp: string): boolean {
  if (!matchesResource(resource, access.resource)) return false
  if (!actions.includes('All') && !access.anyOf.some((action) => actions.includes(action))) return false
  return sourceIps.length === 0 || sourceIps.some((range) => isInRange(sourceIp, range))
}

function isBefore(one: PolicyEntry, other: PolicyEntry): boolean {
  const order = comparePrecedence(one.resource, other.resource)
  return order < 0 || (order === 0 && one.decision === 'Deny')
}

/** The policies with these entries added, or put in the place of those for the same resource. */
export function withEntries(policies: Policies, added: Policies): Policies {
  const merged = new Map(policies)
  for (const [type, entries] of added) {
    const byResource = new Map<string, PolicyEntry>()
    for (const entry of [...(policies.get(type) ?? []), ...entries]) {
      byResource.set(resourcePatternText(entry.resource), entry)
    }
    merged.set(type, [...byResource.values()])
  }
  return merged
}

/** The policies without the entry of this resource. */
export function withoutEntry(policies: Policies, type: PolicyType, resource: ResourcePattern): Policies {
  const text = resourcePatternText(resource)
  const left = (policies.get(type) ?? []).filter((entry) => resourcePatternText(entry.resource) !== text)
  const rest = new Map(policies)
  if (left.length > 0) rest.set(type, left)
  else rest.delete(type)
  return rest
}

/** @throws MqError invalidParameter */
export function parsePolicyType(text: string | undefined): PolicyType {
  return text === undefined || text === '' ? 'Custom' : wordOf('policy type', POLICY_TYPES, text)
}

/** Reads an AclInfo body. @throws MqError badBody, invalidParameter for what could be misunderstood */
export function decodeAcl(body: FastJson | Buffer, subject: string): Acl {
  const fields = Buffer.isBuffer(body) ? JsonFields.ofBody(body, 'acl') : new JsonFields(body, 'acl')
  const policies = new Map<PolicyType, readonly PolicyEntry[]>()
  for (const [type, entries] of fields.objects('policies', readPolicy)) {
    policies.set(type, withEntries(policies, new Map([[type, entries]])).get(type) ?? [])
  }
  return { subject: fields.text('subject', subject), policies }
}

function readPolicy(fields: JsonFields): [PolicyType, readonly PolicyEntry[]] {
  const entries = fields.objects('entries', readEntry)
  if (entries.length === 0) throw new MqError('invalidParameter', 'a policy without entries')
  return [parsePolicyType(fields.optionalText('policyType')), entries]
}

function readEntry(fields: JsonFields): PolicyEntry {
  const texts = (name: string): string[] => {
    const value = fields.raw(name)
    // some tools join what others list
    return typeof value === 'string'
      ? value.split(',').map((text) => text.trim())
      : fields.list(name, readText)
  }
  const actions = texts('actions').map((text) => wordOf('action', ACTIONS, text))
  if (actions.length === 0) throw new MqError('invalidParameter', 'a policy without actions')
  const sourceIps = texts('sourceIps').filter((text) => text !== '')
  const wrong = sourceIps.find((text) => !isAddressRange(text))
  if (wrong !== undefined)
    throw new MqError('invalidParameter', `"${wrong.slice(0, 60)}" is no address or CIDR range`)
  return {
    resource: parseResourcePattern(fields.text('resource')),
    actions,
    sourceIps,
    decision: wordOf('decision', DECISIONS, fields.text('decision')),
  }
}

/** An AclInfo body. */
export function aclJson({ subject, policies }: Acl): FastJsonObject {
  return {
    policies: [...policies].map(([policyType, entries]) => ({
      entries: entries.map(({ actions, decision, resource, sourceIps }) => ({
        actions: [...actions],
        decision,
        resource: resourcePatternText(resource),
        ...(sourceIps.length > 0 && { sourceIps: [...sourceIps] }),
      })),
      policyType,
    })),
    subject,
  }
}

function wordOf<Word extends string>(what: string, words: readonly Word[], text: string): Word {
  const word = words.find((candidate) => candidate.toLowerCase() === text.toLowerCase())
  if (word !== undefined) return word
  throw new MqError(
    'invalidParameter',
    `${what} wants one of ${words.join(', ')}, not "${text.slice(0, 60)}"`,
  )
}
