import { MqError } from '../base/errors.ts'

/** One thing that a verb wants to know: command line, REST and docs are made from these. */
export interface Option<Value> {
  readonly about: string
  /** What a value looks like: `<n>`, `<topic>`, `A|B`; empty for a switch. */
  readonly form: string
  /** Whether the verb cannot do without. */
  readonly isRequired: boolean
  /** Value when it is not given. */
  readonly fallback: Value | undefined
  /** @throws MqError invalidParameter that names the option, what it wants and what it got */
  readonly parse: (name: string, text: string) => Value
}

export type OptionTable = Readonly<Record<string, Option<unknown>>>

/** The values of a table of options. */
export type InputOf<Options extends OptionTable> = {
  readonly [Name in keyof Options]: Options[Name] extends Option<infer Value> ? Value : never
}

/** A text that must be given. */
export function required(form: string, about: string): Option<string> {
  return { about, form: `<${form}>`, isRequired: true, fallback: undefined, parse: (_, value) => value }
}

/** A text that may be given. */
export function text(form: string, about: string): Option<string | undefined> {
  return { ...required(form, about), isRequired: false }
}

/** A text with a default. */
export function textOr(fallback: string, form: string, about: string): Option<string> {
  return { ...required(form, about), isRequired: false, fallback }
}

export function flag(about: string): Option<boolean> {
  const parse = (name: string, value: string): boolean => {
    if (value === 'true' || value === 'false') return value === 'true'
    throw bad(name, 'true or false', value)
  }
  return { about, form: '', isRequired: false, fallback: false, parse }
}

/** Bounds of a number, inclusive. */
interface Bounds {
  readonly min: number
  readonly max: number
}

export function integer(fallback: number, bounds: Bounds, about: string): Option<number> {
  return { ...integerOption(bounds, about), fallback, isRequired: false }
}

/** A number that may be given. */
export function optionalInteger(bounds: Bounds, about: string): Option<number | undefined> {
  return { ...integerOption(bounds, about), isRequired: false }
}

/** A number that must be given. */
export function requiredInteger(bounds: Bounds, about: string): Option<number> {
  return integerOption(bounds, about)
}

export function oneOf<const Word extends string>(
  fallback: Word,
  words: readonly Word[],
  about: string,
): Option<Word> {
  const parse = (name: string, value: string): Word => {
    const found = words.find((word) => word === value)
    if (found !== undefined) return found
    throw bad(name, `one of ${words.join(', ')}`, value)
  }
  return { about, form: words.join('|'), isRequired: false, fallback, parse }
}

/** What a time may look like on a command line. */
const TIME_FORMS = 'now, now-1h, -30m, milliseconds since 1970, or 2026-11-26T18:00:00Z'

/** A moment as the user has written it: `timeMs` says when it is. */
export function moment(about: string): Option<string | undefined> {
  const parse = (name: string, value: string): string => {
    timeMs(value, { name, nowMs: 0 })
    return value
  }
  return { about: `${about} (${TIME_FORMS})`, form: '<time>', isRequired: false, fallback: undefined, parse }
}

const UNIT_MS: Readonly<Record<string, number>> = { s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 }

/**
 * Milliseconds since 1970 of a moment.
 * @throws MqError invalidParameter when it is none
 */
export function timeMs(value: string, { name, nowMs }: { name: string; nowMs: number }): number {
  if (/^\d{1,16}$/.test(value)) return Number(value)
  const [, amount = '0', unit = 's'] = /^(?:now)?(?:-(\d{1,9})([smhd]))?$/.exec(value) ?? []
  if (value !== '' && /^(?:now)?(?:-\d{1,9}[smhd])?$/.test(value))
    return nowMs - Number(amount) * (UNIT_MS[unit] ?? 0)
  // mqadmin writes 2026-11-26#18:00:00:000, in local time
  const iso = value.replace('#', 'T').replace(/:(\d{3})$/, '.$1')
  const parsed = /^\d{4}-\d\d-\d\d(T|$)/.test(iso) ? Date.parse(iso) : Number.NaN
  if (Number.isNaN(parsed)) throw bad(name, `a time (${TIME_FORMS})`, value)
  return parsed
}

function integerOption({ min, max }: Bounds, about: string): Option<number> {
  const parse = (name: string, value: string): number => {
    const number = /^-?\d{1,16}$/.test(value) ? Number(value) : Number.NaN
    if (min <= number && number <= max) return number
    throw bad(name, `an integer from ${min} to ${max}`, value)
  }
  return { about, form: '<n>', isRequired: true, fallback: undefined, parse }
}

function bad(name: string, wants: string, value: string): MqError {
  return new MqError('invalidParameter', `${name} wants ${wants}, not "${value.slice(0, 100)}"`)
}
