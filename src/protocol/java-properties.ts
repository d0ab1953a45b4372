/**
 * Settings as Java's Properties files and the bodies of 25, 26, 318 and 319 write them: `name=value`, a line
 * each. Read are also `name:value` and `name value`, comments (`#`, `!`), lines continued by a backslash, and
 * the escapes `\t \n \r \f \uXXXX`; a backslash before anything else stands for that character. Of a name
 * given twice the last value wins, at the first's place.
 */
export function parseJavaProperties(text: string): Map<string, string> {
  const properties = new Map<string, string>()
  for (const line of logicalLines(text)) {
    const nameEnd = endOfName(line)
    let at = skipBlanks(line, nameEnd)
    if (line[at] === '=' || line[at] === ':') at = skipBlanks(line, at + 1)
    properties.set(unescaped(line.slice(0, nameEnd)), unescaped(line.slice(at)))
  }
  return properties
}

/**
 * Writes settings so that Java and `parseJavaProperties` read them back; what needs no escape stays as it is.
 */
export function javaPropertiesText(properties: Iterable<readonly [string, string]>): string {
  let text = ''
  for (const [name, value] of properties) {
    const nameText = escaped(name).replace(/[=:# !]/g, '\\$&')
    text += `${nameText}=${escaped(value).replace(/^ /, '\\ ')}\n`
  }
  return text
}

const BLANKS = ' \t\f'

/** Lines without comments and empty ones, continued ones joined, blanks in front taken away. */
function logicalLines(text: string): string[] {
  const lines: string[] = []
  let open: string | undefined
  for (const natural of text.split(/\r\n|\n|\r/)) {
    const line = natural.slice(skipBlanks(natural, 0))
    if (open === undefined && (line === '' || line.startsWith('#') || line.startsWith('!'))) continue
    const isContinued = /(?:^|[^\\])(?:\\\\)*\\$/.test(line)
    const whole: string = (open ?? '') + (isContinued ? line.slice(0, -1) : line)
    open = isContinued ? whole : undefined
    if (!isContinued) lines.push(whole)
  }
  return open === undefined ? lines : [...lines, open]
}

function endOfName(line: string): number {
  for (let at = 0; at < line.length; at++) {
    if (line[at] === '\\') at++
    else if (line[at] === '=' || line[at] === ':' || BLANKS.includes(line.charAt(at))) return at
  }
  return line.length
}

function skipBlanks(line: string, from: number): number {
  let at = from
  while (at < line.length && BLANKS.includes(line.charAt(at))) at++
  return at
}

const controls = new Map([
  ['t', '\t'],
  ['n', '\n'],
  ['r', '\r'],
  ['f', '\f'],
])

function unescaped(text: string): string {
  return text.replace(/\\(?:u([0-9a-fA-F]{4})|([\s\S]))/g, (_, hex: string | undefined, letter: string) =>
    hex === undefined ? (controls.get(letter) ?? letter) : String.fromCharCode(Number.parseInt(hex, 16)),
  )
}

function escaped(text: string): string {
  let result = text.replaceAll('\\', '\\\\')
  for (const [letter, control] of controls) result = result.replaceAll(control, `\\${letter}`)
  // Half of a surrogate pair has no UTF-8 form and would become another character.
  return result.replace(/\p{Surrogate}/gu, (half) => `\\u${half.charCodeAt(0).toString(16)}`)
}
