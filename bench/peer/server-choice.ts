import { tmpdir } from 'node:os'
import { heapOf } from './rocketmq.ts'
import type { ServerPlan } from './server-plan.ts'
import { plansOf } from './server-plans.ts'

/** What every question that is asked of servers takes beside its own options: where they run, and what becomes of the report. */
export const serverOptions = {
  heap: { type: 'string', default: 'normal' },
  'ternmq-command': { type: 'string' },
  'store-dir': { type: 'string', default: tmpdir() },
  write: { type: 'string' },
  from: { type: 'string', multiple: true },
  help: { type: 'boolean', default: false },
} as const

/** The servers that the command line names, and how they are to run. */
export interface ChosenServers {
  readonly servers: string
  readonly heap: string
  readonly 'ternmq-command'?: string | undefined
  readonly 'store-dir': string
}

/** The plans of servers that were chosen on the command line, flushing asynchronously. @throws RangeError for one that is not known */
export async function chosenPlans(options: ChosenServers): Promise<readonly ServerPlan[]> {
  return plansOf({
    servers: options.servers,
    storeParent: options['store-dir'],
    flushDiskType: 'ASYNC_FLUSH',
    heap: heapOf(options.heap),
    ternmqCommand: options['ternmq-command'],
  })
}
