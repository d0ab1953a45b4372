import { readFile } from '../base/atomic-file.ts'
import type { Disk, File } from '../base/host.ts'
import type { Turn } from '../base/turn.ts'
import { crc32Of } from '../protocol/crc32.ts'

const NAME_DIGITS = 20

/**
 * A short log of changes to topics, groups and offsets, beside RocketMQ's JSON files: what changed in a turn is appended in
 * one write, before the turn's answers leave, so that a killed process takes nothing back that it has acknowledged. The JSON
 * files are written now and then, and journals older than them deleted (`begin`, `deleteOlder`).
 *
 * A line is the CRC-32 of its text in 8 hex digits, a space, and the text.
 */
export class MetadataJournal {
  readonly #disk: Disk
  readonly #dir: string
  readonly #turn: Turn
  readonly #onFailed: (error: unknown) => void
  /** Lines of this turn. */
  #lines: string[] = []
  #file: File | undefined
  #number = 0
  #end = 0

  constructor(parts: { disk: Disk; dir: string; turn: Turn; onFailed: (error: unknown) => void }) {
    this.#disk = parts.disk
    this.#dir = parts.dir
    this.#turn = parts.turn
    this.#onFailed = parts.onFailed
  }

  /** Number of the journal that is written now. */
  get number(): number {
    return this.#number
  }

  /** Bytes of the journal that is written now. */
  get bytes(): number {
    return this.#end
  }

  /**
   * Reads all journals in order; of each, up to its first line that is not whole.
   * @param apply is given each line's text
   * @returns how many lines there were
   */
  replay(apply: (text: string) => void): number {
    let count = 0
    for (const name of this.#names()) {
      for (const line of (readFile(this.#disk, `${this.#dir}/${name}`)?.toString() ?? '').split('\n')) {
        const text = line.slice(9)
        if (line.slice(0, 8) !== crcText(text)) break
        apply(text)
        count++
      }
      this.#number = Number(name)
    }
    return count
  }

  /** Begins a new journal; what is noted from here on goes there. @returns its number */
  begin(): number {
    this.flush()
    this.#file?.closeSync()
    this.#disk.mkdirSync(this.#dir)
    this.#number++
    this.#file = this.#disk.openSync(this.#pathOf(this.#number), 'create')
    this.#end = 0
    return this.#number
  }

  /** Deletes the journals before this number: the JSON files have what they said. */
  deleteOlder(number: number): void {
    for (const name of this.#names()) if (Number(name) < number) this.#disk.unlinkSync(`${this.#dir}/${name}`)
  }

  /** Notes a change; it is with the kernel before this turn's answers leave. */
  note(text: string): void {
    if (this.#lines.length === 0) this.#turn.atWork(this.flush)
    this.#lines.push(`${crcText(text)} ${text}\n`)
  }

  /** Writes what was noted. A disk that refuses leaves the changes in memory: the JSON files will have them. */
  readonly flush = (): void => {
    if (this.#lines.length === 0 || !this.#file) return
    const bytes = Buffer.from(this.#lines.join(''))
    this.#lines = []
    try {
      let done = 0
      while (done < bytes.length) done += this.#file.writeSync([bytes.subarray(done)], this.#end + done)
      this.#end += bytes.length
    } catch (error) {
      this.#onFailed(error)
    }
  }

  close(): void {
    this.flush()
    this.#file?.closeSync()
    this.#file = undefined
  }

  #names(): string[] {
    return this.#disk.listSync(this.#dir).filter((name) => /^\d{20}$/.test(name))
  }

  #pathOf(number: number): string {
    return `${this.#dir}/${String(number).padStart(NAME_DIGITS, '0')}`
  }
}

function crcText(text: string): string {
  return crc32Of(Buffer.from(text)).toString(16).padStart(8, '0')
}
