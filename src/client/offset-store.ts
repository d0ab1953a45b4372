import { readNewest, replaceFile } from '../base/atomic-file.ts'
import { messageOf } from '../base/errors.ts'
import type { Disk, Logger } from '../base/host.ts'
import { type MessageQueue, messageQueueKey } from '../protocol/message-queue.ts'
import { decodeOffsetTable, encodeOffsetTable } from '../protocol/offset-table.ts'
import type { BrokerRequests } from './broker-requests.ts'
import { type ClientError, clientErrorOf } from './client-error.ts'

/** Where a consumer keeps how far it has come. */
export interface OffsetStore {
  /**
   * Where to begin in a queue by what was kept last; undefined when nothing was.
   * @throws ClientError when it cannot be found out now
   */
  read(queue: MessageQueue): Promise<number | undefined>
  /**
   * Keeps offsets; what has not changed costs nothing.
   * @returns the first failure, which is logged; those that failed are still to be kept
   */
  write(offsets: ReadonlyMap<MessageQueue, number>): Promise<ClientError | undefined>
  /** The broker has been told by another way. */
  noteWritten(queue: MessageQueue, offset: number): void
}

/** What keeps offsets at brokers. */
type OffsetRequests = Pick<BrokerRequests, 'startOffset' | 'commitOffset'>

/** Offsets at the brokers, for the clients of a group together. */
export class RemoteOffsetStore implements OffsetStore {
  readonly #brokers: OffsetRequests
  readonly #group: string
  readonly #log: Logger
  readonly #written = new Map<string, number>()
  /** Topics of which a broker has an offset of the group. */
  readonly #begun = new Set<string>()

  constructor(brokers: OffsetRequests, group: string, log: Logger) {
    this.#brokers = brokers
    this.#group = group
    this.#log = log
  }

  async read(queue: MessageQueue): Promise<number | undefined> {
    const offset = await this.#brokers.startOffset(this.#group, queue)
    if (offset !== undefined) this.#written.set(messageQueueKey(queue), offset)
    else this.#written.delete(messageQueueKey(queue))
    return offset
  }

  async write(offsets: ReadonlyMap<MessageQueue, number>): Promise<ClientError | undefined> {
    const writes: (Promise<ClientError | undefined> | ClientError | undefined)[] = []
    for (const [queue, offset] of offsets) {
      const write = this.#writeOne(queue, offset)
      // RocketMQ makes a group's table at its first offset of a topic, and loses one of two that come at once (ConsumerOffsetManager)
      writes.push(this.#begun.has(queue.topic) ? write : await write)
    }
    return (await Promise.all(writes)).find((failure) => failure !== undefined)
  }

  noteWritten(queue: MessageQueue, offset: number): void {
    this.#written.set(messageQueueKey(queue), offset)
  }

  async #writeOne(queue: MessageQueue, offset: number): Promise<ClientError | undefined> {
    const key = messageQueueKey(queue)
    if (this.#written.get(key) === offset) return undefined
    try {
      await this.#brokers.commitOffset(this.#group, queue, offset)
      this.#written.set(key, offset)
      this.#begun.add(queue.topic)
      return undefined
    } catch (error) {
      this.#log.warn(
        { group: this.#group, queue: key, offset, error: messageOf(error) },
        'an offset could not be committed; it is tried again',
      )
      return clientErrorOf(error)
    }
  }
}

/** Offsets in a file of this machine, for a client that consumes all queues by itself. */
export class LocalOffsetStore implements OffsetStore {
  readonly #disk: Disk
  readonly #path: string
  readonly #log: Logger
  readonly #offsets = new Map<string, { readonly queue: MessageQueue; readonly offset: number }>()
  #isChanged = false
  #writing: Promise<ClientError | undefined> | undefined

  /**
   * @param path of the file, in the form of RocketMQ's clients; its folder is made
   * @throws MqError storeUnreadable when the file and its backup cannot be read
   */
  constructor(disk: Disk, path: string, log: Logger) {
    this.#disk = disk
    this.#path = path.includes('/') ? path : `./${path}`
    this.#log = log
    const found = readNewest(disk, this.#path, decodeOffsetTable)
    if (found?.isBackup) log.warn({ path }, 'offsets are read from the backup: the newest file is damaged')
    for (const [queue, offset] of found?.value ?? []) {
      this.#offsets.set(messageQueueKey(queue), { queue, offset })
    }
  }

  async read(queue: MessageQueue): Promise<number | undefined> {
    return this.#offsets.get(messageQueueKey(queue))?.offset
  }

  async write(offsets: ReadonlyMap<MessageQueue, number>): Promise<ClientError | undefined> {
    for (const [queue, offset] of offsets) {
      const key = messageQueueKey(queue)
      if (this.#offsets.get(key)?.offset === offset) continue
      this.#offsets.set(key, { queue, offset })
      this.#isChanged = true
    }
    // one at a time, or a slow one would put older offsets over newer ones
    while (this.#writing) await this.#writing
    if (!this.#isChanged) return undefined
    this.#isChanged = false
    this.#writing = this.#writeFile().finally(() => {
      this.#writing = undefined
    })
    return this.#writing
  }

  noteWritten(): void {
    // no broker keeps these
  }

  async #writeFile(): Promise<ClientError | undefined> {
    try {
      const table = new Map([...this.#offsets.values()].map(({ queue, offset }) => [queue, offset]))
      this.#disk.mkdirSync(this.#path.slice(0, this.#path.lastIndexOf('/')) || '/')
      await replaceFile(this.#disk, this.#path, encodeOffsetTable(table))
      return undefined
    } catch (error) {
      this.#isChanged = true
      this.#log.warn(
        { path: this.#path, error: messageOf(error) },
        'offsets could not be written; it is tried again',
      )
      return clientErrorOf(error)
    }
  }
}

/** Offsets that end with the consumer: a broadcast consumer without a file begins anew each time. */
export class MemoryOffsetStore implements OffsetStore {
  async read(): Promise<undefined> {
    return undefined
  }

  async write(): Promise<undefined> {
    return undefined
  }

  noteWritten(): void {
    // nothing is kept
  }
}
