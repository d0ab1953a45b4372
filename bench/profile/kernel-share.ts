import { readFileSync } from 'node:fs'
import { MeasuredServer } from '../peer/measured-server.ts'
import { ternmqPlan } from '../peer/ternmq.ts'
import { buildGenerator, generate } from '../raw/generator.ts'
import { loadOf, type RawKind } from '../raw/raw-load.ts'

/** What one message costs a broker in a process of its own, with a kernel below. */
export interface KernelShare {
  readonly kind: RawKind
  /** Microseconds a message in the broker's own code and Node.js's. */
  readonly userUs: number
  /** And in the kernel: sockets, the log's file, memory. */
  readonly systemUs: number
  /** Calls of read and write a message, sockets and files. */
  readonly reads: number
  readonly writes: number
}

const WARM_S = 1.5

/** Measures one load after the other on a fresh server. */
export async function kernelShares(
  kinds: readonly RawKind[],
  { storeParent, seconds }: { readonly storeParent: string; readonly seconds: number },
): Promise<KernelShare[]> {
  buildGenerator()
  const server = await MeasuredServer.start(
    await ternmqPlan({ storeParent, flushDiskType: 'ASYNC_FLUSH', ternmqCommand: undefined }),
  )
  const shares: KernelShare[] = []
  const pids = server.brokerPids()
  for (const kind of kinds) {
    const load = await loadOf(kind, await server.brokerPort(), { body: 100, preload: 100_000 })
    await generate({ ...load, warm: 0, seconds: WARM_S })
    const before = countersOf(pids)
    const { messages } = await generate({ ...load, warm: 0, seconds })
    const after = countersOf(pids)
    shares.push({
      kind,
      userUs: (after.userUs - before.userUs) / messages,
      systemUs: (after.systemUs - before.systemUs) / messages,
      reads: (after.reads - before.reads) / messages,
      writes: (after.writes - before.writes) / messages,
    })
  }
  await server.stop()
  return shares
}

const US_PER_TICK = 10_000

function countersOf(pids: readonly number[]) {
  const sum = { userUs: 0, systemUs: 0, reads: 0, writes: 0 }
  for (const pid of pids) {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
    sum.userUs += Number(fields[11]) * US_PER_TICK
    sum.systemUs += Number(fields[12]) * US_PER_TICK
    const io = readFileSync(`/proc/${pid}/io`, 'utf8')
    sum.reads += Number(/^syscr: (\d+)/m.exec(io)?.[1])
    sum.writes += Number(/^syscw: (\d+)/m.exec(io)?.[1])
  }
  return sum
}
