import { readdirSync, readFileSync } from 'node:fs'

/** USER_HZ, fixed by the kernel for what /proc shows to programs. */
const TICKS_PER_S = 100

/** The process and all below it, as far as they are alive. */
export function processTree(root: number): number[] {
  const children = new Map<number, number[]>()
  for (const name of readdirSync('/proc')) {
    const parent = /^\d+$/.test(name) ? statFields(Number(name))?.[1] : undefined
    if (parent === undefined) continue
    const siblings = children.get(Number(parent))
    if (siblings) siblings.push(Number(name))
    else children.set(Number(parent), [Number(name)])
  }
  const tree = [root]
  for (const pid of tree) tree.push(...(children.get(pid) ?? []))
  return tree
}

/** When the process was started, in ticks since boot: with the pid it names a process for good. */
export function startTicks(pid: number): number | undefined {
  const fields = statFields(pid)
  return fields && Number(fields[19])
}

/** utime + stime of the processes, seconds; one that has ended counts as zero. */
export function cpuS(pids: readonly number[]): number {
  let ticks = 0
  for (const pid of pids) {
    const fields = statFields(pid)
    ticks += Number(fields?.[11] ?? 0) + Number(fields?.[12] ?? 0)
  }
  return ticks / TICKS_PER_S
}

/** One field of /proc/PID/status summed over the processes, MiB. */
export function memoryMiB(pids: readonly number[], field: 'VmRSS' | 'RssAnon'): number {
  let kib = 0
  for (const pid of pids) {
    const status = readProc(`/proc/${pid}/status`)
    kib += Number(new RegExp(`^${field}:\\s+(\\d+)`, 'm').exec(status ?? '')?.[1] ?? 0)
  }
  return kib / 1024
}

/** What the whole machine has been busy with since it started (user, nice, system, irq, softirq), seconds. */
export function machineBusyS(): number {
  const [user, nice, system, , , irq, softirq] = (readProc('/proc/stat') ?? '')
    .slice(0, 200)
    .split(/\s+/)
    .slice(1)
    .map(Number)
  return (
    [user, nice, system, irq, softirq].reduce<number>((sum, ticks) => sum + (ticks ?? 0), 0) / TICKS_PER_S
  )
}

/** The fields of /proc/PID/stat from the third, the state, on; undefined for a process that is gone. */
function statFields(pid: number): string[] | undefined {
  const stat = readProc(`/proc/${pid}/stat`)
  return stat?.slice(stat.lastIndexOf(')') + 2).split(' ')
}

function readProc(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return undefined // the process has ended meanwhile
  }
}
