import { MqError } from '../base/errors.ts'
import { type FastJson, type FastJsonObject, readFastJson } from './fastjson.ts'

/**
 * Most bytes of a body that are read as JSON. Frames are capped lower; this one holds where a body comes
 * another way.
 */
const JSON_BODY_BYTES_MAX = 64 * 1024 * 1024

/**
 * Most bytes of what clients say in their daily business. A larger body would keep a server busy for seconds: JSON is read at some
 * 8 MB/s, and nobody else is served meanwhile. An official client of 1,000 topics says 200 KB.
 */
export const CLIENT_BODY_BYTES_MAX = 1024 * 1024

/**
 * The fields of one JSON object with the types that a body expects of them. Null counts as absent, a field
 * that is absent takes the fallback, and one without a fallback is required. Numbers may also come as digits
 * in a string, as Java's clients read them. Every refusal is an MqError badBody that names the field by its
 * whole path.
 */
export class JsonFields {
  readonly #object: FastJsonObject
  readonly #path: string

  /** @param path what the object is, in front of the names of its fields in errors */
  constructor(object: FastJson, path: string) {
    if (!isObject(object)) throw new MqError('badBody', `${path} is not an object`)
    this.#object = object
    this.#path = path
  }

  /**
   * The fields of a body that is one JSON object.
   * @throws MqError badBody when it is not
   */
  static ofBody(body: Buffer, what: string, bytesMax: number = JSON_BODY_BYTES_MAX): JsonFields {
    if (body.length > bytesMax) throw new MqError('badBody', `${what} of ${body.length} bytes`)
    return new JsonFields(readFastJson(body.toString('utf8')), what)
  }

  /** The object as it was read. */
  get whole(): FastJsonObject {
    return this.#object
  }

  /** The value as it was read; undefined when absent or null. */
  raw(name: string): FastJson {
    return this.#object[name] ?? undefined
  }

  has(name: string): boolean {
    return this.raw(name) !== undefined
  }

  text(name: string, fallback?: string): string {
    return this.optionalText(name) ?? this.#fallback(name, fallback)
  }

  optionalText(name: string): string | undefined {
    const value = this.raw(name)
    if (value === undefined || typeof value === 'string') return value
    throw this.#fault(name, 'a string')
  }

  /** One of the words of a Java enum, in its order: C++ clients send the ordinal. */
  word<T extends string>(name: string, words: readonly T[], fallback?: T): T {
    const value = this.raw(name)
    if (value === undefined) return this.#fallback(name, fallback)
    const word = typeof value === 'number' ? words[value] : words.find((candidate) => candidate === value)
    if (word === undefined) throw this.#fault(name, `one of ${words.join(', ')}`)
    return word
  }

  flag(name: string, fallback?: boolean): boolean {
    const value = this.raw(name)
    if (value === undefined) return this.#fallback(name, fallback)
    if (typeof value === 'boolean') return value
    if (value === 'true' || value === 'false') return value === 'true'
    throw this.#fault(name, 'true or false')
  }

  int32(name: string, fallback?: number): number {
    const value = this.optionalInteger(name) ?? this.#fallback(name, fallback)
    if (value !== (value | 0)) throw this.#fault(name, 'a 32-bit integer')
    return value
  }

  /** An int64 of Java's that is known to stay within 53 bits: offsets, sizes, milliseconds. */
  integer(name: string, fallback?: number): number {
    return this.optionalInteger(name) ?? this.#fallback(name, fallback)
  }

  optionalInteger(name: string): number | undefined {
    const value = this.raw(name)
    if (value === undefined) return undefined
    const number = integerOf(value)
    if (number === undefined) throw this.#fault(name, 'an integer within 53 bits')
    return number
  }

  /** Any int64. */
  int64(name: string, fallback?: bigint): bigint {
    const value = this.raw(name)
    if (value === undefined) return this.#fallback(name, fallback)
    const isDigits = typeof value === 'string' && /^-?\d{1,19}$/.test(value)
    const number =
      isDigits || typeof value === 'bigint' ? BigInt(value) : BigInt(integerOf(value) ?? 2n ** 64n)
    if (BigInt.asIntN(64, number) === number) return number
    throw this.#fault(name, 'a 64-bit integer')
  }

