import { type FastJson, readFastJson } from '#ternmq/protocol/fastjson.ts'

/** Objects whose keys are names or numbers that somebody chose, not fields: their first value stands for all. */
const tables: ReadonlySet<string> = new Set([
  ...[
    'topicConfigTable',
    'subscriptionGroupTable',
    'subscriptionTable',
    'forbiddenTable',
    'topicQueueMappingDetailMap',
  ],
  ...[
    'topicQueueMappingInfoMap',
    'offsetTable',
    'groupTopicMap',
    'timingCount',
    'attributes',
    'consumeStatsList',
  ],
])

/** The shape of a JSON body: every leaf by its type, lists and tables by their first entry. */
export function shapeOf(body: Buffer): unknown {
  return shape(readFastJson(body.toString()), false)
}

function shape(value: FastJson, isTable: boolean): unknown {
  if (Array.isArray(value)) return value.slice(0, 1).map((item: FastJson) => shape(item, isTable))
  if (value instanceof Map)
    return [...value].slice(0, 1).map(([key, item]) => [shape(key, false), shape(item, false)])
  if (typeof value === 'bigint') return 'number'
  if (typeof value !== 'object' || value === null) return typeof value
  const fields: [string, unknown][] = Object.entries(value).map(([name, field]) => [
    name,
    shape(field, tables.has(name)),
  ])
  // an empty table does not tell what it would hold
  return isTable ? 'table' : Object.fromEntries(fields)
}
