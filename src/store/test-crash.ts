import assert from 'node:assert/strict'
import { messageOf } from '../base/errors.ts'
import type { DiskOp } from '../base/host/disk-faults.ts'
import { FaultyDisk } from '../base/host/faulty-disk.ts'
import { SeededRandom } from '../base/host/seeded-random.ts'
import { VirtualClock } from '../base/host/virtual-clock.ts'
import type { FlushDiskType } from './store-settings.ts'
import { type Allowance, dump, type History } from './test-history.ts'
import { ScenarioRun, type Script, scenarioSettings } from './test-scenario.ts'
import { TEST_START_MS, TestStore, testHost } from './test-store.ts'

const CAPACITY_BYTES = 64 * 1024 * 1024

/** How long what a failed datasync should have saved may wait until it is written again. */
const HEALING_MS = 1500

/** What becomes of the disk of a process that dies; torn in the way of a seed. */
export type Outcome = 'kill' | 'lost' | 'kept' | `torn ${number}`

/** A script and a mode of the store. */
export interface Scene {
  readonly script: Script
  readonly mode: FlushDiskType
}

/** Where a process dies: in which op, and how much of that is done. */
export interface CrashPoint {
  readonly index: number
  readonly share: number
}

/** Runs the scene; with `crash` its process dies there. @param record whether the disk and its successors list their ops */
export async function runScene(
  { script, mode }: Scene,
  crash: CrashPoint | undefined,
  record = false,
): Promise<ScenarioRun> {
  const clock = new VirtualClock(TEST_START_MS)
  const disk = new FaultyDisk({ clock, record, capacityBytes: CAPACITY_BYTES })
  if (crash) disk.crashAt(crash.index, crash.share)
  const run = new ScenarioRun(disk, clock, scenarioSettings(mode))
  await run.run(script)
  return run
}

/** Where a process may die: before each op, within each write, and after the last op. After any other is before the next. */
export function crashPoints(ops: readonly DiskOp[]): CrashPoint[] {
  const points = ops.flatMap(({ index, kind, sizeBytes }) => {
    const before = { index, share: 0 }
    return kind === 'write' && sizeBytes > 1 ? [before, { index, share: 0.5 }] : [before]
  })
  return [...points, { index: ops.length - 1, share: 1 }]
}

/** The outcomes looked at for a crash point: others are torn elsewhere, and not every one is looked at everywhere. */
export function outcomesOf(script: Script, { index, share }: CrashPoint): Outcome[] {
  const torn: Outcome = `torn ${index * 2 + (share > 0 ? 100_000 : 0)}`
  if (script === 'troubled') return index % 2 === 0 ? ['kill', 'lost'] : ['kill', torn]
  return index % 3 === 0 ? ['kill', 'lost', torn, 'kept'] : ['kill', 'lost', torn]
}

/** The disk that the next process finds. May be asked several times of one disk. */
export function imageOf(disk: FaultyDisk, outcome: Outcome): FaultyDisk {
  if (outcome === 'kill') return disk.afterProcessKill()
  const [kind, seed] = outcome.split(' ')
  return disk.afterPowerLoss(kind as 'lost' | 'kept' | 'torn', new SeededRandom(Number(seed ?? 0)))
}

/** What a scene's store may have lost after these outcomes, one after the other. */
export function allowanceOf(run: ScenarioRun, script: Script, outcomes: readonly Outcome[]): Allowance {
  const { flushDiskType, flushIntervalMs } = run.settings
  const isKill = outcomes.every((outcome) => outcome === 'kill')
  const isSync = flushDiskType === 'SYNC_FLUSH'
  const lossFromMs = run.lastOpMs - flushIntervalMs - (script === 'troubled' ? HEALING_MS : 0)
  return { isAll: isKill || isSync, isUnconfirmedToo: isKill || !isSync, lossFromMs }
}

/** Opens a store on a disk, some time after the run. @throws what opening throws */
export function openOn(disk: FaultyDisk, run: ScenarioRun): TestStore {
  const test = new TestStore(testHost(disk, new VirtualClock(run.clock.nowMs() + 1000)), run.settings)
  test.store.open()
  return test
}

/** Opens the disk and holds what is there against the history. */
export async function examine(image: FaultyDisk, run: ScenarioRun, allowance: Allowance): Promise<TestStore> {
  const test = openOn(image, run)
  await run.history.check(test, allowance)
  return test
}

