import { randomInt } from 'node:crypto'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { Auditor, type AuditReport, assertNothingLost, assertSound } from './audit.ts'
import { type Acked, History } from './history.ts'
import type { Lab } from './lab.ts'
import { Load } from './load.ts'
import { SmallDisk } from './small-disk.ts'
import { smallFiles } from './store-settings.ts'
import type { Suite } from './suite.ts'

const DISK_BYTES = 512 * 1024 * 1024
const TOPICS = ['cut-one', 'cut-two']
const CYCLES = 10

/** What ASYNC_FLUSH may lose: the messages of one interval and of the flush that was under way. */
const FLUSH_INTERVAL_MS = 500
const FLUSH_MS_MAX = 1500

/** Cuts the power under load, again and again, and looks at what the next start finds. */
export const powerCut: Suite = {
  name: 'power-cut',
  about:
    'the power goes under load (ext4 shut down without its journal): SYNC_FLUSH loses nothing, ASYNC_FLUSH only an end',
  needs: ['root', 'mkfs.ext4', 'mount', 'umount', 'perl'],
  async run(lab) {
    await lab.check('under SYNC_FLUSH loses nothing that was acknowledged before', () =>
      cycles(lab, 'SYNC_FLUSH', lostInTheCut),
    )
    await lab.check('under ASYNC_FLUSH loses the end of what was acknowledged, at most', () =>
      cycles(lab, 'ASYNC_FLUSH', lostEnd),
    )
  },
}

/** What is left after one cut. */
interface Cut {
  readonly cutMs: number
  readonly history: History
  readonly report: AuditReport
}

/** @param judge throws when more was lost than may be. @returns how many messages were */
async function cycles(lab: Lab, flushDiskType: string, judge: (cut: Cut) => number): Promise<string> {
  const disk = SmallDisk.make(lab, DISK_BYTES)
  const history = new History(flushDiskType)
  const start = () =>
    lab.broker({
      dir: join(disk.dir, 'store'),
      settings: { ...smallFiles, flushDiskType, flushIntervalCommitLog: String(FLUSH_INTERVAL_MS) },
    })
  const count = lab.cycles(CYCLES)
  let [broker, lostCount, ackedCount] = [await start(), 0, 0]
  for (let cycle = 1; cycle <= count; cycle++) {
    const client = await lab.client(broker)
    const load = new Load(client, history, { topics: [...TOPICS, `cut-new-${cycle}`], timeoutMs: 1000 })
    await load.untilAcked(10_000)
    await pause(randomInt(300, 1500))
    const cutMs = await disk.cutPower()
    await load.stop()
    await broker.kill()
    await lab.close(client)
    disk.restart()
    broker = await start()
    const looker = await lab.client(broker)
    const report = await new Auditor(history).look(looker, history.topics)
    await lab.close(looker)
    assertSound(report)
    ackedCount += load.ackedCount
    lostCount += judge({ cutMs, history, report })
    history.forget(report.lost)
  }
  await broker.stop()
  return `${count} cuts, ${ackedCount} acknowledged, ${lostCount} lost, no holes, no ghosts`
}

/**
 * Under SYNC_FLUSH: nothing that was acknowledged before the power began to go. ext4 may confirm the one datasync that its
 * shutdown meets half done, and lose its bytes: who waited for that one has lost an end.
 */
function lostInTheCut({ cutMs, history, report: { lost } }: Cut): number {
  assertNothingLost({ lost: lost.filter(({ ackedMs }) => ackedMs < cutMs) })
  assertEnd(history, lost)
  return lost.length
}

/** Under ASYNC_FLUSH: what is lost was acknowledged just before, and nothing that came after it is there. */
function lostEnd({ cutMs, history, report: { lost } }: Cut): number {
  const firstMs = Math.min(...lost.map(({ ackedMs }) => ackedMs))
  const lateMs = Math.round(cutMs - firstMs)
  if (lateMs > FLUSH_INTERVAL_MS + FLUSH_MS_MAX) {
    throw new Error(`a message is lost that was acknowledged ${lateMs} ms before the cut`)
  }
  assertEnd(history, lost)
  return lost.length
}

/** @throws Error when something that was stored behind what is lost is kept */
function assertEnd(history: History, lost: readonly Acked[]): void {
  const firstOffset = Math.min(...lost.map(({ commitLogOffset }) => commitLogOffset))
  const places = new Set(lost)
  for (const acked of history.acked.values()) {
    if (acked.commitLogOffset > firstOffset && !places.has(acked)) {
      throw new Error(`a hole: offset ${firstOffset} of the log is lost, ${acked.commitLogOffset} is kept`)
    }
  }
}
