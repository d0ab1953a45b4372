import assert from 'node:assert/strict'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { dirname, join, normalize } from 'node:path'
import { describe, it } from 'node:test'
import { fileURLToPath } from 'node:url'
import { compatibilityDoc } from '#ternmq/server/compatibility-doc.ts'
import { errorsDoc, settingsDoc } from '#ternmq/server/reference-docs.ts'
import { verbsDoc } from '#ternmq/server/verbs-doc.ts'
import { answered } from './answered.ts'

const root = findRoot(dirname(fileURLToPath(import.meta.url)))

function findRoot(from: string): string {
  return existsSync(join(from, 'package.json')) ? from : findRoot(dirname(from))
}

const pages = [
  'README.md',
  'CONTRIBUTING.md',
  'CHANGELOG.md',
  'bench/README.md',
  'examples/README.md',
  'test/interop/README.md',
  ...readdirSync(join(root, 'docs'), { recursive: true, encoding: 'utf8' })
    // docs/api is printed from the code
    .filter((name) => name.endsWith('.md') && !name.startsWith('api'))
    .map((name) => `docs/${name}`),
]

/** Pages that speak of code by file and function. */
const codePages = pages.filter((page) => /^(CONTRIBUTING|docs\/(architecture|internals\/.*))\.md$/.test(page))

const commands = Object.keys(JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')).scripts)

function read(page: string): string {
  return readFileSync(join(root, page), 'utf8')
}

/** Whether a file of the project is meant: from the root, below `src/`, or below the floor that a page is about. */
function findFile(page: string, name: string): string | undefined {
  const floor = /^docs\/internals\/(.*)\.md$/.exec(page)?.[1]?.replace('gateways-', 'gateways/') ?? ''
  return [name, `src/${name}`, `src/${floor}/${name}`].find((path) => existsSync(join(root, path)))
}

describe('docs that are printed from tables', () => {
  it('are those that the tables print now (npm run docs)', async () => {
    assert.equal(read('docs/settings.md'), settingsDoc())
    assert.equal(read('docs/errors.md'), errorsDoc())
    assert.equal(read('docs/verbs.md'), verbsDoc())
    assert.equal(read('docs/compatibility.md'), compatibilityDoc(await answered()))
  })
})

describe('the pages for readers', () => {
  it('link to what is there', () => {
    const broken = pages.flatMap((page) =>
      [...read(page).matchAll(/\]\(([^)#\s]+)[^)\s]*\)/g)]
        .map(([, target = '']) => target)
        .filter((target) => !/^[a-z]+:/.test(target) && !existsSync(join(root, dirname(page), target)))
        .map((target) => `${page}: ${target}`),
    )
    assert.deepEqual(broken, [])
  })

  it('are found from the README', () => {
    const readme = read('README.md')
    const lost = pages.filter((page) => /^docs\/[^/]+$/.test(page) && !readme.includes(`](${page})`))
    assert.deepEqual(lost, [])
  })

  it('name commands of package.json', () => {
    const unknown = pages.flatMap((page) =>
      [...read(page).matchAll(/\bnpm run (?:--silent )?([\w:]+)/g)]
        .map(([, command = '']) => command)
        .filter((command) => !commands.includes(command))
        .map((command) => `${page}: npm run ${command}`),
    )
    assert.deepEqual(unknown, [])
  })

  it('name files that are there', () => {
    const missing = codePages.flatMap((page) =>
      [...read(page).matchAll(/`([\w./-]+\.(?:ts|mjs))`/g)]
        .map(([, name = '']) => name)
        .filter((name) => !findFile(page, name))
        .map((name) => `${page}: ${name}`),
    )
    assert.deepEqual(missing, [])
  })

  it('name functions that the file at the beginning of the line has', () => {
    const missing = codePages.flatMap((page) =>
      [...read(page).matchAll(/^(?:-|\d+\.) `([\w./-]+\.ts)`(.*)$/gm)].flatMap(([, name = '', rest = '']) => {
        const file = findFile(page, name)
        const text = file ? read(file) : ''
        return [...rest.matchAll(/`(#?[A-Za-z]\w*)(?:\(\))?`/g)]
          .map(([, identifier = '']) => identifier)
          .filter((identifier) => !new RegExp(`(^|[^\\w#])${identifier}\\b`, 'm').test(text))
          .map((identifier) => `${page}: ${identifier} in ${name}`)
      }),
    )
    assert.deepEqual(missing, [])
  })

  it('show the floors as the compiler has them', () => {
    const rows = [...read('CONTRIBUTING.md').matchAll(/^\| `([a-z/]+)` \|[^|]*\|([^|]*)\|$/gm)]
    const named = Object.fromEntries(
      rows.map(([, floor = '', below = '']) => [
        floor,
        [...below.matchAll(/`([a-z/]+)`/g)].map(([, each]) => each),
      ]),
    )
    for (const [floor, below] of Object.entries(named)) {
      if (floor === 'server') continue // all of them
      const config = JSON.parse(read(`src/${floor}/tsconfig.json`))
      const references = config.references.map(({ path }: { path: string }) =>
        normalize(join(floor, path)).replaceAll('\\', '/'),
      )
      assert.deepEqual(below.toSorted(), references.toSorted(), `the row of ${floor} in CONTRIBUTING.md`)
      assert(
        existsSync(join(root, 'docs/internals', `${floor.replace('/', '-')}.md`)),
        `a page about ${floor}`,
      )
    }
    const floors = readdirSync(join(root, 'src'), { recursive: true, encoding: 'utf8' })
      .filter((name) => name.endsWith('tsconfig.json'))
      .map((name) => dirname(name).replaceAll('\\', '/'))
    assert.deepEqual(Object.keys(named).toSorted(), floors.toSorted())
  })
})
