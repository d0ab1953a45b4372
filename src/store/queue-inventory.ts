import { readFile, replaceFileSync } from '../base/atomic-file.ts'
import type { Disk } from '../base/host.ts'
import type { ConsumeQueueTable } from './consume-queue-table.ts'

/**
 * Names the queues that have files, a line `topic queueId` each, so that a start notices when some were taken away and builds
 * them again from the log instead of beginning at offset 0 a second time.
 */
export class QueueInventory {
  readonly #disk: Disk
  readonly #path: string

  constructor(disk: Disk, path: string) {
    this.#disk = disk
    this.#path = path
  }

  /** The queues that should have files and have none. */
  missing(queues: ConsumeQueueTable): string[] {
    // what stands behind the last line's end was being written when the process died
    const lines = (readFile(this.#disk, this.#path)?.toString() ?? '').split('\n').slice(0, -1)
    const idsByTopic = new Map<string, ReadonlySet<number>>()
    return lines.filter((line) => {
      const [topic = '', queueId] = line.split(' ')
      let ids = idsByTopic.get(topic)
      if (!ids) {
        ids = new Set(queues.queueIdsOnDisk(topic))
        idsByTopic.set(topic, ids)
      }
      return !ids.has(Number(queueId))
    })
  }

  /** Adds queues that have got their first file, durably. */
  append(lines: readonly string[]): void {
    if (lines.length === 0) return
    const file = this.#disk.openSync(this.#path, 'create')
    try {
      const bytes = Buffer.from(`${lines.join('\n')}\n`)
      const end = file.sizeSync()
      let done = 0
      while (done < bytes.length) done += file.writeSync([bytes.subarray(done)], end + done)
      file.datasyncSync()
    } finally {
      file.closeSync()
    }
  }

  /** Writes all anew, after queues were deleted. */
  rewrite(queues: ConsumeQueueTable): void {
    const lines = queues
      .topicsOnDisk()
      .flatMap((topic) => queues.queueIdsOnDisk(topic).map((id) => `${topic} ${id}\n`))
    replaceFileSync(this.#disk, this.#path, Buffer.from(lines.join('')))
  }
}
