import { lengthOfData } from './zero-tail.ts'

/** The unit in which simulated disks give out room, as most real file systems do. */
export const PAGE_BYTES = 4096

interface Page {
  readonly bytes: Buffer
  /** The image that may write into it; undefined once a clone shares it. */
  owner: PageImage | undefined
}

/**
 * The bytes of a file in memory. Sparse: what was never written takes no room. Clones share pages until one
 * is written.
 */
export class PageImage {
  readonly #pages = new Map<number, Page>()
  #sizeBytes = 0

  get sizeBytes(): number {
    return this.#sizeBytes
  }

  /** Pages that take room. */
  get pageCount(): number {
    return this.#pages.size
  }

  clone(): PageImage {
    const clone = new PageImage()
    clone.#sizeBytes = this.#sizeBytes
    for (const [index, page] of this.#pages) {
      page.owner = undefined
      clone.#pages.set(index, page)
    }
    return clone
  }

  /** Fills `target` from `position` on. @returns bytes read, fewer only at the end of the file */
  read(target: Buffer, position: number): number {
    const length = Math.max(0, Math.min(target.length, this.#sizeBytes - position))
    for (let done = 0; done < length; ) {
      const { index, within, count } = step(position + done, length - done)
      const page = this.#pages.get(index)
      if (page) page.bytes.copy(target, done, within, within + count)
      else target.fill(0, done, done + count)
      done += count
    }
    return length
  }

  /** Offset behind the last byte from `position` on that is not zero; `position` when there is none. */
  dataEnd(position: number): number {
    let end = position
    for (const [index, { bytes }] of this.#pages) {
      const start = index * PAGE_BYTES
      if (start + PAGE_BYTES > end) end = Math.max(end, start + lengthOfData(bytes))
    }
    return end
  }

  /**
   * Writes `bytes` at `position`, taking at most `newPagesMax` pages that take no room yet.
   * @returns bytes written: the first part, up to the page that found no room
   */
  write(bytes: Buffer, position: number, newPagesMax = Number.POSITIVE_INFINITY): number {
    const pageCountMax = this.#pages.size + newPagesMax
    let done = 0
    while (done < bytes.length) {
      const { index, within, count } = step(position + done, bytes.length - done)
      if (this.#pages.size >= pageCountMax && !this.#pages.has(index)) break
      bytes.copy(this.#pageToWrite(index), within, done, done + count)
      done += count
    }
    if (done > 0) this.#sizeBytes = Math.max(this.#sizeBytes, position + done)
    return done
  }

  /** Cuts to this size, or extends with zeros that take no room. */
  truncate(sizeBytes: number): void {
    if (sizeBytes < this.#sizeBytes) {
      const pagesKept = Math.ceil(sizeBytes / PAGE_BYTES)
      for (const index of this.#pages.keys()) if (index >= pagesKept) this.#pages.delete(index)
      const lastBytes = sizeBytes % PAGE_BYTES
      if (lastBytes > 0 && this.#pages.has(pagesKept - 1)) this.#pageToWrite(pagesKept - 1).fill(0, lastBytes)
    }
    this.#sizeBytes = sizeBytes
  }

  #pageToWrite(index: number): Buffer {
    const page = this.#pages.get(index)
    if (page?.owner === this) return page.bytes
    const bytes = Buffer.alloc(PAGE_BYTES)
    if (page) page.bytes.copy(bytes)
    this.#pages.set(index, { bytes, owner: this })
    return bytes
  }
}

/** The part of a range that lies in its first page. */
function step(position: number, length: number): { index: number; within: number; count: number } {
  const within = position % PAGE_BYTES
  return { index: (position - within) / PAGE_BYTES, within, count: Math.min(length, PAGE_BYTES - within) }
}