  /** A double. */
  number(name: string, fallback?: number): number {
    const value = this.raw(name)
    if (value === undefined) return this.#fallback(name, fallback)
    if (typeof value === 'number' || typeof value === 'bigint') return Number(value)
    throw this.#fault(name, 'a number')
  }

  /** The items of a list; an absent one is empty. */
  list<T>(name: string, read: (item: FastJson, path: string) => T): T[] {
    const value = this.raw(name)
    if (value === undefined) return []
    if (!Array.isArray(value)) throw this.#fault(name, 'a list')
    const path = this.#pathOf(name)
    return value.map((item: FastJson, index) => read(item, `${path}[${index}]`))
  }

  texts(name: string): string[] {
    return this.list(name, readText)
  }

  /** The objects of a list; an absent one is empty. */
  objects<T>(name: string, read: (fields: JsonFields) => T): T[] {
    return this.list(name, (item, path) => read(new JsonFields(item, path)))
  }

  /** A required object. */
  object(name: string): JsonFields {
    const value = this.raw(name)
    if (value === undefined) throw this.#fault(name, 'an object')
    return new JsonFields(value, this.#pathOf(name))
  }

  optionalObject(name: string): JsonFields | undefined {
    return this.has(name) ? this.object(name) : undefined
  }

  /**
   * A table with string keys, its values read one by one; an absent one is empty, null values are left out.
   */
  table<T>(name: string, read: (value: FastJson, path: string) => T): Map<string, T> {
    const table = new Map<string, T>()
    const value = this.raw(name)
    if (value === undefined) return table
    // An empty object does not show what its keys would have been.
    if (!isObject(value)) throw this.#fault(name, 'an object')
    const path = this.#pathOf(name)
    for (const [key, item] of Object.entries(value)) {
      if (item !== null && item !== undefined) table.set(key, read(item, `${path}.${key}`))
    }
    return table
  }

  /** A table with integer keys, with or without quotes; `-0` and `07` would be a second 0 and 7. */
  numberedTable<T>(name: string, read: (value: FastJson, path: string) => T): Map<number, T> {
    const table = new Map<number, T>()
    for (const [key, value] of this.table(name, read)) {
      const number = integerOf(key)
      if (number === undefined || String(number) !== key)
        throw this.#fault(name, `a table with numbers as keys, not ${JSON.stringify(key)}`)
      table.set(number, value)
    }
    return table
  }

  /**
   * A table with objects as keys. Keys that hold such an object as a string are read too (fastjson 1 does).
   */
  keyedTable<K, T>(
    name: string,
    readKey: (fields: JsonFields) => K,
    read: (value: FastJson, path: string) => T,
  ): Map<K, T> {
    const path = this.#pathOf(name)
    const value = this.raw(name)
    const table = new Map<K, T>()
    if (value instanceof Map) {
      for (const [key, item] of value)
        table.set(readKey(new JsonFields(key, `${path} key`)), read(item, path))
      return table
    }
    for (const [key, item] of this.table(name, read)) {
      table.set(readKey(new JsonFields(readFastJson(key), `${path} key`)), item)
    }
    return table
  }

  #fallback<T>(name: string, fallback: T | undefined): T {
    if (fallback === undefined) throw new MqError('badBody', `${this.#pathOf(name)} is missing`)
    return fallback
  }

  #pathOf(name: string): string {
    return `${this.#path}.${name}`
  }

  #fault(name: string, expected: string): MqError {
    return new MqError('badBody', `${this.#pathOf(name)} is not ${expected}`)
  }
}

/**
 * Reads a string out of a list or table.
 * @throws MqError badBody when it is something else
 */
export function readText(value: FastJson, path: string): string {
  if (typeof value === 'string') return value
  throw new MqError('badBody', `${path} is not a string`)
}

/**
 * Reads an integer out of a list or table.
 * @throws MqError badBody when it is something else, or beyond 53 bits
 */
export function readInteger(value: FastJson, path: string): number {
  const number = integerOf(value)
  if (number === undefined) throw new MqError('badBody', `${path} is not an integer within 53 bits`)
  return number
}

function isObject(value: FastJson): value is FastJsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value) && !(value instanceof Map)
}

function integerOf(value: FastJson): number | undefined {
  const number = typeof value === 'string' && /^-?\d{1,16}$/.test(value) ? Number(value) : value
  return typeof number === 'number' && Number.isSafeInteger(number) ? number : undefined
}
