import type { ServerCommand, ServerProcesses } from './server-processes.ts'

/** How answers depend on the disk, as RocketMQ spells it. */
export type FlushDiskType = 'ASYNC_FLUSH' | 'SYNC_FLUSH'

/** How to start one server of RocketMQ's protocol: everything decided, nothing running. */
export interface ServerPlan {
  readonly label: string
  /** What a report says about the server. */
  readonly about: string
  readonly processes: ServerProcesses
  readonly namesrvPort: number
  /** Where metrics are served; undefined for a server that has no such page. */
  readonly httpPort?: number
  /** In their order; the last one is the broker. */
  readonly commands: readonly [...ServerCommand[], ServerCommand]
}

/** What is asked of a server that is to be measured. */
export interface PlanOptions {
  /** Folder on the disk to measure, in which the server gets a folder of its own. */
  readonly storeParent: string
  readonly flushDiskType: FlushDiskType
}
