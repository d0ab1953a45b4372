import type { MessageExt } from '../protocol/message-codec.ts'

/** What a look through a store directory found; times in milliseconds since 1970. */
export interface StoreReport {
  readonly logFileBytes: number
  readonly records: number
  readonly minOffset: number
  readonly end: number
  readonly isDamaged: boolean
  readonly reason: string
  readonly wasKilled: boolean
  readonly firstStoredMs: number
  readonly lastStoredMs: number
  readonly queues: readonly {
    readonly topic: string
    readonly queueId: number
    readonly messages: number
    readonly minOffset: number
    readonly maxOffset: number
    readonly holes: number
    readonly wrongEntries: number
  }[]
}

/**
 * Store directories, ours or RocketMQ's, with nobody at work in them: a port, as the store stands below another floor; `server`
 * fulfils it. Every method throws MqError storeLocked while a process has the directory, storeUnreadable for what is no store.
 */
export interface StoreTool {
  /** Looks at everything and changes nothing. */
  check(dir: string): StoreReport
  /** Hands over messages in the order of the log, from an offset of it on, until `visit` returns false. */
  dump(dir: string, from: number, visit: (message: MessageExt) => boolean): void
  /** Deletes ConsumeQueues and key index and builds them again from the log. @returns messages in the log */
  rebuild(dir: string): Promise<number>
}
