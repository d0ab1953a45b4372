const LEVELS: Readonly<Record<number, string>> = { 20: 'DEBUG', 30: 'INFO ', 40: 'WARN ', 50: 'ERROR' }

export type LogFormat = 'auto' | 'json' | 'text'

/** Where log lines go: as pino writes them, one JSON object each, or as text for people. */
export class LogOutput {
  readonly #write: (text: string) => void
  readonly #isTerminal: boolean
  #isText: boolean

  /** @param isTerminal whether people read along: the form `auto` is text then */
  constructor(write: (text: string) => void, isTerminal: boolean) {
    this.#write = write
    this.#isTerminal = isTerminal
    this.#isText = isTerminal
  }

  get isText(): boolean {
    return this.#isText
  }

  setFormat(format: LogFormat): void {
    this.#isText = format === 'auto' ? this.#isTerminal : format === 'text'
  }

  /** Takes a line of pino's. */
  write(line: string): void {
    this.#write(this.#isText ? textOf(line) : line)
  }
}

/** `12:00:01.250 INFO  broker registered brokerName=broker-a topics=10` */
function textOf(line: string): string {
  const { level, time, msg, err, ...fields }: Record<string, unknown> = JSON.parse(line)
  const clock = new Date(Number(time)).toTimeString().slice(0, 8)
  const pairs = Object.entries(fields).map(([name, value]) => ` ${name}=${valueText(value)}`)
  const stack = typeof err === 'object' && err !== null && 'stack' in err ? `\n${String(err.stack)}` : ''
  return `${clock} ${LEVELS[Number(level)] ?? level} ${msg}${pairs.join('')}${stack}\n`
}

function valueText(value: unknown): string {
  return typeof value === 'string' && /^\S+$/.test(value) ? value : JSON.stringify(value)
}
