import type { FlushDiskType } from '../peer/server-plan.ts'

/** Every scenario of the load driver but prewarm, in the order in which they disturb each other least. */
const allScenarios = [
  ...[
    'send-sync-1',
    'send-sync-64',
    'send-sync-64-1k',
    'send-async-100',
    'send-async',
    'send-batch',
    'send-oneway',
  ],
  ...['consume-backlog-128', 'consume-backlog-1k', 'consume-tuned-128', 'consume-tuned-1k'],
  ...[
    'pull-raw',
    'pull-raw-128',
    'fan-out',
    'e2e-1k',
    'e2e-10k',
    'tx',
    'delay-1',
    'fan-out-live',
    'many-topics',
  ],
  'sync-flush',
]

/** What `npm run bench` measures without being told: about 17 minutes in three runs. */
export const defaultScenarios: readonly string[] = [
  ...['send-sync-1', 'send-sync-64', 'send-sync-64-1k', 'send-async', 'send-batch'],
  ...['consume-backlog-128', 'pull-raw', 'e2e-1k'],
]

/** @throws RangeError when a name in the comma separated list is neither a scenario nor `all` */
export function scenarioNames(list: string): readonly string[] {
  if (list === 'all') return allScenarios
  const names = list.split(',')
  const unknown = names.find((name) => !allScenarios.includes(name))
  if (unknown !== undefined)
    throw new RangeError(`unknown scenario "${unknown}"; known: ${allScenarios.join(' ')}`)
  return names
}

/** The promise under which a scenario is measured. */
export function flushDiskTypeOf(scenario: string): FlushDiskType {
  return scenario === 'sync-flush' ? 'SYNC_FLUSH' : 'ASYNC_FLUSH'
}
