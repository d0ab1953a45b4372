// One server writes a store, another one serves it: the same files, byte for byte, in both directions.
import { mkdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { javaProgram } from './java-program.mjs'
import { projectDir } from './places.mjs'
import { runToEnd } from './processes.mjs'
import { runProgram } from './program.mjs'
import { Target } from './targets.mjs'

const PROGRAM_MS_MAX = 600_000

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
    for (const end of Object.keys(ends)) {
      const suite = `${name}-${writer}-${end}-${reader}`
      try {
        await runPair({ suite, dir: join(dir, suite), writer, reader, end, report })
      } catch (error) {
        report.notOk(suite, 'target', error.message)
      }
    }
  }
}

async function runPair({ suite, dir, writer, reader, end, report }) {
  await mkdir(dir, { recursive: true })
  const isWritten = await onTarget({ suite, dir, kind: writer, program: 'store-write', end, report })
  if (!isWritten)
    return report.notOk(suite, 'read', 'not run, since the store was not written as it should be')
  if (writer === 'rocketmq') await onStopped({ suite, dir, report })
  await onTarget({ suite, dir, kind: reader, program: 'store-read', end: 'killed', report })
}

/** `ternmq store` on what the writer has left: it finds it sound, and builds queues and index anew in a copy. */
async function onStopped({ suite, dir, report }) {
  const started = Date.now()
  const [store, copy] = [join(dir, 'store'), join(dir, 'copy')]
  const run = (command, ...args) =>
    runToEnd({
      name: 'store',
      command,
      args,
      cwd: dir,
      logFile: join(dir, 'store.log'),
      limitMs: PROGRAM_MS_MAX,
    })
  const ternmq = async (...words) =>
    JSON.parse(
      await run(process.execPath, join(projectDir, 'dist/program/main.js'), 'store', ...words, '--json'),
    )
  try {
    const before = await ternmq('check', store)
    if (!before.some(({ messages }) => messages > 0)) throw new Error('it holds no messages')
    // its files are mostly holes
    await run('cp', '-r', '--sparse=always', store, copy)
    await ternmq('rebuild', copy, '--yes')
    const after = await ternmq('check', copy)
    if (JSON.stringify(after) !== JSON.stringify(before)) throw new Error('a rebuilt copy differs')
    report.ok(suite, 'store-check', Date.now() - started)
  } catch (error) {
    report.notOk(suite, 'store-check', error.message.replaceAll('\n', ' | '))
  } finally {
    await rm(copy, { recursive: true, force: true })
  }
}

async function onTarget({ suite, dir, kind, program, end, report }) {
  const target = await Target.start({ kind, dir: join(dir, program), storeDir: join(dir, 'store') })
  // A clean stop writes every offset to its file; before a kill the program waits for that.
  const traits =
    end === 'killed'
      ? { ...target.traits, offsetsFile: join(dir, 'store/config/consumerOffset.json') }
      : target.traits
  const checks = [join(dir, 'manifest')]
  try {
    return await runProgram({
      ...javaProgram({ module: 'client5', serialization: 'JSON', program, dir, target, traits, checks }),
      suite,
      logFile: join(dir, `${program}.log`),
      limitMs: PROGRAM_MS_MAX,
      target,
      report,
    })
  } finally {
    await ends[end](target)
  }
}
