import { readFile } from '../base/atomic-file.ts'
import type { Disk, File } from '../base/host.ts'
import type { Turn } from '../base/turn.ts'
import { crc32Of } from '../protocol/crc32.ts'

const NAME_DIGITS = 20

/** Digits of a line's CRC. */
const CRC_DIGITS = 8

/** Room for the lines of a turn; more is taken where a turn has more, and given back. */
const LINES_BYTES = 16 * 1024

const SPACE = 0x20
const LINE_FEED = 0x0a
const HEX_DIGITS = Buffer.from('0123456789abcdef')

/**
 * A short log of changes to topics, groups and offsets, beside RocketMQ's JSON files: what changed in a turn is appended in
 * one write, before the turn's answers leave, so that a killed process takes nothing back that it has acknowledged. The JSON
 * files are written now and then, and journals older than them deleted (`begin`, `deleteOlder`). A change that messages need
 * to be found again, a new topic, is made durable at once, too: a power loss may not keep the messages and take the topic.
 *
 * A line is the CRC-32 of its text in 8 hex digits, a space, and the text.
 */
export class MetadataJournal {
  readonly #disk: Disk
  readonly #dir: string
  readonly #turn: Turn
  readonly #isSyncFlush: boolean
  readonly #onFailed: (error: unknown) => void
  /** Lines of this turn, as they are written. */
  #lines: Buffer = Buffer.allocUnsafeSlow(LINES_BYTES)
  #linesEnd = 0
  /** Whether one of them is to be made durable. */
  #isVital = false
  #file: File | undefined
  /** Whether the file's name was made durable. */
  #isNamed = false
  /** Whether a datasync is under way, and whether lines have come that it may not cover. */
  #isSyncing = false
  #isUnsynced = false
  #number = 0
  #end = 0

  /** @param parts `isSyncFlush`: answers leave only when vital changes are durable, else these follow soon */
  constructor(parts: {
    disk: Disk
    dir: string
    turn: Turn
    isSyncFlush: boolean
    onFailed: (error: unknown) => void
  }) {
    this.#disk = parts.disk
    this.#dir = parts.dir
    this.#turn = parts.turn
    this.#isSyncFlush = parts.isSyncFlush
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
        const text = line.slice(CRC_DIGITS + 1)
        if (line.slice(0, CRC_DIGITS) !== crcText(text)) break
        apply(text)
        count++
      }
      this.#number = Number(name)
    }
    return count
  }

  /**
   * Begins a new journal; what is noted from here on goes there. @returns its number
   * @throws the disk's error where it has no room for one: the journal before goes on
   */
  begin(): number {
    this.flush()
    this.#disk.mkdirSync(this.#dir)
    const file = this.#disk.openSync(this.#pathOf(this.#number + 1), 'create')
    this.#file?.closeSync()
    this.#file = file
    this.#number++
    this.#end = 0
    this.#isNamed = false
    return this.#number
  }

  /** Deletes the journals before this number: the JSON files have what they said. */
  deleteOlder(number: number): void {
    for (const name of this.#names()) if (Number(name) < number) this.#disk.unlinkSync(`${this.#dir}/${name}`)
  }

  /** Notes a change; it is with the kernel before this turn's answers leave. @param isVital whether to make it durable */
  note(text: string, isVital: boolean): void {
    const at = this.#linesEnd
    if (at === 0) this.#turn.atWork(this.flush)
    const textAt = at + CRC_DIGITS + 1
    const lines = this.#room(textAt + Buffer.byteLength(text) + 1)
    const textEnd = textAt + lines.write(text, textAt)
    putHex(lines, at, crc32Of(lines, textAt, textEnd))
    lines[textAt - 1] = SPACE
    lines[textEnd] = LINE_FEED
    this.#linesEnd = textEnd + 1
    this.#isVital ||= isVital
  }

  /** The buffer of lines, with room for so many bytes. */
  #room(bytes: number): Buffer {
    if (bytes > this.#lines.length) {
      const lines = Buffer.allocUnsafeSlow(2 * bytes)
      this.#lines.copy(lines, 0, 0, this.#linesEnd)
      this.#lines = lines
    }
    return this.#lines
  }

  /** Writes what was noted. A disk that refuses leaves the changes in memory: the JSON files will have them. */
  readonly flush = (): void => {
    if (this.#linesEnd === 0 || !this.#file) return
    const bytes = this.#lines.subarray(0, this.#linesEnd)
    this.#linesEnd = 0
    if (this.#lines.length > LINES_BYTES) this.#lines = Buffer.allocUnsafeSlow(LINES_BYTES)
    try {
      let done = 0
      while (done < bytes.length) done += this.#file.writeSync([bytes.subarray(done)], this.#end + done)
      this.#end += bytes.length
      if (this.#isVital) this.#makeDurable(this.#file)
    } catch (error) {
      this.#onFailed(error)
    }
    this.#isVital = false
  }

  close(): void {
    this.flush()
    this.#file?.closeSync()
    this.#file = undefined
  }

  #makeDurable(file: File): void {
    if (!this.#isNamed) this.#disk.syncDirSync(this.#dir)
    this.#isNamed = true
    this.#isUnsynced = true
    if (this.#isSyncFlush) file.datasyncSync()
    else if (!this.#isSyncing) void this.#syncSoon()
  }

  /** One datasync at a time, the next takes all that has come meanwhile: clients may make thousands of topics at once. */
  async #syncSoon(): Promise<void> {
    this.#isSyncing = true
    try {
      while (this.#isUnsynced && this.#file) {
        this.#isUnsynced = false
        await this.#file.datasync()
      }
    } catch (error) {
      this.#onFailed(error)
    } finally {
      this.#isSyncing = false
    }
  }

  #names(): string[] {
    return this.#disk.listSync(this.#dir).filter((name) => /^\d{20}$/.test(name))
  }

  #pathOf(number: number): string {
    return `${this.#dir}/${String(number).padStart(NAME_DIGITS, '0')}`
  }
}

function crcText(text: string): string {
  return crc32Of(Buffer.from(text)).toString(16).padStart(CRC_DIGITS, '0')
}

function putHex(target: Buffer, at: number, value: number): void {
  for (let digit = CRC_DIGITS - 1, rest = value; digit >= 0; digit--, rest >>>= 4) {
    target[at + digit] = HEX_DIGITS[rest & 0xf] as number
  }
}
