// Prints the reference of `ternmq/client`, `ternmq/testing` and `ternmq/nestjs` from their TSDoc to docs/api/, which is not kept in git.
// TypeDoc needs TypeScript's compiler API, which TypeScript 7 does not have: it is installed in a folder of its own, with the
// TypeScript that it wants. Needs the npm registry.
import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'

const faces = ['client', 'testing', 'nestjs']
const dir = mkdtempSync(join(tmpdir(), 'ternmq-api-'))
try {
  writeFileSync(join(dir, 'package.json'), '{"private":true}')
  const packages = ['typedoc@0.28', 'typedoc-plugin-markdown@4', 'typescript@5.9']
  execFileSync('npm', ['install', '--no-audit', '--no-fund', '--silent', ...packages], {
    cwd: dir,
    stdio: 'inherit',
  })
  const compilerOptions = {
    ...{
      target: 'es2022',
      module: 'nodenext',
      lib: ['es2023', 'esnext.disposable'],
      strict: true,
      noEmit: true,
    },
    ...{ allowImportingTsExtensions: true, experimentalDecorators: true, skipLibCheck: true },
    ...{ types: ['node'], typeRoots: [resolve('node_modules/@types')] },
  }
  const files = faces.map((face) => resolve(`src/${face}/index.ts`))
  writeFileSync(join(dir, 'tsconfig.json'), JSON.stringify({ compilerOptions, files }))
  const typedoc = [
    ...[join(dir, 'node_modules/typedoc/bin/typedoc'), '--tsconfig', join(dir, 'tsconfig.json')],
    ...['--plugin', join(dir, 'node_modules/typedoc-plugin-markdown/dist/index.js')],
    ...['--out', 'docs/api', '--readme', 'none', '--name', 'ternmq', '--excludeInternal', '--excludePrivate'],
    ...['--disableSources', '--skipErrorChecking', '--logLevel', 'Error'],
    ...files.flatMap((file) => ['--entryPoints', file]),
  ]
  execFileSync(process.execPath, typedoc, { stdio: 'inherit' })
} finally {
  rmSync(dir, { recursive: true, force: true })
}
