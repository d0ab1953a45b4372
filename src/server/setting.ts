import { MqError } from '../base/errors.ts'

/** One setting: `docs/settings.md`, `--help` and every reader of settings are made from these. */
export interface Setting<Value> {
  readonly fallback: Value
  readonly about: string
  /** What a value looks like, for help: `<n>`, `<text>`, `A|B`. */
  readonly form: string
  /** The unit, or the bounds, for the docs. */
  readonly bounds: string
  /** Whether `updateBrokerConfig` may change it while the broker runs (R24: typed, and nothing that is a path or a program). */
  readonly isDynamic: boolean
  /** Whether it is shown to nobody, and taken from files and the environment only: flags are seen by all who may list processes. */
  readonly isSecret: boolean
  /** @throws MqError badSetting that names the setting, what it wants and what it got */
  readonly parse: (name: string, text: string) => Value
  /** The value as a properties file has it. */
  readonly print: (value: Value) => string
}

function bad(name: string, wants: string, text: string): MqError {
  return new MqError('badSetting', `${name} wants ${wants}, not "${text.slice(0, 100)}"`)
}

/** Bounds of a number, inclusive. */
interface Bounds {
  readonly min: number
  readonly max: number
  readonly unit?: string
}

export function integer(fallback: number, bounds: Bounds, about: string): Setting<number> {
  const { min, max, unit } = bounds
  const parse = (name: string, text: string): number => {
    const value = /^-?\d+$/.test(text) ? Number(text) : Number.NaN
    if (min <= value && value <= max) return value
    throw bad(name, `an integer from ${min} to ${max}${unit ? ` (${unit})` : ''}`, text)
  }
  const range = `${min} to ${max}`
  return {
    fallback,
    about,
    form: '<n>',
    bounds: unit ? `${range} ${unit}` : range,
    isDynamic: false,
    isSecret: false,
    parse,
    print: String,
  }
}

export function flag(fallback: boolean, about: string): Setting<boolean> {
  const parse = (name: string, text: string): boolean => {
    if (text === 'true' || text === 'false') return text === 'true'
    throw bad(name, 'true or false', text)
  }
  return {
    fallback,
    about,
    form: 'true|false',
    bounds: 'true, false',
    isDynamic: false,
    isSecret: false,
    parse,
    print: String,
  }
}

export function word<Word extends string>(
  fallback: Word,
  words: readonly Word[],
  about: string,
): Setting<Word> {
  const parse = (name: string, text: string): Word => {
    const value = words.find((candidate) => candidate === text)
    if (value !== undefined) return value
    throw bad(name, `one of ${words.join(', ')}`, text)
  }
  return {
    fallback,
    about,
    form: words.join('|'),
    bounds: words.join(', '),
    isDynamic: false,
    isSecret: false,
    parse,
    print: String,
  }
}

/** @param pattern what the whole text must match @param wants the pattern in words */
export function text(
  fallback: string,
  about: string,
  rule: { pattern: RegExp; wants: string } = {
    pattern: /^\P{Cc}*$/u,
    wants: 'text without control characters',
  },
): Setting<string> {
  const parse = (name: string, given: string): string => {
    if (rule.pattern.test(given)) return given
    throw bad(name, rule.wants, given)
  }
  return {
    fallback,
    about,
    form: '<text>',
    bounds: rule.wants,
    isDynamic: false,
    isSecret: false,
    parse,
    print: String,
  }
}

/** The same setting, that may be changed while the broker runs. */
export function dynamic<Value>(setting: Setting<Value>): Setting<Value> {
  return { ...setting, isDynamic: true }
}

/** A text that nobody is shown, not even in an error. */
export function secret(about: string): Setting<string> {
  const setting = text('', about)
  const parse = (name: string, given: string): string => {
    if (/^\P{Cc}*$/u.test(given)) return given
    throw new MqError('badSetting', `${name} wants ${setting.bounds}`)
  }
  return { ...setting, isSecret: true, parse }
}
