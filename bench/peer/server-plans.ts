import { type Heap, rocketmqPlan } from './rocketmq.ts'
import type { PlanOptions, ServerPlan } from './server-plan.ts'
import { ternmqPlan } from './ternmq.ts'

/** Options of `plansOf`. */
export interface PlansOptions extends PlanOptions {
  /** `ternmq`, `rocketmq` or both, comma separated, in the order to start them. */
  readonly servers: string
  readonly heap: Heap
  /** Another way to start TernMQ. */
  readonly ternmqCommand: string | undefined
}

/** @throws RangeError for a server that is not known */
export async function plansOf(options: PlansOptions): Promise<readonly ServerPlan[]> {
  const plans: ServerPlan[] = []
  for (const server of options.servers.split(',')) {
    if (server === 'ternmq') plans.push(await ternmqPlan(options))
    else if (server === 'rocketmq') plans.push(await rocketmqPlan(options))
    else throw new RangeError(`servers wants ternmq and rocketmq, not "${server}"`)
  }
  return plans
}