/**
 * Looks at the index of what `examine` has opened, takes the power away, and once more after new messages and a clean stop: recovery
 * has made durable what it found, and what comes then does not change it.
 */
export async function examineAgain(image: FaultyDisk, run: ScenarioRun, test: TestStore): Promise<void> {
  await run.history.checkIndex(test)
  const found = await dump(test, run.history)
  const disk = image.afterPowerLoss('lost', new SeededRandom(1))
  disk.capacityBytes = CAPACITY_BYTES
  const second = openOn(disk, run)
  assert.deepEqual(await dump(second, run.history), found, 'a second recovery has found something else')
  await goOn(second, run.history)
}

/** Sends to each queue, stops and starts cleanly. */
async function goOn(test: TestStore, history: History): Promise<void> {
  const before = await dump(test, history)
  for (const { topic, queueId } of history.queues) {
    const answer = await test.send({ topic, queueId, body: 'after', properties: { KEYS: 'new' } })
    const end = before.queues[`${topic}/${queueId}`]?.max ?? 0
    const { outcome, queueOffset } = answer
    assert.deepEqual([outcome, queueOffset], ['stored', end], `${topic}/${queueId} goes on elsewhere`)
  }
  await test.store.close()
  const after = new TestStore(testHost(test.host.disk, test.host.clock), test.store.settings)
  const { wasCleanStop, scannedRecords } = after.store.open()
  assert.deepEqual([wasCleanStop, scannedRecords], [true, 0])
  const { queues, found } = await dump(after, history)
  assert.deepEqual(found, before.found)
  for (const [name, { entries, min }] of Object.entries(queues)) {
    const known = before.queues[name]
    assert.deepEqual(entries.slice(0, -1), known?.entries ?? [], `${name} has changed`)
    assert.equal(min, known?.min ?? 0)
  }
  await after.store.close()
}

/** What came of a scene in which the process died at every point, with every outcome. */
export interface MatrixReport {
  readonly pointCount: number
  readonly imageCount: number
  /** What went wrong where, with what it takes to see it again; the first few. */
  readonly failures: string[]
}

const FAILURES_MAX = 5

/** Every third image is looked at with a second power loss, new messages and a restart: each point has one such. */
const AGAIN_EVERY = 3

/** Lets the scene's process die at each of its crash points, and examines what each outcome leaves. */
export async function examineAllPoints(scene: Scene): Promise<MatrixReport> {
  const whole = await runScene(scene, undefined, true)
  const { ops } = whole.disk
  const points = crashPoints(ops)
  const unmarked = unmarkedOps(ops, whole.failedSyncs)
  const failures: string[] = []
  let imageCount = 0
  for (const point of points) {
    const run = await runScene(scene, point)
    for (const outcome of outcomesOf(scene.script, point)) {
      const image = imageOf(run.disk, outcome)
      imageCount++
      try {
        const test = await examine(image, run, allowanceOf(run, scene.script, [outcome]))
        assert.equal(test.store.recovery?.wereQueuesRebuilt, false, 'queues had to be built again')
        const isUnmarked = outcome === 'kill' && unmarked.has(point.index)
        if (imageCount % AGAIN_EVERY === 0 && !isUnmarked) await examineAgain(image, run, test)
      } catch (error) {
        if (failures.length >= FAILURES_MAX) continue
        failures.push(
          `${JSON.stringify({ ...scene, point, outcome, op: ops[point.index] })}: ${messageOf(error)}`,
        )
      }
    }
  }
  return { pointCount: points.length, imageCount, failures }
}

/**
 * The ops between a failed datasync and the mark that says so: should the process be killed in one of them, nothing tells the
 * next one that the kernel would lie to it. What goes on with other queues beside the sync that failed is among them; nothing else may be.
 */
function unmarkedOps(ops: readonly DiskOp[], failedSyncs: ReadonlySet<number>): Set<number> {
  const unmarked = new Set<number>()
  let isUnmarked = false
  let isMarked = false
  for (const { index, kind, path } of ops) {
    if (isUnmarked) {
      const isBeside = kind === 'datasync' || path.includes('/consumequeue/')
      assert(isBeside || isMark(path), `${kind} of ${path} before the mark of a failed datasync`)
      unmarked.add(index)
    }
    if (isMark(path)) isMarked = kind === 'create'
    isUnmarked = !isMarked && (isUnmarked || failedSyncs.has(index))
  }
  return unmarked
}

function isMark(path: string): boolean {
  return path.endsWith('/sync-failed')
}
