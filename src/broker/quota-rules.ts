import { MqError } from '../base/errors.ts'

/** What a quota is about: messages that come, or messages that are handed out. */
export type QuotaDirection = 'send' | 'pull'

/** Whose messages are counted together: a client's (user, or address where nobody signs), a group's, a topic's. */
export type QuotaKind = 'client' | 'group' | 'topic'

/** How much may pass in a second; Infinity where nothing is said. */
export interface QuotaRate {
  readonly messages: number
  readonly bytes: number
}

/** A rate for one name, or for each name there is no line for. */
export interface QuotaRule extends QuotaRate {
  readonly direction: QuotaDirection
  readonly kind: QuotaKind
  /** `*`: each. */
  readonly name: string
}

const RULES_MAX = 1000

const UNIT_BYTES: Readonly<Record<string, number>> = { B: 1, KiB: 1024, MiB: 1024 ** 2, GiB: 1024 ** 3 }

const RULE = /^(send|pull) (client|group|topic):(\S{1,255})((?: \d{1,15}(?:B|KiB|MiB|GiB)?\/s){1,2})$/

/**
 * Reads rules such as `send topic:orders 1000/s 4MiB/s; send client:* 200/s; pull group:billing 10MiB/s`, joined by semicolons.
 * @throws MqError badSetting that shows the rule which is none
 */
export function parseQuotaRules(text: string): QuotaRule[] {
  const parts = text
    .split(';')
    .map((part) => part.trim().replace(/\s+/g, ' '))
    .filter((part) => part !== '')
  if (parts.length > RULES_MAX)
    throw new MqError('badSetting', `${parts.length} quotas, more than ${RULES_MAX}`)
  const rules = parts.map(parseRule)
  const seen = new Set<string>()
  for (const { direction, kind, name } of rules) {
    const key = `${direction} ${kind}:${name}`
    if (seen.has(key)) throw new MqError('badSetting', `two quotas for ${key}`)
    seen.add(key)
  }
  return rules
}

function parseRule(text: string): QuotaRule {
  const [, direction, kind, name = '', ratesText = ''] = RULE.exec(text) ?? []
  const rate = ratesOf(ratesText.trim().split(' '))
  if (direction === undefined || kind === undefined || !rate) {
    throw new MqError(
      'badSetting',
      `a quota wants the form "send|pull client|group|topic:name 100/s 1MiB/s", not "${text.slice(0, 100)}"`,
    )
  }
  if (direction === 'pull' && kind === 'client') {
    throw new MqError(
      'badSetting',
      `what is handed out is counted by group and topic, not by client: "${text}"`,
    )
  }
  return { direction: direction as QuotaDirection, kind: kind as QuotaKind, name, ...rate }
}

/** @returns undefined when one is said twice, or 0 */
function ratesOf(texts: readonly string[]): QuotaRate | undefined {
  const rate: { messages?: number; bytes?: number } = {}
  for (const text of texts) {
    const [, digits, unit] = /^(\d+)(B|KiB|MiB|GiB)?\/s$/.exec(text) ?? []
    const value = Number(digits) * (unit === undefined ? 1 : (UNIT_BYTES[unit] ?? Number.NaN))
    const what = unit === undefined ? 'messages' : 'bytes'
    if (!(value >= 1) || rate[what] !== undefined) return undefined
    rate[what] = value
  }
  return { messages: Number.POSITIVE_INFINITY, bytes: Number.POSITIVE_INFINITY, ...rate }
}
