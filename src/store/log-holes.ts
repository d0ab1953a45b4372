import { readNewest, replaceFileSync } from '../base/atomic-file.ts'
import { MqError } from '../base/errors.ts'
import type { Disk, Logger } from '../base/host.ts'
import { putInt32 } from '../protocol/big-endian.ts'
import { BLANK_BYTES, RecordMagic } from '../protocol/record-draft.ts'
import { type FileSequence, writeAll } from './file-sequence.ts'

/**
 * Files of the log that were lost and are done without, because an operator said so (`acceptHole`; R17, issue apache/rocketmq#2140). In the
 * place of each stands a file that is one blank, over which RocketMQ and every walk step; `<store>/ternmq/holes` names them. Readers pass
 * over queue entries that point into them, so that what stands before and behind is served.
 */
export class LogHoles {
  readonly #disk: Disk
  readonly #path: string
  readonly #log: Logger
  readonly #files: FileSequence
  #starts: readonly number[] = []

  constructor(parts: { disk: Disk; path: string; log: Logger; files: FileSequence }) {
    this.#disk = parts.disk
    this.#path = parts.path
    this.#log = parts.log
    this.#files = parts.files
  }

  /** Whether there are any: mostly not. */
  get isNone(): boolean {
    return this.#starts.length === 0
  }

  /** Whether the record that an entry points to was lost. */
  has(physicalOffset: number): boolean {
    const { fileBytes } = this.#files
    return this.#starts.some((start) => physicalOffset >= start && physicalOffset < start + fileBytes)
  }

  /** Where the first hole between two offsets begins. */
  between(from: number, end: number): number | undefined {
    return this.#starts.find((start) => start >= from && start < end)
  }

  /** Where the hole that holds this offset begins and ends. */
  around(physicalOffset: number): { readonly start: number; readonly end: number } | undefined {
    if (!this.has(physicalOffset)) return undefined
    let start = this.#files.startOf(physicalOffset)
    let end = start
    while (this.has(start - 1)) start -= this.#files.fileBytes
    while (this.has(end)) end += this.#files.fileBytes
    return { start, end }
  }

  /**
   * Loads the files of the log, with blanks for those that were lost.
   * @param repairsFrom see `FileSequence.load`
   * @param accepts whether one more may be missing
   * @throws MqError storeUnreadable
   */
  load(repairsFrom: number | undefined, accepts: boolean): void {
    this.#starts = readNewest(this.#disk, this.#path, decode)?.value ?? []
    this.#files.load(repairsFrom, (start) => accepts && this.#accept(start))
    this.#starts = this.#starts.filter((start) => this.#files.has(start))
    // a kill may have come between the file and its blank
    for (const start of this.#starts) this.#blank(start)
  }

  #accept(start: number): true {
    const { fileBytes } = this.#files
    this.#log.error(
      { path: this.#files.pathOf(start), from: start, end: start + fileBytes },
      'a file of the log is missing: its messages are lost, the others are served',
    )
    if (!this.#starts.includes(start)) this.#starts = [...this.#starts, start]
    replaceFileSync(this.#disk, this.#path, Buffer.from(this.#starts.join('\n')))
    return true
  }

  #blank(start: number): void {
    const blank = Buffer.alloc(BLANK_BYTES)
    putInt32(blank, 0, this.#files.fileBytes)
    putInt32(blank, 4, RecordMagic.BLANK)
    writeAll(this.#files.fileAt(start), blank, 0)
    this.#files.datasyncSync(start)
  }
}

/** @throws MqError badBody */
function decode(content: Buffer): number[] {
  const starts = content
    .toString()
    .split('\n')
    .filter((line) => line !== '')
    .map(Number)
  if (starts.every(Number.isSafeInteger)) return starts
  throw new MqError('badBody', 'the list of holes holds what is no offset')
}
