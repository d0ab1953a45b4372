import { javaHashCodeOfUtf8 } from '../protocol/java-hash.ts'
import { SystemTopic } from '../protocol/names.ts'
import type { PropertyScan } from '../protocol/property-scan.ts'
import type { DelayLevels } from './delay-levels.ts'

/** What the queue entry of a message says beside its place (protocol/storage.md §3). */
export class TagsCode {
  readonly #delayLevels: DelayLevels

  constructor(delayLevels: DelayLevels) {
    this.#delayLevels = delayLevels
  }

  /** The hash of the tag, 0 without one; in the delay queues the time at which the message is due, in ms since 1970. */
  of(topic: string, properties: PropertyScan, storedMs: number): number {
    if (topic === SystemTopic.SCHEDULE) {
      const level = Number(properties.optionalText('DELAY') ?? 0)
      if (level > 0) return storedMs + this.#delayLevels.delayMs(level)
    }
    const tags = properties.find('TAGS')
    return tags < 0
      ? 0
      : javaHashCodeOfUtf8(properties.buffer, properties.valueAt(tags), properties.valueEnd(tags))
  }
}
