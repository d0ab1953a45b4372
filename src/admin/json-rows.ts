import { type FastJson, type FastJsonObject, readFastJson } from '../protocol/fastjson.ts'
import { writeFastJson } from '../protocol/fastjson-writer.ts'
import type { Row, Value } from './verb.ts'

/** The fields of a body that is one object, as a row: what is no plain value is written as JSON. */
export function rowOfBody(body: Buffer): Row {
  const value = readFastJson(body.toString())
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    return { answer: writeFastJson(value) }
  return Object.fromEntries(
    Object.entries(value as FastJsonObject).map(([name, field]) => [name, cellOf(field)]),
  )
}

function cellOf(field: FastJson): Value {
  if (typeof field === 'string' || typeof field === 'number' || typeof field === 'boolean') return field
  return field === null || field === undefined ? undefined : writeFastJson(field)
}
