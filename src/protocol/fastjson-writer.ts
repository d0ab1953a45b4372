import type { FastJson } from './fastjson.ts'

/** Writes a value without any white space. Null and undefined fields are left out, as fastjson does. */
export function writeFastJson(value: FastJson): string {
  switch (typeof value) {
    case 'string':
      return JSON.stringify(value)
    case 'number':
      return Number.isFinite(value) ? String(value) : 'null'
    case 'bigint':
    case 'boolean':
      return String(value)
    case 'undefined':
      return 'null'
    default:
  }
  if (value === null) return 'null'
  if (Array.isArray(value) || value instanceof Set) return `[${Array.from(value, writeFastJson).join(',')}]`
  const parts: string[] = []
  for (const [key, field] of entriesOf(value)) {
    if (field !== null && field !== undefined) parts.push(`${writeFastJson(key)}:${writeFastJson(field)}`)
  }
  return `{${parts.join(',')}}`
}

/** `writeFastJson` as the UTF-8 bytes of a body. */
export function fastJsonBytes(value: FastJson): Buffer {
  return Buffer.from(writeFastJson(value))
}

/**
 * Writes a value as RocketMQ's configuration files have it: a field a line, indented by tabs, no space behind
 * the colon; lists of plain values and tables with number keys stay on one line.
 */
export function prettyFastJson(value: FastJson, indent = ''): string {
  if (typeof value !== 'object' || value === null) return writeFastJson(value)
  const inner = `${indent}\t`
  if (Array.isArray(value) || value instanceof Set) {
    const items = Array.from(value)
    if (!items.some((item) => typeof item === 'object' && item !== null)) return writeFastJson(value)
    return `[\n${inner}${items.map((item) => prettyFastJson(item, inner)).join(`,\n${inner}`)}\n${indent}]`
  }
  const fields = entriesOf(value).filter(([, field]) => field !== null && field !== undefined)
  if (fields.length === 0) return '{}'
  const parts = fields.map(([key, field]) => `${writeFastJson(key)}:${prettyFastJson(field, inner)}`)
  const isNumbered = fields.every(([key]) => typeof key === 'number')
  return isNumbered
    ? `{${parts.join(',')}\n${indent}}`
    : `{\n${inner}${parts.join(`,\n${inner}`)}\n${indent}}`
}

function entriesOf(value: object): (readonly [FastJson, FastJson])[] {
  return value instanceof Map ? [...value] : Object.entries(value)
}
