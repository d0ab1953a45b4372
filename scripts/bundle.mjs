// Puts the compiled program into one file, with V8's code cache of it beside: loading some 300 modules one by one, and compiling
// them, took more than half of its start (docs/decisions/0013). Packages that every start needs are in it, the others stay where
// they are installed.
import { execFileSync } from 'node:child_process'
import { chmodSync, copyFileSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { build } from 'esbuild'

const folder = 'dist/program'
const { dependencies } = JSON.parse(readFileSync('package.json', 'utf8'))
const bundled = ['commander', 'pino']

rmSync(folder, { recursive: true, force: true })
mkdirSync(folder, { recursive: true })
const { metafile } = await build({
  entryPoints: ['dist/server/cli.js'],
  outfile: `${folder}/cli.cjs`,
  bundle: true,
  format: 'cjs',
  platform: 'node',
  target: 'node20.19',
  external: Object.keys(dependencies).filter((name) => !bundled.includes(name)),
  // code that comes from V8's cache may not import
  supported: { 'dynamic-import': false },
  // src/server/bundled-program.ts calls this function
  banner: { js: "(function (require, module, bundleUrl) { 'use strict';" },
  footer: { js: '})' },
  define: { 'import.meta.url': 'bundleUrl' },
  legalComments: 'none',
  metafile: true,
  logLevel: 'warning',
})
for (const name of ['main.js', 'bundled-program.js']) copyFileSync(`dist/server/${name}`, `${folder}/${name}`)
chmodSync(`${folder}/main.js`, 0o755)
writeFileSync(`${folder}/LICENSES.txt`, licences(Object.keys(metafile.inputs)))
execFileSync(process.execPath, ['scripts/code-cache.mjs'], {
  stdio: ['ignore', 'ignore', 'inherit'],
  timeout: 60_000,
})

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
