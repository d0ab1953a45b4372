import { MqError } from '../base/errors.ts'
import { javaHashCode } from './java-hash.ts'

/** A consumer's filter by tags: `*` for all, or tags joined by `||`. */
export interface TagExpression {
  /** The expression as it was given, `*` for none: what heartbeats and connection lists show. */
  readonly subString: string
  /** Empty when every message passes. */
  readonly tags: ReadonlySet<string>
  /** Java hash codes of the tags. */
  readonly codes: ReadonlySet<number>
}

/** The expression that every message passes. */
export const SUBSCRIBE_ALL = '*'

/**
 * Reads a tag expression as RocketMQ's FilterAPI does. `*` among others is a literal tag, and a space is part
 * of a tag.
 * @throws MqError subscriptionParseFailed when no tag is left between the separators
 */
export function parseTagExpression(expression: string | null | undefined): TagExpression {
  if (expression === null || expression === undefined || expression === '' || expression === SUBSCRIBE_ALL) {
    return { subString: SUBSCRIBE_ALL, tags: new Set(), codes: new Set() }
  }
  const tags = new Set<string>()
  const codes = new Set<number>()
  for (const part of expression.split('||')) {
    const tag = trimmed(part)
    if (tag === '') continue
    tags.add(tag)
    codes.add(javaHashCode(tag))
  }
  if (tags.size === 0) {
    throw new MqError('subscriptionParseFailed', `tag expression ${JSON.stringify(expression)} names no tag`)
  }
  return { subString: expression, tags, codes }
}

/**
 * Whether a message with this tag hash can pass: what a queue entry alone can tell. Different tags may share
 * a hash (`AaAa` and `BBBB`), so whoever has the message asks `matchesTag` as well.
 */
export function matchesTagCode(expression: TagExpression, tagsCode: number): boolean {
  return expression.codes.size === 0 || expression.codes.has(tagsCode | 0)
}

/** Whether a message with this tag passes; undefined is a message without one. */
export function matchesTag(expression: TagExpression, tag: string | undefined): boolean {
  return expression.tags.size === 0 || (tag !== undefined && expression.tags.has(tag))
}

/**
 * Java's `trim`: it takes away all up to the space, and not the other white space of Unicode that
 * JavaScript's takes.
 */
function trimmed(text: string): string {
  let [at, end] = [0, text.length]
  while (at < end && text.charCodeAt(at) <= 0x20) at++
  while (end > at && text.charCodeAt(end - 1) <= 0x20) end--
  return text.slice(at, end)
}
