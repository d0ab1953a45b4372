import type { Topic } from '../../broker/topic-table.ts'
import type { HeaderScan } from '../../protocol/header-scan.ts'

/** Topics kept at most: those of deleted ones are let go with all others. */
const TOPICS_MAX = 65_536

/** Keeps a hash within the integers for which V8 needs no object. */
const SMALL_INTEGER_MASK = 0x3fff_ffff

/** Topics that clients have sent to, found by the bytes of their name: senders that change topics cost no string each time. */
export class KnownTopics {
  readonly #byHash = new Map<number, Topic>()

  /** @returns undefined when the topic that a field of the header names was not noted, or is deleted */
  find(header: HeaderScan, index: number): Topic | undefined {
    const at = header.valueAt(index)
    const topic = this.#byHash.get(hashOf(header.buffer, at, header.valueEnd(index)))
    return topic && !topic.isDeleted && header.valueEquals(index, topic.queues.topicBytes) ? topic : undefined
  }

  note(topic: Topic): void {
    const { topicBytes } = topic.queues
    if (this.#byHash.size >= TOPICS_MAX) this.#byHash.clear()
    this.#byHash.set(hashOf(topicBytes, 0, topicBytes.length), topic)
  }
}

/** FNV-1a. */
function hashOf(bytes: Buffer, at: number, end: number): number {
  let hash = 0x811c9dc5
  for (let i = at; i < end; i++) hash = Math.imul(hash ^ (bytes[i] as number), 0x01000193)
  return hash & SMALL_INTEGER_MASK
}
