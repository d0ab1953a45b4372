// Puts compiled files together: loading some 300 modules one by one, and compiling them, took more than half of a start
// (docs/decisions/0013). `dist/program` is the program. `dist/faces` are the published faces, as modules that share what they have in
// common (docs/decisions/0015). The program, and what a test broker runs, have V8's code cache of it beside. Packages that every start
// needs are in the program, the others stay where they are installed.
import { execFileSync } from 'node:child_process'
import { chmodSync, copyFileSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { build } from 'esbuild'

const { dependencies, exports: published } = JSON.parse(readFileSync('package.json', 'utf8'))
const packages = ['commander', 'pino']

const common = {
  bundle: true,
  platform: 'node',
  target: 'node20.19',
  legalComments: 'none',
  logLevel: 'warning',
}

/** A file that `loadBundle` of src/server/bundled-program.ts takes: a function around what esbuild calls CommonJS. */
const cached = {
  ...common,
  format: 'cjs',
  // code that comes from V8's cache may not import
  supported: { 'dynamic-import': false },
  banner: { js: "(function (require, module, bundleUrl) { 'use strict';" },
  footer: { js: '})' },
  define: { 'import.meta.url': 'bundleUrl' },
}

await Promise.all([bundleProgram('dist/program'), bundleFaces('dist/faces')])

async function bundleProgram(folder) {
  const { metafile } = await build({
    ...cached,
    entryPoints: ['dist/server/cli.js'],
    outfile: emptied(folder, 'cli.cjs'),
    external: Object.keys(dependencies).filter((name) => !packages.includes(name)),
    metafile: true,
  })
  for (const name of ['main.js', 'bundled-program.js'])
    copyFileSync(`dist/server/${name}`, `${folder}/${name}`)
  chmodSync(`${folder}/main.js`, 0o755)
  writeFileSync(`${folder}/LICENSES.txt`, licences(Object.keys(metafile.inputs)))
  keepCode('program')
}

async function bundleFaces(folder) {
  const parts = 'dist/testing/broker-parts.js'
  await build({
    ...cached,
    entryPoints: [parts],
    outfile: emptied(folder, 'broker.cjs'),
    packages: 'external',
    plugins: [{ name: 'shared-errors', setup: shareErrors }],
  })
  const faces = Object.keys(published).filter((name) => name !== './package.json')
  await build({
    ...common,
    format: 'esm',
    splitting: true,
    entryPoints: {
      ...Object.fromEntries(faces.map((name) => [name.slice(2), `dist/${name.slice(2)}/index.js`])),
      'broker-parts': parts,
    },
    outdir: folder,
    packages: 'external',
    plugins: [{ name: 'cached-broker', setup: loadBroker }],
  })
  keepCode('broker')
}

/** The broker's errors are those of its clients: the bundle has none of its own. */
function shareErrors(build) {
  build.onResolve(
    { filter: /\/base\/errors\.js$|^\.\/errors\.js$|^\.\.\/errors\.js$/ },
    ({ path, resolveDir }) =>
      join(resolveDir, path) === join(process.cwd(), 'dist/base/errors.js')
        ? { path: 'ternmq:errors', external: true }
        : undefined,
  )
}

/** Puts a module that loads the broker's bundle in the place of its parts. */
function loadBroker(build) {
  build.onLoad({ filter: /testing\/broker-parts\.js$/ }, ({ path }) => {
    const names = [...readFileSync(path, 'utf8').matchAll(/^export \{ (\w+) \}/gm)].map(([, name]) => name)
    const contents = `
      import * as errors from '../base/errors.js'
      import { loadBundle } from '../server/bundled-program.js'
      const bundle = loadBundle(new URL('broker.cjs', import.meta.url), { 'ternmq:errors': errors })
      export const { script } = bundle
      export const { ${names.join(', ')} } = bundle.exports`
    return { contents, resolveDir: join(path, '..') }
  })
}

function emptied(folder, name) {
  rmSync(folder, { recursive: true, force: true })
  mkdirSync(folder, { recursive: true })
  return join(folder, name)
}

function keepCode(what) {
  execFileSync(process.execPath, ['scripts/code-cache.mjs', what], {
    stdio: ['ignore', 'ignore', 'inherit'],
    timeout: 60_000,
  })
}

/** The licences of the packages whose files are in the bundle. */
function licences(files) {
  const roots = files.flatMap((file) => /^node_modules\/(?:@[^/]+\/)?[^/]+/.exec(file) ?? [])
  return [...new Set(roots)]
    .sort()
    .map((root) => {
      const { name, version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'))
      const file = readdirSync(root).find((entry) => /^licen[cs]e/i.test(entry))
      const text = file === undefined ? '' : readFileSync(join(root, file), 'utf8').trim()
      return `${name} ${version}\n\n${text}\n`
    })
    .join('\n----\n\n')
}
