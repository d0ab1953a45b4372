import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { copyFileSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join, relative } from 'node:path'
import { describe, it } from 'node:test'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { createTestBroker } from '#ternmq/testing/index.ts'

const dist = findDist(dirname(fileURLToPath(import.meta.url)))

function findDist(from: string): string {
  return existsSync(join(from, 'client/index.js')) ? from : findDist(dirname(from))
}

/** What a module and all that it imports are: files of ours, and names of others. */
function reached(entry: string): { files: Set<string>; modules: Set<string> } {
  const files = new Set<string>()
  const modules = new Set<string>()
  const visit = (file: string): void => {
    if (files.has(file)) return
    files.add(file)
    const text = readFileSync(file, 'utf8')
    for (const [, name = ''] of text.matchAll(/(?:from\s+|import\(|^import\s+)['"]([^'"]+)['"]/gm)) {
      if (name.startsWith('.')) visit(join(dirname(file), name))
      else modules.add(name)
    }
  }
  visit(entry)
  return { files, modules }
}

const program = `
import { connect } from './client.js'
const client = await connect({ namesrv: process.argv[2] })
await client.producer().send({ topic: 'alone', body: 'hello' })
const consumer = client.consumer({ group: 'g', topic: 'alone', from: 'earliest' })
for await (const { text } of consumer) {
  console.log(text)
  break
}
try {
  client.producer({ compression: 'lz4' })
} catch ({ code, message }) {
  console.log(code, message)
}
await client.close()
`

describe('ternmq/client', () => {
  it('works in an empty folder with its own files alone: no package, no native part', async (t) => {
    const compiled = reached(join(dist, 'client/index.js'))
    const floors = new Set([...compiled.files].map((file) => relative(dist, file).split('/')[0]))
    assert.deepEqual([...floors].sort(), ['base', 'client', 'protocol', 'remoting'])
    const face = fileURLToPath(import.meta.resolve('ternmq/client'))
    const published = reached(face)
    const foreign = [...compiled.modules, ...published.modules].filter((name) => !name.startsWith('node:'))
    assert.deepEqual(foreign, [])

    const folder = mkdtempSync(join(tmpdir(), 'ternmq-alone-'))
    t.after(() => rmSync(folder, { recursive: true, force: true }))
    for (const file of published.files) copyFileSync(file, join(folder, relative(dirname(face), file)))
    writeFileSync(join(folder, 'package.json'), '{"type":"module"}')
    writeFileSync(join(folder, 'main.js'), program)
    await using broker = await createTestBroker({ clock: 'real', topics: ['alone'] })
    const { stdout } = await promisify(execFile)(process.execPath, ['main.js', broker.namesrv], {
      cwd: folder,
      env: {},
      timeout: 120_000,
    })
    assert.equal(stdout, 'hello\nnotSupported lz4 wants the package lz4-napi, which is not here\n')
  })
})
