import assert from 'node:assert/strict'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { dirname, join, normalize, relative } from 'node:path'
import { describe, it } from 'node:test'
import { fileURLToPath } from 'node:url'

/** The floors from the ground up, and what each may import: CONTRIBUTING.md has the same table in words. */
const floors: Readonly<Record<string, readonly string[]>> = {
  base: [],
  protocol: ['base'],
  store: ['base', 'protocol'],
  remoting: ['base', 'protocol'],
  nameserver: ['base', 'protocol'],
  auth: ['base', 'protocol'],
  broker: ['base', 'protocol', 'store'],
  client: ['base', 'protocol', 'remoting'],
  'gateways/rocketmq': ['base', 'protocol', 'auth', 'remoting', 'broker', 'nameserver', 'store'],
  admin: ['base', 'protocol', 'client'],
  server: [
    ...[
      'base',
      'protocol',
      'auth',
      'store',
      'remoting',
      'nameserver',
      'broker',
      'client',
      'gateways/rocketmq',
      'admin',
    ],
  ],
  testing: ['base', 'protocol', 'client', 'server'],
  nestjs: ['base', 'client'],
}

/** Floors that run without any package, so that the SDK and the core stay light. */
const withoutPackages = [
  'base',
  'protocol',
  'store',
  'remoting',
  'nameserver',
  'auth',
  'broker',
  'client',
  'gateways/rocketmq',
]

/** Node's own modules that are functions of their input, and allowed in the pure core. */
const pureModules = new Set([
  'node:zlib',
  'node:crypto',
  'node:buffer',
  'node:diagnostics_channel',
  'node:util',
  'node:assert/strict',
  'node:test',
])

