import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import type { Client } from '#ternmq/client/index.ts'
import { ResponseCode } from '#ternmq/protocol/response-code.ts'
import { Auditor, assertNothingLost, assertSound } from './audit.ts'
import type { BrokerProcess } from './broker-process.ts'
import { History } from './history.ts'
import type { Lab } from './lab.ts'
import { Load } from './load.ts'
import { SmallDisk } from './small-disk.ts'
import { smallFiles } from './store-settings.ts'
import type { Suite } from './suite.ts'

const MIB = 1024 * 1024
const TOPICS = ['full-one', 'full-two']
const CYCLES = 3
const BALLAST_BYTES = 8 * MIB
const DISK_BYTES = 48 * MIB

/** How long a broker may take to notice that there is room again (reliability goal G11). */
const WRITABLE_MS_MAX = 5000
const FULL_MS_MAX = 120_000

/** How long the broker that makes room for itself is looked at. */
const MAKING_ROOM_MS = 30_000

/** A disk on which only a failed write says that it is full. */
const noRatios = {
  diskSpaceWarningLevelRatio: '100',
  cleanFileForciblyEnable: 'false',
}

/** Fills a real file system up, frees it again, and looks at what clients are told meanwhile (R16). */
export const fullDisk: Suite = {
  name: 'full-disk',
  about:
    'a small ext4 is filled up and freed: refusals with code 14, reads and offsets go on, no restart is needed',
  needs: ['root', 'mkfs.ext4', 'mount', 'umount'],
  async run(lab) {
    await filledAndFreed(lab)
    await lab.check('a broker with the default ratios makes room for itself', () => makesRoom(lab))
  },
}

async function filledAndFreed(lab: Lab): Promise<void> {
  const count = lab.cycles(CYCLES)
  const disk = SmallDisk.make(lab, DISK_BYTES + (count + 1) * BALLAST_BYTES)
  for (let i = 0; i <= count; i++) disk.addBallast(BALLAST_BYTES)
  const dir = join(disk.dir, 'store')
  const settings = { ...smallFiles, ...noRatios }
  let broker = await lab.broker({ dir, settings })
  const client = await lab.client(broker)
  const history = new History('full')
  const load = new Load(client, history, { topics: TOPICS, concurrency: 16 })
  const auditor = new Auditor(history)
  for (let cycle = 1; cycle <= count; cycle++) {
    await lab.check(`a full disk refuses, serves and keeps offsets, time ${cycle}`, async () => {
      const refusal = await untilFull(load)
      const { status, reason } = await broker.readiness()
      if (status !== 503) throw new Error(`/readyz says ${status}`)
      const report = await auditor.look(client, TOPICS, true)
      assertSound(report)
      assertNothingLost(report)
      await commits(client, cycle)
      return `"${refusal}", /readyz says "${reason}", ${report.readCount} messages read`
    })
    await lab.check(`messages are taken again when there is room, time ${cycle}`, async () => {
      disk.dropBallast()
      const tookMs = await load.untilAcked(WRITABLE_MS_MAX)
      if (!broker.isAlive) throw new Error('the broker has ended')
      return `after ${tookMs} ms, without a restart`
    })
  }
  await lab.check('a broker that is killed on a full disk starts there, and serves', async () => {
    await untilFull(load)
    await load.stop()
    await broker.kill()
    await lab.close(client)
    broker = await lab.broker({ dir, settings, ports: broker.ports })
    const looker = await lab.client(broker)
    const report = await new Auditor(history).look(looker, TOPICS)
    assertSound(report)
    assertNothingLost(report)
    const again = new Load(looker, history, { topics: TOPICS, concurrency: 2 })
    await untilFull(again)
    disk.dropBallast()
    const tookMs = await again.untilAcked(WRITABLE_MS_MAX)
    await again.stop()
    await lab.close(looker)
    return `started in ${broker.startMs} ms, ${report.readCount} read, messages taken ${tookMs} ms after there was room`
  })
  await broker.stop()
}

/** Files are deleted before they expire, and messages taken again: the oldest are gone, nothing else. */
async function makesRoom(lab: Lab): Promise<string> {
  const disk = SmallDisk.make(lab, DISK_BYTES)
  const broker = await lab.broker({ dir: join(disk.dir, 'store'), settings: smallFiles })
  const client = await lab.client(broker)
  const history = new History('room')
  const load = new Load(client, history, { topics: TOPICS, concurrency: 16 })
  await untilFull(load)
  await pause(MAKING_ROOM_MS)
  await load.untilAcked(FULL_MS_MAX)
  await load.stop()
  const report = await new Auditor(history).look(client, TOPICS)
  await lab.close(client)
  assertSound(report)
  assertNothingLost(report)
  const deletedCount = deletedFiles(broker)
  if (deletedCount === 0) throw new Error('no file was deleted')
  await broker.stop()
  return `${load.ackedCount} acknowledged, ${deletedCount} log files deleted, all ${report.readCount} others are there`
}

/** Sends until the broker says no. @returns its words */
async function untilFull(load: Load): Promise<string> {
  const isFull = ({ responseCode }: { responseCode: number | undefined }): boolean =>
    responseCode === ResponseCode.SERVICE_NOT_AVAILABLE
  return (await load.untilRefused(isFull, FULL_MS_MAX)).message
}

/** Commits an offset, and asks for it. @throws Error when it is not taken */
async function commits(client: Client, cycle: number): Promise<void> {
  const group = 'full-group'
  await using consumer = client.litePull({ group, from: 'earliest', autoCommit: false })
  const [queue] = await consumer.queuesOf(TOPICS[0] ?? '')
  if (!queue) throw new Error('the topic has no queue')
  await consumer.assign([queue])
  await consumer.seek(queue, cycle)
  await consumer.pull({ max: 1, waitMs: 5000 })
  await consumer.commit()
  const committed = (await client.admin.committedOffset(group, queue)) ?? 0
  if (committed <= cycle) throw new Error(`offset ${committed} is committed, not one behind ${cycle}`)
}

function deletedFiles(broker: BrokerProcess): number {
  return broker.log().filter(({ msg }) => msg === 'log file deleted').length
}
