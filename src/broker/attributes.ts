import { MqError } from '../base/errors.ts'

/** What an attribute may be. */
interface AttributeRule {
  /** Whether it may be changed or taken away once its topic is there. */
  readonly isChangeable: boolean
  /** @returns what is wrong with a value; undefined when it is good */
  readonly faultOf: (value: string) => string | undefined
}

type AttributeRules = Readonly<Record<string, AttributeRule>>

/** Attributes of topics (RocketMQ's TopicAttributes), less what this broker cannot keep to. */
export const topicAttributeRules: AttributeRules = {
  'queue.type': { isChangeable: false, faultOf: wordFault(['SimpleCQ'], ['BatchCQ']) },
  'cleanup.policy': { isChangeable: false, faultOf: wordFault(['DELETE'], ['COMPACTION']) },
  'message.type': {
    isChangeable: true,
    faultOf: wordFault(
      ['UNSPECIFIED', 'NORMAL', 'FIFO', 'DELAY', 'TRANSACTION', 'MIXED'],
      ['PRIORITY', 'LITE'],
    ),
  },
  'reserve.time': { isChangeable: true, faultOf: () => 'is not supported: all topics share one log' },
}

/** Attributes of consumer groups: RocketMQ has none yet. */
export const groupAttributeRules: AttributeRules = {}

/**
 * Reads the changes of a request, `+name=value,-name`, as names with their sign and values ('' for what
 * goes).
 * @throws MqError invalidParameter when a sign is missing or a name comes twice
 */
export function parseAttributeChanges(text: string): Map<string, string> {
  const changes = new Map<string, string>()
  for (const part of text.split(',').filter((each) => each !== '')) {
    const at = part.indexOf('=')
    const name = at < 0 ? part : part.slice(0, at)
    const sign = at < 0 ? '-' : '+'
    if (!name.startsWith(sign))
      throw fault(name, at < 0 ? 'wants a value, or - before its name' : 'wants + before its name')
    if (changes.has(name)) throw fault(name, 'comes twice')
    changes.set(name, at < 0 ? '' : part.slice(at + 1))
  }
  return changes
}

/**
 * The attributes after a change.
 * @param current undefined when topic or group is new
 * @param changes names with `+` or `-` before them, as requests carry them
 * @throws MqError invalidParameter that names the attribute and what is wrong
 */
export function alterAttributes(
  rules: AttributeRules,
  current: ReadonlyMap<string, string> | undefined,
  changes: ReadonlyMap<string, string>,
): Map<string, string> {
  const altered = new Map(current ?? [])
  const seen = new Set<string>()
  for (const [signed, value] of changes) {
    const name = signed.slice(1)
    if (seen.has(name)) throw fault(name, 'comes twice')
    seen.add(name)
    checkChange(rules, current, signed, value)
    if (signed.startsWith('-')) altered.delete(name)
    else altered.set(name, value)
  }
  return altered
}

function checkChange(
  rules: AttributeRules,
  current: ReadonlyMap<string, string> | undefined,
  signed: string,
  value: string,
): void {
  const name = signed.slice(1)
  const rule = Object.hasOwn(rules, name) ? rules[name] : undefined
  if (!signed.startsWith('+') && !signed.startsWith('-')) throw fault(signed, 'wants + or - before its name')
  if (!rule) throw fault(name, 'is not known')
  if (current && !rule.isChangeable) throw fault(name, 'can only be set when the topic is made')
  if (signed.startsWith('-')) {
    if (!current?.has(name)) throw fault(name, 'is not there to be taken away')
    return
  }
  const wrong = rule.faultOf(value)
  if (wrong !== undefined) throw fault(name, wrong)
}

function wordFault(
  words: readonly string[],
  unsupported: readonly string[],
): (value: string) => string | undefined {
  return (value) => {
    if (words.includes(value)) return undefined
    if (unsupported.includes(value)) return `${value} is not supported`
    return `wants one of ${words.join(', ')}, not "${value.slice(0, 40)}"`
  }
}

function fault(name: string, what: string): MqError {
  return new MqError('invalidParameter', `attribute ${name.slice(0, 40)} ${what}`)
}
