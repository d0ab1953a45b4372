import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import fs from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, it, type TestContext } from 'node:test'
import { RealDisk } from './real-disk.ts'

const DISK_MODULE = new URL('./real-disk.js', import.meta.url).href

/** Takes the lock named by its argument, says whether it got it, and stays until its input ends. */
const HOLDER = `
import { RealDisk } from ${JSON.stringify(DISK_MODULE)}
try {
  new RealDisk().lockSync(process.argv[1])
  process.stdout.write('locked')
} catch (error) {
  process.stdout.write(String(error.kind))
}
process.stdin.resume()
`

function lockPath(t: TestContext): string {
  const root = fs.mkdtempSync(join(tmpdir(), 'ternmq-lock-'))
  t.after(() => fs.rmSync(root, { recursive: true }))
  return join(root, 'lock')
}

function startHolder(t: TestContext, path: string): ChildProcess {
  const child = spawn(process.execPath, ['--input-type=module', '-e', HOLDER, path], {
    stdio: ['pipe', 'pipe', 'inherit'],
  })
  t.after(() => child.kill('SIGKILL'))
  return child
}

async function answerOf(child: ChildProcess): Promise<string> {
  assert.ok(child.stdout)
  const [chunk] = await once(child.stdout, 'data')
  return String(chunk)
}

describe('RealDiskLock', () => {
  it('names the process that holds it, and is free when that process was killed', async (t) => {
    const path = lockPath(t)
    const holder = startHolder(t, path)
    assert.equal(await answerOf(holder), 'locked')
    assert.throws(() => new RealDisk().lockSync(path), {
      kind: 'storeLocked',
      message: `${path} is locked by process ${holder.pid}`,
    })
    holder.kill('SIGKILL')
    await once(holder, 'exit')
    new RealDisk().lockSync(path).release()
    assert.deepEqual(fs.readdirSync(join(path, '..')), ['lock'])
  })

  it('is taken over by exactly one of several', async (t) => {
    const path = lockPath(t)
    fs.writeFileSync(path, 'lock') // as RocketMQ leaves it
    const holders = Array.from({ length: 4 }, () => startHolder(t, path))
    const answers = await Promise.all(holders.map(answerOf))
    assert.deepEqual(answers.sort(), ['locked', 'storeLocked', 'storeLocked', 'storeLocked'])
    assert.deepEqual(fs.readdirSync(join(path, '..')), ['lock'])
  })

  it('does not take a recycled process number, or one of before a reboot, for the owner', (t) => {
    const path = lockPath(t)
    const lock = new RealDisk().lockSync(path)
    const content = fs.readFileSync(path, 'utf8')
    lock.release()
    const parent = content.replace(/"pid":\d+/, `"pid":${process.ppid}`)
    const hasProc = fs.existsSync('/proc/self/stat')
    if (!hasProc) t.diagnostic('no /proc here: start times were not compared')
    for (const stale of [
      ...(hasProc ? [parent] : []), // our start time, but the number of another living process
      content.replace(/"boot":"[^"]*"/, '"boot":"11111111-2222"'),
      content.replace(/"pid":\d+/, '"pid":4194305'), // above the kernel's largest
      content.slice(0, 20),
    ]) {
      fs.writeFileSync(path, stale)
      new RealDisk().lockSync(path).release()
    }
  })

  it('does not let a second copy of the code in one process in', (t) => {
    const path = lockPath(t)
    const lock = new RealDisk().lockSync(path)
    fs.mkdirSync(join(path, '../sub'))
    assert.throws(() => new RealDisk().lockSync(join(path, '../sub/../lock')), { kind: 'storeLocked' })
    lock.release()
  })

  it('leaves a lock alone that another one has taken since', (t) => {
    const path = lockPath(t)
    const lock = new RealDisk().lockSync(path)
    fs.writeFileSync(path, 'of somebody else')
    lock.release()
    assert.equal(fs.readFileSync(path, 'utf8'), 'of somebody else')
  })
})
