import { cpuS, machineBusyS } from '../measure/process-stats.ts'
import { pause } from '../peer/interruption.ts'
import type { Publisher } from './publisher.ts'

/** Closed loop over one connection. */
export interface PublishLoadOptions {
  /** Unconfirmed messages at most. */
  readonly window: number
  readonly warmS: number
  readonly windowS: number
  /** Processes of the server. */
  readonly pids: () => readonly number[]
}

/** What a window of confirmed publishes showed. */
export interface PublishFigures {
  readonly messagesPerS: number
  readonly latencyP50Ms?: number
  readonly latencyP99Ms?: number
  readonly cpuUsPerMessage: number
  /** What neither the server nor the load used, in the window. */
  readonly otherCpuS?: number
  readonly refused: number
}

/** Keeps a window of messages unconfirmed and measures confirmations after the warm-up. */
export async function publishLoad(
  publisher: Publisher,
  options: PublishLoadOptions,
): Promise<PublishFigures> {
  const startedMs = new Map<number, number>()
  const latenciesMs: number[] = []
  let [nextId, confirmed, refused] = [2, 0, 0]
  let [measured, over, fillPlanned] = [false, false, false]
  const fill = () => {
    fillPlanned = false
    while (!over && !publisher.isClosed && startedMs.size < options.window) {
      startedMs.set(nextId, performance.now())
      publisher.publish(nextId++)
    }
  }
  publisher.onAnswer = (id, stored) => {
    const startMs = startedMs.get(id)
    if (startMs === undefined) return
    startedMs.delete(id)
    if (!stored) refused++
    else if (measured) {
      confirmed++
      latenciesMs.push(performance.now() - startMs)
    }
    if (fillPlanned) return
    fillPlanned = true
    setImmediate(fill)
  }
  fill()
  await pause(options.warmS * 1000)
  const before = sample(options.pids())
  measured = true
  await pause(options.windowS * 1000)
  measured = false
  const after = sample(options.pids())
  over = true
  if (confirmed === 0) throw new Error('nothing was confirmed')
  latenciesMs.sort((a, b) => a - b)
  const percentile = (share: number) =>
    latenciesMs[Math.floor((latenciesMs.length - 1) * share)] ?? Number.NaN
  const serverCpuS = after.serverCpuS - before.serverCpuS
  return {
    messagesPerS: (confirmed / (after.atMs - before.atMs)) * 1000,
    latencyP50Ms: percentile(0.5),
    latencyP99Ms: percentile(0.99),
    cpuUsPerMessage: (serverCpuS / confirmed) * 1e6,
    otherCpuS: after.busyS - before.busyS - serverCpuS - (after.ownCpuS - before.ownCpuS),
    refused,
  }
}

function sample(pids: readonly number[]) {
  const own = process.cpuUsage()
  return {
    atMs: performance.now(),
    serverCpuS: cpuS(pids),
    ownCpuS: (own.user + own.system) / 1e6,
    busyS: machineBusyS(),
  }
}