/** What only `base/host/` and `server` may touch: time, chance, files, sockets, the process. */
const impureNames =
  /(?<![.\w#'])(Date\.now|new Date|performance\.now|setTimeout|setInterval|setImmediate|queueMicrotask|Math\.random|process\.(?!memoryUsage))\b/

const root = findRoot(dirname(fileURLToPath(import.meta.url)))

interface Source {
  /** Path from the root, with slashes. */
  readonly path: string
  readonly floor: string
  readonly text: string
  /** Paths of what it imports from this project; names of modules and packages. */
  readonly local: readonly string[]
  readonly modules: readonly string[]
}

const sources = filesBelow('src').map(readSource)

describe('the house', () => {
  it('has the floors of the table, each with references to what it may import', () => {
    const found = new Set(sources.map(({ floor }) => floor))
    assert.deepEqual([...found].sort(), Object.keys(floors).sort())
    for (const [floor, allowed] of Object.entries(floors)) {
      const config = JSON.parse(readFileSync(join(root, 'src', floor, 'tsconfig.json'), 'utf8'))
      const references = config.references.map(({ path }: { path: string }) => normalize(join(floor, path)))
      assert.deepEqual(references.sort(), [...allowed].sort(), `references of src/${floor}/tsconfig.json`)
    }
  })

  it('imports downwards only, and only what a floor names itself', () => {
    const wrong = sources.flatMap(({ path, floor, local }) =>
      local
        .map(floorOf)
        .filter((target) => target !== floor && !(floors[floor] ?? []).includes(target))
        .map((target) => `${path} imports from ${target}`),
    )
    assert.deepEqual(wrong, [])
  })

  it('has no circle of imports, types included', () => {
    assert.deepEqual(circles(), [])
  })

  it('touches clock, timers, chance, files, sockets and process in base/host and server only', () => {
    const wrong = sources.filter(isPure).flatMap(({ path, text, modules }) => {
      const lines = text.split('\n')
      const names = lines.flatMap((line, index) =>
        impureNames.test(code(line)) ? [`${path}:${index + 1} ${line.trim()}`] : [],
      )
      const imports = modules.filter((name) => name.startsWith('node:') && !pureModules.has(name))
      return [...names, ...imports.map((name) => `${path} imports ${name}`)]
    })
    assert.deepEqual(wrong, [])
  })

  it('uses no package in the floors that promise to', () => {
    const wrong = sources
      .filter(({ path, floor }) => withoutPackages.includes(floor) && !isTest(path))
      .flatMap(({ path, modules }) =>
        modules.filter((name) => !name.startsWith('node:')).map((name) => `${path} imports ${name}`),
      )
    assert.deepEqual(wrong, [])
  })

  it('exports by name, and keeps its names', () => {
    const wrong = sources.flatMap(({ path, text }) => {
      const faults = [
        /^export default/m.test(text) && 'a default export',
        /^export \* from/m.test(text) && !path.endsWith('/index.ts') && 'a barrel',
        /@ts-(ignore|nocheck|expect-error)/.test(text) && 'a switched off check',
        /\bas (any|unknown as)\b|: any\b|<any>/.test(text.split('\n').map(code).join('\n')) && 'any',
        /\b(TODO|FIXME|XXX)\b(?! \(#\d+\))/.test(text) && 'a TODO without an issue number',
        /(^|\/)(utils|helpers|common|types)\.ts$/.test(path) && 'a drawer for everything',
      ]
      return faults.filter((fault) => fault !== false).map((fault) => `${path}: ${fault}`)
    })
    assert.deepEqual(wrong, [])
  })

  it('keeps a changelog in its form', () => {
    const text = readFileSync(join(root, 'CHANGELOG.md'), 'utf8')
    assert.match(text, /^# Changelog\n/)
    for (const heading of text.match(/^## .*$/gm) ?? [])
      assert.match(heading, /^## (\[Unreleased\]|\[\d+\.\d+\.\d+\] - \d{4}-\d\d-\d\d)$/)
    for (const heading of text.match(/^### .*$/gm) ?? []) {
      assert.match(heading, /^### (Added|Changed|Deprecated|Removed|Fixed|Security)$/)
    }
  })

  it('prints its largest files and functions for a reader to judge', (t) => {
    const files = sources
      .filter(({ path }) => !isTest(path))
      .map(({ path, text }) => ({ path, lines: text.split('\n').length }))
    for (const { path, lines } of largest(files)) t.diagnostic(`${lines} lines: ${path}`)
    const functions = sources
      .filter(({ path }) => !isTest(path))
      .flatMap(({ path, text }) => functionsOf(path, text))
    for (const { path, lines } of largest(functions)) t.diagnostic(`${lines} lines: ${path}`)
    assert.ok(files.length > 0)
  })
})

function findRoot(from: string): string {
  return existsSync(join(from, 'package.json')) ? from : findRoot(dirname(from))
}

function filesBelow(folder: string): string[] {
  return readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.ts'))
    .map((name) => join(folder, name).replaceAll('\\', '/'))
    .sort()
}

function readSource(path: string): Source {
  const text = readFileSync(join(root, path), 'utf8')
  const imported = [
    ...text.matchAll(/(?:^|\n)\s*(?:import|export)\s[^'"`;]*?from\s+'([^']+)'|\bimport\('([^']+)'\)/g),
  ].map(([, named, dynamic]) => named ?? dynamic ?? '')
  return {
    path,
    floor: floorOf(path),
    text,
    local: imported
      .filter((name) => name.startsWith('.'))
      .map((name) => normalize(join(dirname(path), name)).replaceAll('\\', '/')),
    modules: imported.filter((name) => !name.startsWith('.')),
  }
}

function floorOf(path: string): string {
  const [, first = '', second = ''] = path.split('/')
  return first === 'gateways' ? `${first}/${second}` : first
}

function isTest(path: string): boolean {
  return /\.(test|contract)\.ts$/.test(path) || /\/test-[a-z-]+\.ts$/.test(path)
}

function isPure({ path, floor }: Source): boolean {
  return floor !== 'server' && !path.startsWith('src/base/host/') && !isTest(path)
}

/** A line without its strings and comments. */
function code(line: string): string {
  return line.replace(/'(?:[^'\\]|\\.)*'|`[^`]*`/g, "''").replace(/\/\/.*$|^\s*\*.*$|\/\*.*?\*\//g, '')
}

/** Each circle once, as the row of files that leads back to its first. */
function circles(): string[] {
  const byPath = new Map(sources.map((source) => [source.path, source]))
  const done = new Set<string>()
  const found: string[] = []
  const visit = (path: string, trail: readonly string[]): void => {
    const seen = trail.indexOf(path)
    if (seen >= 0) found.push([...trail.slice(seen), path].map((each) => relative('src', each)).join(' -> '))
    if (seen >= 0 || done.has(path)) return
    for (const next of byPath.get(path)?.local ?? []) visit(next, [...trail, path])
    done.add(path)
  }
  for (const { path } of sources) visit(path, [])
  return found
}

/** Functions and methods by the indentation of their braces, which the formatter guarantees. */
function functionsOf(path: string, text: string): { path: string; lines: number }[] {
  const found: { path: string; lines: number }[] = []
  const open: { indent: number; line: number; name: string }[] = []
  for (const [index, line] of text.split('\n').entries()) {
    const indent = line.length - line.trimStart().length
    const top = open.at(-1)
    if (top && indent === top.indent && /^\s*\}/.test(line)) {
      found.push({ path: `${path} ${top.name}`, lines: index - top.line + 1 })
      open.pop()
    }
    const [, name] =
      /^\s*(?:export )?(?:async )?(?:function |static |readonly |get |set )*(#?[\w$]+)(?:<[^>]*>)?(?: = (?:async )?)?\(.*\{$/.exec(
        line,
      ) ?? []
    if (name && !['if', 'for', 'while', 'switch', 'catch', 'describe', 'it'].includes(name))
      open.push({ indent, line: index, name })
  }
  return found
}

function largest<Item extends { lines: number }>(items: readonly Item[]): Item[] {
  return [...items].sort((a, b) => b.lines - a.lines).slice(0, 8)
}
