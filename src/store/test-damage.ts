import type { DiskOp } from '../base/host/disk-faults.ts'
import type { FaultyDisk } from '../base/host/faulty-disk.ts'
import { type CrashPoint, imageOf, type Outcome, runScene, type Scene } from './test-crash.ts'
import type { ScenarioRun } from './test-scenario.ts'

/** A disk whose next start has more to do than usual. */
export interface DamagedDisk {
  readonly name: string
  readonly scene: Scene
  readonly run: ScenarioRun
  readonly image: FaultyDisk
  readonly outcome: Outcome
  /** See `Allowance.damagedAt`. */
  readonly damagedAt?: number | undefined
}

const plain: Scene = { script: 'plain', mode: 'ASYNC_FLUSH' }

/** Disks that ask everything of a start, each recording its ops. */
export async function damagedDisks(): Promise<DamagedDisk[]> {
  const { ops: plainOps } = (await runScene(plain, undefined, true)).disk
  const end = { index: plainOps.length - 1, share: 1 }
  return [
    await damaged('a killed process', end, () => undefined),
    await damaged('queues taken away', midst(plainOps), (image) => remove(image, '/store/consumequeue')),
    await damaged('positions taken away', midst(plainOps), removePositions),
    await damaged('the inventory taken away', midst(plainOps), (image) => {
      remove(image, '/store/ternmq/queues')
      remove(image, '/store/ternmq/queues.bak')
    }),
    await damaged('a full disk', midst(plainOps), (image) => {
      const { totalBytes, freeBytes } = image.space('/store')
      image.capacityBytes = totalBytes - freeBytes + 8192
    }),
    await damaged('a last file without its size', midst(plainOps), (image) => {
      const [last = ''] = image.listSync('/store/commitlog').reverse()
      truncate(image, `/store/commitlog/${last}`, 30_000)
    }),
    await damaged('queues emptied after their first messages have expired', end, (image) => {
      for (const topic of image.listSync('/store/consumequeue'))
        emptyQueues(image, `/store/consumequeue/${topic}`)
    }),
    await corrupted(plainOps),
    await marked(),
    await ofDeletedTopic(plainOps),
    ...(await torn(plainOps)),
  ]
}

/** A crash point before retention, with several files of the log. */
function midst(ops: readonly DiskOp[]): CrashPoint {
  const expired = ops.findIndex(({ kind, path }) => kind === 'unlink' && path.includes('/commitlog/'))
  return { index: expired, share: 0 }
}

/** A killed process, and what somebody did to its files, durably, before the next start. */
async function damaged(
  name: string,
  point: CrashPoint,
  damage: (image: FaultyDisk) => void,
): Promise<DamagedDisk> {
  const run = await runScene(plain, point, true)
  const image = imageOf(run.disk, 'kill')
  damage(image)
  return { name, scene: plain, run, image: imageOf(image, 'kept'), outcome: 'kill' }
}

/** A flipped bit in a record with later files behind it; without positions, so that it is among those looked at. */
async function corrupted(ops: readonly DiskOp[]): Promise<DamagedDisk> {
  const { name, run, image, ...rest } = await damaged('a bad record', midst(ops), removePositions)
  const fileBytes = run.settings.commitLogFileBytes
  const record = [...run.history.sent.values()].find(({ physicalOffset }) => physicalOffset > fileBytes)
  const damagedAt = record?.physicalOffset ?? 0
  const start = damagedAt - (damagedAt % fileBytes)
  image.corrupt(`/store/commitlog/${String(start).padStart(20, '0')}`, damagedAt - start + 100, 0x10)
  return { ...rest, name, run, image, damagedAt }
}

/** A process that is killed between a failed datasync and its healing. */
async function marked(): Promise<DamagedDisk> {
  const scene: Scene = { script: 'troubled', mode: 'SYNC_FLUSH' }
  const { ops } = (await runScene(scene, undefined, true)).disk
  const mark = ops.findIndex(({ kind, path }) => kind === 'create' && path.endsWith('/sync-failed'))
  const run = await runScene(scene, { index: mark, share: 1 }, true)
  return { name: 'a failed sync', scene, run, image: imageOf(run.disk, 'kill'), outcome: 'kill' }
}

/** A process that dies while it deletes a topic. */
function ofDeletedTopic(ops: readonly DiskOp[]): Promise<DamagedDisk> {
  const unlink = ops.findIndex(({ kind, path }) => kind === 'unlink' && path.includes('/Gone/'))
  return damaged('half a deleted topic', { index: unlink, share: 1 }, () => undefined)
}

/** Torn disks, of which some have files that are short or missing. */
async function torn(ops: readonly DiskOp[]): Promise<DamagedDisk[]> {
  const disks: DamagedDisk[] = []
  for (let index = 20; index < ops.length; index += 60) {
    const run = await runScene(plain, { index, share: 0 }, true)
    const outcome: Outcome = `torn ${index}`
    const image = imageOf(run.disk, outcome)
    disks.push({ name: `torn at op ${index}`, scene: plain, run, image, outcome })
  }
  return disks
}

/** Removes a file or folder, as somebody would from outside. */
function remove(disk: FaultyDisk, path: string): void {
  const stat = disk.statSync(path)
  if (!stat) return
  if (!stat.isDirectory) {
    disk.unlinkSync(path)
    return
  }
  for (const name of disk.listSync(path)) remove(disk, `${path}/${name}`)
  disk.rmdirSync(path)
}

function removePositions(disk: FaultyDisk): void {
  remove(disk, '/store/ternmq/positions')
  remove(disk, '/store/ternmq/positions.bak')
}

function truncate(disk: FaultyDisk, path: string, sizeBytes: number): void {
  const file = disk.openSync(path, 'write')
  file.truncateSync(sizeBytes)
  file.closeSync()
}

function emptyQueues(disk: FaultyDisk, topicDir: string): void {
  for (const queueId of disk.listSync(topicDir)) {
    for (const name of disk.listSync(`${topicDir}/${queueId}`))
      truncate(disk, `${topicDir}/${queueId}/${name}`, 0)
  }
}
