// Runs every example (or those whose name holds an argument) in a process of its own, against NAMESRV_ADDR, or against a
// server that it starts for the purpose in a folder of its own: TernMQ, or with --rocketmq the real one, which wants a JDK
// and Maven. With --official it runs those with the official Java and Go clients too, which want Maven and Go. Ends with
// one line: N passed, N failed.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { parseArgs } from 'node:util'

/** An example that has not ended by then hangs. */
const EXAMPLE_MS_MAX = 120_000

/** The first run fetches the client and its libraries. */
const OFFICIAL_MS_MAX = 900_000

/** What some examples want to be on, or not to wait for; both brokers have it. */
const settings = {
  enablePropertyFilter: true,
  transactionCheckInterval: 1000,
  transactionTimeOut: 1000,
}

/** What the real RocketMQ does not have. */
const ternmqOnly = ['13-deduplication']

const official = {
  'go-client': ['go', 'run', '.'],
  'java-client': [
    'mvn',
    '-q',
    '-B',
    '-Dstyle.color=never',
    'compile',
    'exec:java',
    '-Dexec.mainClass=QuickStart',
  ],
}

const { values: options, positionals: only } = parseArgs({
  options: { official: { type: 'boolean', default: false }, rocketmq: { type: 'boolean', default: false } },
  allowPositionals: true,
})
const names = [
  ...readdirSync('examples').filter((name) => existsSync(join('examples', name, 'main.ts'))),
  ...(options.official ? Object.keys(official) : []),
]
  .filter((name) => only.length === 0 || only.some((part) => name.includes(part)))
  .filter((name) => !options.rocketmq || !ternmqOnly.includes(name))
if (names.length === 0) throw new Error(`no example in examples/ matches "${only.join(' ')}"`)

const folder = mkdtempSync(join(tmpdir(), 'ternmq-examples-'))
const server = process.env.NAMESRV_ADDR
  ? undefined
  : await (options.rocketmq ? startRocketmq() : startTernmq())
let passed = 0
let failed = 0
try {
  for (const name of names) {
    process.stdout.write(`--- ${name}\n`)
    if (await isRun(name, process.env.NAMESRV_ADDR ?? server?.namesrv)) passed++
    else failed++
  }
} finally {
  await server?.stop()
  rmSync(folder, { recursive: true, force: true })
}
process.stdout.write(`${passed} passed, ${failed} failed\n`)
process.exitCode = failed === 0 ? 0 : 1

/** Whether the example ends by itself and without an error. */
async function isRun(name, namesrv) {
  const [command, ...args] = official[name] ?? [process.execPath, join('dist/examples', name, 'main.js')]
  const child = spawn(command, args, {
    cwd: name in official ? join('examples', name) : undefined,
    env: { ...process.env, NAMESRV_ADDR: namesrv, ROCKETMQ_GO_LOG_LEVEL: 'error' },
    stdio: ['ignore', 'inherit', 'inherit'],
  })
  const msMax = name in official ? OFFICIAL_MS_MAX : EXAMPLE_MS_MAX
  const timer = setTimeout(() => {
    process.stdout.write(`not ok ${name}: it has not ended after ${msMax / 1000} s\n`)
    child.kill('SIGKILL')
  }, msMax)
  const code = await new Promise((resolve) => {
    child.once('exit', resolve)
    child.once('error', (error) => resolve(error.message))
  })
  clearTimeout(timer)
  if (code !== 0) process.stdout.write(`not ok ${name}: it ended with ${code}\n`)
  return code === 0
}

async function startTernmq() {
  const ports = ['--namesrv-port', '0', '--listen-port', '0', '--http-port', '0']
  const conf = join(folder, 'broker.conf')
  const lines = Object.entries({ ...settings, dedupWindowMs: 600_000 }).map(
    ([key, value]) => `${key}=${value}\n`,
  )
  writeFileSync(conf, lines.join(''))
  const args = ['start', ...ports, '-c', conf, '--store-path-root-dir', join(folder, 'store')]
  const child = spawn(process.execPath, ['dist/program/main.js', ...args, '--log-format', 'json'], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const exited = once(child, 'exit')
  for await (const line of createInterface({ input: child.stdout })) {
    const { clients } = JSON.parse(line)
    if (clients === undefined) continue
    child.stdout.resume()
    const stop = async () => {
      child.kill('SIGTERM')
      await exited
    }
    return { namesrv: clients.replace('NAMESRV_ADDR=', ''), stop }
  }
  throw new Error('the server did not start')
}

/** By the means of the interop suite (test/interop/README.md). */
async function startRocketmq() {
  const { buildJava } = await import('../test/interop/runner/build.mjs')
  const { Target } = await import('../test/interop/runner/targets.mjs')
  await buildJava(folder)
  return Target.start({ kind: 'rocketmq', dir: folder, settings })
}
