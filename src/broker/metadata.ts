import { readNewest, replaceFile, replaceFileSync } from '../base/atomic-file.ts'
import { messageOf } from '../base/errors.ts'
import type { Host, Timer } from '../base/host.ts'
import type { Turn } from '../base/turn.ts'
import type { FlushDiskType } from '../store/store-settings.ts'
import { MetadataJournal } from './metadata-journal.ts'

/** A table of the broker that lives in one of RocketMQ's JSON files and in the journal. */
export interface MetadataTable {
  /** The name of its file in `config/`. */
  readonly fileName: string
  /** The letter that begins its lines in the journal. */
  readonly journalKind: string
  /** Whether acknowledged messages cannot be reached without it: its changes are made durable at once. */
  readonly isVital: boolean
  /** @throws MqError badBody when the content is not whole */
  load(content: Buffer): void
  /** Applies a line of the journal, without its letter. */
  replay(text: string): void
  /** The whole table as its file has it. */
  encode(): Buffer
  /** Set by `load`'s caller: notes a change, in the journal too unless the text is empty. */
  onChange: (text: string) => void
}

const FOLD_INTERVAL_MS = 5000

/** The folder below the store's root that RocketMQ keeps its tables in. */
const CONFIG_DIR = 'config'

/**
 * Keeps the broker's tables on disk: every change in the journal at once, and every five seconds, where something has changed,
 * in RocketMQ's JSON files, which a RocketMQ broker could go on with (R11: replaced whole, the generation before kept).
 */
export class Metadata {
  readonly #host: Host
  readonly #rootDir: string
  readonly #dir: string
  readonly #tables: readonly MetadataTable[]
  readonly #journal: MetadataJournal
  readonly #changed = new Set<MetadataTable>()
  #timer: Timer | undefined
  #folding: Promise<void> = Promise.resolve()
  #isStopped = false

  constructor(parts: {
    host: Host
    turn: Turn
    store: { readonly rootDir: string; readonly flushDiskType: FlushDiskType }
    tables: readonly MetadataTable[]
  }) {
    const { host, turn, store, tables } = parts
    this.#host = host
    this.#rootDir = store.rootDir
    this.#dir = `${store.rootDir}/${CONFIG_DIR}`
    this.#tables = tables
    this.#journal = new MetadataJournal({
      disk: host.disk,
      dir: `${store.rootDir}/ternmq/journal`,
      turn,
      isSyncFlush: store.flushDiskType === 'SYNC_FLUSH',
      onFailed: (error) =>
        host.log.warn(
          { error: messageOf(error) },
          'journal not written: changes are in memory until it can be',
        ),
    })
  }

  /**
   * Reads all tables, newest generation first, and what the journal has beyond them.
   * @throws MqError storeUnreadable when a file and its backup are both unreadable: never begin at 0 silently
   */
  open(): void {
    const { disk, log } = this.#host
    this.#makeDirs()
    for (const table of this.#tables) {
      const path = `${this.#dir}/${table.fileName}`
      const found = readNewest(disk, path, (content) => table.load(content))
      if (found?.isBackup)
        log.error({ path }, 'the newest generation is missing or unreadable: the one before is used')
    }
    const lines = this.#journal.replay((text) => {
      this.#tables.find((table) => table.journalKind === text[0])?.replay(text.slice(1))
    })
    if (lines > 0) log.info({ lines }, 'metadata journal replayed')
    const number = this.#journal.begin()
    for (const table of this.#tables) {
      if (lines > 0) replaceFileSync(disk, `${this.#dir}/${table.fileName}`, table.encode())
      table.onChange = (text) => {
        this.#changed.add(table)
        if (text !== '') this.#journal.note(table.journalKind + text, table.isVital)
      }
    }
    this.#journal.deleteOlder(number)
    this.#arm()
  }

  /** Writes all changes to the JSON files now. */
  async fold(): Promise<void> {
    this.#folding = this.#folding.then(() => this.#fold())
    await this.#folding
  }

  /** Stops, with everything in the JSON files. */
  async close(): Promise<void> {
    this.#isStopped = true
    this.#timer?.cancel()
    await this.#folding
    await this.#fold()
    this.#journal.close()
  }

  /** The folders, with durable names: what they will hold is worth nothing without. */
  #makeDirs(): void {
    const { disk } = this.#host
    if (disk.statSync(this.#dir)) return
    disk.mkdirSync(this.#dir)
    disk.mkdirSync(`${this.#rootDir}/ternmq/journal`)
    disk.syncDirSync(`${this.#rootDir}/ternmq`)
    disk.syncDirSync(this.#rootDir)
  }

  #arm(): void {
    if (this.#isStopped) return
    this.#timer = this.#host.clock.after(FOLD_INTERVAL_MS, () => {
      void this.fold().finally(() => this.#arm())
    })
  }

  async #fold(): Promise<void> {
    if (this.#changed.size === 0) return
    const tables = [...this.#changed]
    this.#changed.clear()
    try {
      // in this order: the files are at least as new as the journals that are deleted after them
      const number = this.#journal.begin()
      for (const table of tables)
        await replaceFile(this.#host.disk, `${this.#dir}/${table.fileName}`, table.encode())
      this.#journal.deleteOlder(number)
    } catch (error) {
      for (const table of tables) this.#changed.add(table)
      this.#host.log.warn({ error: messageOf(error) }, 'metadata files not written; it is tried again')
    }
  }
}
