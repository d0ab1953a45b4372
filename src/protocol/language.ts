/**
 * The language a peer says it is written in: names of JSON headers and connection lists, numbers of binary
 * headers.
 */
export const Language = {
  JAVA: 0,
  CPP: 1,
  DOTNET: 2,
  PYTHON: 3,
  DELPHI: 4,
  ERLANG: 5,
  RUBY: 6,
  OTHER: 7,
  HTTP: 8,
  GO: 9,
  PHP: 10,
  OMS: 11,
  RUST: 12,
  NODE_JS: 13,
} as const

export type LanguageName = keyof typeof Language

const names = Object.keys(Language) as LanguageName[]

/** The name of a language number; OTHER for a number nobody has defined. */
export function languageName(number: number): LanguageName {
  return names[number] ?? 'OTHER'
}

/**
 * Whether a text is the name of a language. Others make Java's `valueOf` fail, so nothing else is ever sent.
 */
export function isLanguageName(text: string): text is LanguageName {
  return Object.hasOwn(Language, text)
}

/** The number of a language name; that of OTHER for a name nobody has defined. */
export function languageNumber(name: string): number {
  return isLanguageName(name) ? Language[name] : Language.OTHER
}
