// The package as other projects have it: packed, installed from the file into folders of their own, and used there by node:test, vitest
// and jest (the code of docs/testing.md), and by NestJS 11 and 12 (the tests of test/nestjs). Arguments choose: `-- nest-11`.
// Two folders at a time. Needs the npm registry. Ends with one line: N passed, N failed.
import { execFile } from 'node:child_process'
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'

const INSTALL_MS_MAX = 300_000
const RUN_MS_MAX = 120_000
const run = promisify(execFile)

/** The example of docs/testing.md for vitest and jest. */
const [, snippet] = /^```js\n(import [^`]*)^```$/ms.exec(readFileSync('docs/testing.md', 'utf8')) ?? []
if (!snippet) throw new Error('docs/testing.md has lost its example for vitest and jest')

const projects = {
  'node-test': {
    packages: [],
    files: (dir) => {
      cpSync('dist/examples/testing', dir, { recursive: true })
    },
    command: ['node', '--test', 'reminder.test.js'],
  },
  vitest: {
    packages: ['vitest@4.1.12'],
    files: (dir) => writeFileSync(join(dir, 'unpaid.test.js'), snippet),
    command: ['node', 'node_modules/vitest/vitest.mjs', 'run'],
  },
  jest: {
    packages: ['jest@30.5.2'],
    files: (dir) => {
      writeFileSync(join(dir, 'unpaid.test.js'), snippet.replace(/^import .* from 'vitest'.*\n/, ''))
    },
    command: ['node', '--experimental-vm-modules', 'node_modules/jest/bin/jest.js'],
  },
  'nest-11': nest('11.2.10', '11.2.6'),
  'nest-12': nest('12.5.1', '12.1.1'),
}

function nest(version, microservices) {
  const packages = [`@nestjs/common@${version}`, `@nestjs/core@${version}`]
  return {
    packages: [...packages, `@nestjs/microservices@${microservices}`, 'rxjs@7.8.2', 'reflect-metadata@0.2.2'],
    files: (dir) => {
      for (const name of readdirSync('dist/test/nestjs').filter((each) => each.endsWith('.js'))) {
        // what is `#ternmq/client/index.ts` here is `ternmq/client` elsewhere
        const text = readFileSync(join('dist/test/nestjs', name), 'utf8')
        writeFileSync(join(dir, name), text.replaceAll(/'#ternmq\/(\w+)\/index\.ts'/g, "'ternmq/$1'"))
      }
    },
    command: [
      'node',
      '--test',
      ...['docs', 'listeners', 'spring', 'transactions', 'transport'].map((name) => `${name}.test.js`),
    ],
  }
}

const chosen = process.argv.slice(2)
const unknown = chosen.find((name) => !Object.hasOwn(projects, name))
if (unknown) throw new RangeError(`unknown: ${unknown}; known: ${Object.keys(projects).join(' ')}`)

const dir = mkdtempSync(join(tmpdir(), 'ternmq-packed-'))
let [passed, failed] = [0, 0]
try {
  const { stdout } = await run('npm', ['pack', '--ignore-scripts', '--silent', '--pack-destination', dir])
  const tarball = join(dir, stdout.trim())
  const waiting = Object.entries(projects).filter(([name]) => chosen.length === 0 || chosen.includes(name))
  const work = async () => {
    for (let next = waiting.shift(); next; next = waiting.shift()) await report(...next, tarball)
  }
  await Promise.all([work(), work()])
} finally {
  rmSync(dir, { recursive: true, force: true })
}
process.stdout.write(`${passed} passed, ${failed} failed\n`)
process.exitCode = failed > 0 ? 1 : 0

async function report(name, project, tarball) {
  const startMs = performance.now()
  const failure = await tryOut(name, project, tarball)
  const seconds = Math.round((performance.now() - startMs) / 1000)
  process.stdout.write(
    failure ? `not ok ${name} (${seconds} s)\n${failure}\n` : `ok ${name} (${seconds} s)\n`,
  )
  if (failure) failed++
  else passed++
}

/** @returns what went wrong */
async function tryOut(name, { packages, files, command }, tarball) {
  const cwd = join(dir, name)
  mkdirSync(cwd)
  writeFileSync(join(cwd, 'package.json'), JSON.stringify({ type: 'module', private: true }))
  try {
    const install = ['install', '--no-audit', '--no-fund', '--silent', tarball, ...packages]
    await run('npm', install, { cwd, timeout: INSTALL_MS_MAX })
    files(cwd)
    const [program, ...args] = command
    await run(program, args, { cwd, timeout: RUN_MS_MAX, env: { ...process.env, NODE_OPTIONS: '' } })
    return undefined
  } catch (error) {
    return `${error.message}\n${error.stdout ?? ''}${error.stderr ?? ''}`
  }
}
