// Puts the compiled program into a few files: loading some 300 modules one by one took half of its start (docs/decisions/0013).
// What a start does not need stays in files of its own, and packages stay where they are installed.
import { rmSync } from 'node:fs'
import { build } from 'esbuild'

rmSync('dist/program', { recursive: true, force: true })
await build({
  entryPoints: ['dist/server/main.js'],
  outdir: 'dist/program',
  bundle: true,
  splitting: true,
  format: 'esm',
  platform: 'node',
  target: 'node20.19',
  packages: 'external',
  logLevel: 'warning',
})
