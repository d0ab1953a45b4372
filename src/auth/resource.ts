import { MqError } from '../base/errors.ts'

/** Kinds of things that rights are about (RocketMQ ResourceType). */
export const RESOURCE_TYPES = ['Any', 'Cluster', 'Namespace', 'Topic', 'Group'] as const
export type ResourceType = (typeof RESOURCE_TYPES)[number]

/** How the name of a pattern is meant, in the order of precedence. */
export type PatternKind = 'literal' | 'prefixed' | 'any'

/** What a policy is about: `*`, `Topic:*`, `Topic:orders*`, `Topic:orders` (RocketMQ Resource). */
export interface ResourcePattern {
  readonly type: ResourceType
  readonly kind: PatternKind
  /** '' where every name is meant. */
  readonly name: string
}

/** One thing. */
export interface Resource {
  readonly type: Exclude<ResourceType, 'Any'>
  readonly name: string
}

/** @throws MqError invalidParameter */
export function parseResourcePattern(text: string): ResourcePattern {
  if (text === '*') return { type: 'Any', kind: 'any', name: '' }
  const colon = text.indexOf(':')
  const typeText = text.slice(0, colon).toLowerCase()
  const type = RESOURCE_TYPES.find((candidate) => candidate.toLowerCase() === typeText)
  const name = text.slice(colon + 1)
  if (colon < 1 || type === undefined || type === 'Any' || name === '') {
    throw new MqError(
      'invalidParameter',
      `a resource wants the form Topic:name, Topic:prefix* or *, not "${text.slice(0, 100)}"`,
    )
  }
  if (name === '*') return { type, kind: 'any', name: '' }
  // a star inside would look like a pattern and be none
  if (name.slice(0, -1).includes('*')) {
    throw new MqError('invalidParameter', `a star may only stand at the end: "${text.slice(0, 100)}"`)
  }
  return name.endsWith('*')
    ? { type, kind: 'prefixed', name: name.slice(0, -1) }
    : { type, kind: 'literal', name }
}

export function resourcePatternText({ type, kind, name }: ResourcePattern): string {
  if (type === 'Any') return '*'
  return `${type}:${name}${kind === 'literal' ? '' : '*'}`
}

export function matchesResource(pattern: ResourcePattern, resource: Resource): boolean {
  if (pattern.type === 'Any') return true
  if (pattern.type !== resource.type) return false
  if (pattern.kind === 'literal') return resource.name === pattern.name
  return resource.name.startsWith(pattern.name)
}

/** Below 0 when `one` says more exactly than `other` what it means: a type before any, a name before a prefix, a longer prefix first. */
export function comparePrecedence(one: ResourcePattern, other: ResourcePattern): number {
  return rankOf(one) - rankOf(other) || other.name.length - one.name.length
}

function rankOf({ type, kind }: ResourcePattern): number {
  if (type === 'Any') return 3
  return kind === 'literal' ? 0 : kind === 'prefixed' ? 1 : 2
}
