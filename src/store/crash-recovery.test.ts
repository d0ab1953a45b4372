import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { describe, it } from 'node:test'
import { messageOf } from '../base/errors.ts'
import type { FaultyDisk } from '../base/host/faulty-disk.ts'
import { allowanceOf, crashPoints, examine, imageOf, type Outcome, openOn, runScene } from './test-crash.ts'
import { type DamagedDisk, damagedDisks } from './test-damage.ts'
import { dump } from './test-history.ts'
import type { ScenarioRun } from './test-scenario.ts'

const disks = await damagedDisks()

/** Ops of the whole start, and of a little life after it. */
function opsOfStart({ image, run }: DamagedDisk): readonly { readonly site: string }[] {
  const disk = imageOf(image, 'kill')
  openOn(disk, run)
  return disk.ops
}

/** What a dead process makes of the error is nobody's concern. */
function openToDie(disk: FaultyDisk, run: ScenarioRun): void {
  try {
    openOn(disk, run)
  } catch (error) {
    assert(disk.hasCrashed, messageOf(error))
  }
  assert(disk.hasCrashed)
}

/** Lets the start die at each of its crash points, with several outcomes, and examines the next start. */
async function reportOf(damaged: DamagedDisk): Promise<{ name: string; count: number; failures: string[] }> {
  const { image, run, scene, name } = damaged
  const whole = imageOf(image, 'kill')
  const test = openOn(whole, run)
  const ops = [...whole.ops]
  const found = await dump(test, run.history)
  const failures: string[] = []
  let count = 0
  for (const point of crashPoints(ops)) {
    const disk = imageOf(image, 'kill')
    disk.crashAt(point.index, point.share)
    openToDie(disk, run)
    for (const outcome of ['kill', 'lost', `torn ${point.index}`] as readonly Outcome[]) {
      count++
      const allowance = {
        ...allowanceOf(run, scene.script, [damaged.outcome, outcome]),
        damagedAt: damaged.damagedAt,
      }
      try {
        const next = await examine(imageOf(disk, outcome), run, allowance)
        if (outcome === 'kill') assert.deepEqual(await dump(next, run.history), found)
      } catch (error) {
        failures.push(
          `${name}: ${JSON.stringify({ point, outcome, op: ops[point.index] })}: ${messageOf(error)}`,
        )
      }
    }
  }
  return { name, count, failures }
}

const reports: Awaited<ReturnType<typeof reportOf>>[] = []
for (const damaged of disks) reports.push(await reportOf(damaged))

describe('Recovery that dies in any op of its disk', () => {
  for (const { name, count, failures } of reports) {
    it(`ends in the same state from ${name}`, (t) => {
      t.diagnostic(`${count} images of the disk`)
      assert.deepEqual(failures.slice(0, 3), [])
    })
  }
})

/** Calls that change a disk, as they stand in the compiled code of a folder: `store/commit-log.js:12`. */
function callSites(folder: string, isWanted: (name: string) => boolean): string[] {
  const url = new URL(`../${folder}/`, import.meta.url)
  const names = readdirSync(url).filter((name) => name.endsWith('.js') && isWanted(name))
  return names.flatMap((name) => {
    const lines = readFileSync(new URL(name, url), 'utf8').split('\n')
    return lines.flatMap((line, index) => {
      const isCode = !/^\s*(\/\*|\*|\/\/)/.test(line)
      return isCode && CHANGE.test(line) ? [`${folder}/${name}:${index + 1}`] : []
    })
  })
}

const CHANGE =
  /(disk|file|copy)\.(write|writeSync|datasync|datasyncSync|truncateSync|renameSync|unlink|unlinkSync|mkdirSync|rmdirSync|syncDir|syncDirSync|lockSync|openSync\(.*'create')/i

describe('The crash points', () => {
  it('are at every place of the code that changes the disk', async (t) => {
    const cut = new Set<string>()
    for (const script of ['plain', 'troubled'] as const) {
      for (const mode of ['ASYNC_FLUSH', 'SYNC_FLUSH'] as const) {
        const { disk } = await runScene({ script, mode }, undefined, true)
        for (const { site } of disk.ops) cut.add(site)
      }
    }
    for (const damaged of disks) for (const { site } of opsOfStart(damaged)) cut.add(site)
    // a tool that looks at a store takes its lock and changes nothing else
    const isPart = (name: string): boolean => !name.includes('.test.') && name !== 'store-inspector.js'
    const own = callSites('store', (name) => isPart(name) && !name.startsWith('test-'))
    const sites = [...own, ...callSites('base', (name) => name === 'atomic-file.js')]
    t.diagnostic(`${cut.size} of ${sites.length} call sites`)
    assert.deepEqual(
      sites.filter((site) => !cut.has(site)),
      [],
      'never cut',
    )
    assert.deepEqual(
      [...cut].filter((site) => !sites.includes(site)),
      [],
      'not found in the code',
    )
  })
})
