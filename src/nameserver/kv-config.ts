import { readNewest, replaceFile } from '../base/atomic-file.ts'
import { MqError, messageOf } from '../base/errors.ts'
import type { Disk } from '../base/host.ts'
import { fastJsonBytes } from '../protocol/fastjson-writer.ts'
import { JsonFields, readText } from '../protocol/json-fields.ts'
import { checkName } from './name-limits.ts'
import { ownText } from './own-text.ts'

/**
 * The namespace whose keys are topics and whose values are their queues by broker: `broker-a:4;broker-b:4`.
 */
export const ORDER_TOPIC_CONFIG = 'ORDER_TOPIC_CONFIG'

/** How much a `KvConfig` takes; the whole is written to disk with every change. */
export interface KvLimits {
  readonly namespacesMax: number
  /** Keys of all namespaces together. */
  readonly keysMax: number
  /** Characters of one value. */
  readonly valueCharsMax: number
  /** Characters of all keys and values together. */
  readonly charsMax: number
}

/** Room for the order configuration of some 20,000 topics. */
export const KV_LIMITS: KvLimits = {
  namespacesMax: 1000,
  keysMax: 20_000,
  valueCharsMax: 65_536,
  charsMax: 4 * 1024 * 1024,
}

type Namespaces = Map<string, Map<string, string>>

/**
 * Values by namespace and key, in the file that RocketMQ's name server keeps them in (kvConfig.json). A
 * change is seen at once and promised when it is on disk.
 */
export class KvConfig {
  readonly #disk: Disk
  readonly #path: string
  readonly #limits: KvLimits
  readonly #namespaces: Namespaces
  #keyCount = 0
  #charCount = 0
  /** The write that is under way, and the one behind it that takes all changes made meanwhile. */
  #writing: Promise<void> | undefined
  #waiting: Promise<void> | undefined

  /**
   * Reads what there is.
   * @param path of kvConfig.json; the directory is made with the first change
   * @throws MqError storeUnreadable when neither the file nor the generation before it is whole
   */
  constructor(disk: Disk, path: string, limits: KvLimits = KV_LIMITS) {
    this.#disk = disk
    this.#path = path
    this.#limits = limits
    this.#namespaces = readNewest(disk, path, decodeNamespaces)?.value ?? new Map()
    for (const values of this.#namespaces.values()) {
      this.#keyCount += values.size
      for (const [key, value] of values) this.#charCount += key.length + value.length
    }
  }

  get(namespace: string, key: string): string | undefined {
    return this.#namespaces.get(namespace)?.get(key)
  }

  /** A namespace's values by key; undefined for one that was never used. */
  list(namespace: string): ReadonlyMap<string, string> | undefined {
    return this.#namespaces.get(namespace)
  }

  /**
   * Sets a value.
   * @returns when it is on disk
   * @throws MqError invalidParameter for a name or value that cannot be kept, busy when there is no room,
   *   notWritable when the disk refuses; the value holds until the next start then
   */
  async put(namespace: string, key: string, value: string): Promise<void> {
    checkName('namespace', namespace)
    checkName('key', key)
    const { valueCharsMax, keysMax, charsMax } = this.#limits
    if (value.length > valueCharsMax) {
      throw new MqError(
        'invalidParameter',
        `value of ${key} has ${value.length} characters, more than ${valueCharsMax}`,
      )
    }
    const before = this.get(namespace, key)
    const keyCount = this.#keyCount + (before === undefined ? 1 : 0)
    const charCount = this.#charCount + value.length - (before === undefined ? -key.length : before.length)
    if (keyCount > keysMax || charCount > charsMax) {
      throw new MqError(
        'busy',
        `key ${key} brings the configuration to ${keyCount} keys, ${charCount} characters`,
      )
    }
    this.#open(namespace).set(ownText(key), ownText(value))
    this.#keyCount = keyCount
    this.#charCount = charCount
    await this.#save()
  }

  /**
   * Removes a value; the namespace stays, as it does in RocketMQ.
   * @returns when that is on disk
   * @throws MqError notWritable when the disk refuses
   */
  async delete(namespace: string, key: string): Promise<void> {
    const value = this.get(namespace, key)
    if (value === undefined) return
    this.#namespaces.get(namespace)?.delete(key)
    this.#keyCount--
    this.#charCount -= key.length + value.length
    await this.#save()
  }

  /** Waits until no write is under way; its failure is told to whoever asked for it. */
  async settled(): Promise<void> {
    while (this.#writing || this.#waiting) await Promise.allSettled([this.#writing, this.#waiting])
  }

  #open(namespace: string): Map<string, string> {
    const found = this.#namespaces.get(namespace)
    if (found) return found
    if (this.#namespaces.size >= this.#limits.namespacesMax) this.#dropEmptyNamespace(namespace)
    const values = new Map<string, string>()
    this.#namespaces.set(ownText(namespace), values)
    return values
  }

  #dropEmptyNamespace(wanted: string): void {
    for (const [namespace, values] of this.#namespaces) {
      if (values.size === 0) {
        this.#namespaces.delete(namespace)
        return
      }
    }
    const { namespacesMax } = this.#limits
    throw new MqError('busy', `namespace ${wanted} finds ${namespacesMax} others: there is no room`)
  }

  /** One write at a time; all changes made while it is under way share the next one. */
  #save(): Promise<void> {
    if (!this.#writing) {
      this.#writing = this.#write().finally(() => {
        this.#writing = undefined
      })
      return this.#writing
    }
    this.#waiting ??= this.#writing.then(ignored, ignored).then(() => {
      this.#waiting = undefined
      return this.#save()
    })
    return this.#waiting
  }

  async #write(): Promise<void> {
    try {
      makeDirectory(this.#disk, directoryOf(this.#path))
      await replaceFile(this.#disk, this.#path, fastJsonBytes({ configTable: this.#namespaces }))
    } catch (cause) {
      throw new MqError('notWritable', `${this.#path} cannot be written: ${messageOf(cause)}`, { cause })
    }
  }
}

/** The outcome of the write before is told to those who waited for that one. */
function ignored(): void {}

function directoryOf(path: string): string {
  return path.slice(0, path.lastIndexOf('/'))
}

/** Makes a directory so that it is still there after a power cut. */
function makeDirectory(disk: Disk, path: string): void {
  if (disk.statSync(path)) return
  disk.mkdirSync(path)
  disk.syncDirSync(directoryOf(path))
}

function decodeNamespaces(content: Buffer): Namespaces {
  const fields = JsonFields.ofBody(content, 'KV configuration')
  return fields.table('configTable', (value, path) =>
    new JsonFields({ values: value }, path).table('values', readText),
  )
}
