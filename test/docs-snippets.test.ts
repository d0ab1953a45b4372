import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { describe, it } from 'node:test'
import { fileURLToPath } from 'node:url'

const root = findRoot(dirname(fileURLToPath(import.meta.url)))

function findRoot(from: string): string {
  return existsSync(join(from, 'package.json')) ? from : findRoot(dirname(from))
}

/** The text of code that is run: examples, and tests of the system. */
const runCode = ['examples', 'test/e2e', 'test/nestjs', 'src']
  .flatMap((folder) =>
    readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
      .filter((name) => /\.(ts|java|go)$/.test(name) && !name.includes('node_modules'))
      .filter((name) => folder !== 'src' || name.endsWith('.test.ts'))
      .map((name) => withoutIndent(readFileSync(join(root, folder, name), 'utf8'))),
  )
  .join('\n')

function withoutIndent(text: string): string {
  return text
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '')
    .join('\n')
}

/** The code of a page: blocks between fences marked `ts`; of the README also `java` and `go`. */
function snippetsOf(page: string): string[] {
  const text = readFileSync(join(root, page), 'utf8')
  const fences = page === 'README.md' ? /^```(?:ts|java|go)\n(.*?)^```$/gms : /^```ts\n(.*?)^```$/gms
  return [...text.matchAll(fences)].map(([, snippet]) => snippet ?? '')
}

const pages = readdirSync(join(root, 'docs')).filter((name) => name.endsWith('.md'))

describe('the code in README.md and docs/', () => {
  for (const page of ['README.md', ...pages.map((name) => `docs/${name}`)]) {
    const snippets = snippetsOf(page)
    if (snippets.length === 0) continue
    it(`of ${page} stands, as it is, in an example or a test`, () => {
      const missing = snippets.filter((snippet) => !runCode.includes(withoutIndent(snippet)))
      assert.deepEqual(missing, [])
    })
  }

  it('of the first program in README.md is short, and JavaScript as it stands, as it says there', () => {
    const [program = ''] = snippetsOf('README.md')
    assert.ok(program.trim().split('\n').length < 20)
    const options = { input: program, encoding: 'utf8' } as const
    const { stderr } = spawnSync(process.execPath, ['--input-type=module', '--check'], options)
    assert.equal(stderr, '')
  })
})

describe('the table of docs/internals/client.md', () => {
  it('names checks that the interop suite makes', () => {
    const folder = join(root, 'test/interop')
    const suite = ['runner/suites.mjs', ...readdirSync(join(folder, 'node')).map((name) => `node/${name}`)]
      .map((name) => readFileSync(join(folder, name), 'utf8'))
      .join('\n')
    const [, table = ''] = readFileSync(join(root, 'docs/internals/client.md'), 'utf8').split('| checks |')
    const names = [...table.matchAll(/\| ([^|]+) \|$/gm)]
      .flatMap(([, cell = '']) => cell.split(', '))
      .map((word) => /`([\w-]+)`/.exec(word)?.[1] ?? '')
      .filter((name) => name !== '')
    assert.ok(names.length > 30, `${names.length} checks`)
    const isThere = (name: string): boolean =>
      [`async ${name}()`, `async '${name}'()`, `name: '${name}'`].some((text) => suite.includes(text))
    assert.deepEqual(
      names.filter((name) => !isThere(name)),
      [],
    )
  })
})

describe('the table of docs/nestjs.md', () => {
  it('names tests that are there', () => {
    const tests = readdirSync(join(root, 'test/nestjs'))
      .filter((name) => name.endsWith('.test.ts'))
      .map((name) => readFileSync(join(root, 'test/nestjs', name), 'utf8'))
      .join('\n')
    const [, table = ''] = readFileSync(join(root, 'docs/nestjs.md'), 'utf8').split(
      'shown by (`test/nestjs`) |',
    )
    const names = [...table.matchAll(/^\| .* \| (.+) \|$/gm)].map(([, name = '']) => name)
    assert.ok(names.length > 25, `${names.length} rows`)
    assert.deepEqual(
      names.filter((name) => !tests.includes(`it('${name}'`)),
      [],
    )
  })
})
