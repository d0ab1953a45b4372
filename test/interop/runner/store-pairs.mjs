// One server writes a store, another one serves it: the same files, byte for byte, in both directions.
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { javaProgram } from './java-program.mjs'
import { runProgram } from './program.mjs'
import { Target } from './targets.mjs'

const PROGRAM_MS_MAX = 120_000

/** Who writes and who reads, by what is under test. RocketMQ reading its own store proves the checks. */
const pairs = {
  ternmq: [
    { writer: 'ternmq', reader: 'rocketmq' },
    { writer: 'rocketmq', reader: 'ternmq' },
  ],
  rocketmq: [{ writer: 'rocketmq', reader: 'rocketmq' }],
}

/** How the writer ends before the reader starts. */
const ends = {
  stopped: (target) => target.stop(),
  killed: (target) => target.kill(),
}

export async function runStorePairs({ name, dir, kind, report }) {
  for (const { writer, reader } of pairs[kind]) {
    for (const [how, end] of Object.entries(ends)) {
      const suite = `${name}-${writer}-${how}-${reader}`
      const pairDir = join(dir, suite)
      await mkdir(pairDir, { recursive: true })
      try {
        await runPair({ suite, dir: pairDir, writer, reader, end, report })
      } catch (error) {
        report.notOk(suite, 'target', error.message)
      }
    }
  }
}

async function runPair({ suite, dir, writer, reader, end, report }) {
  const storeDir = join(dir, 'target/store')
  const manifest = join(dir, 'manifest')
  await onTarget({ suite, dir, kind: writer, storeDir, program: 'store-write', manifest, report, end })
  await onTarget({
    suite,
    dir,
    kind: reader,
    storeDir,
    program: 'store-read',
    manifest,
    report,
    end: ends.killed,
  })
}

async function onTarget({ suite, dir, kind, storeDir, program, manifest, report, end }) {
  const target = await Target.start({ kind, dir: join(dir, program), storeDir })
  try {
    await runProgram({
      ...javaProgram({ module: 'client5', serialization: 'JSON', program, dir, target, checks: [manifest] }),
      suite,
      logFile: join(dir, `${program}.log`),
      limitMs: PROGRAM_MS_MAX,
      target,
      report,
    })
  } finally {
    await end(target)
  }
}
