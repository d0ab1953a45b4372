#!/usr/bin/env node
// Kept in old syntax and without static imports, so that an old Node says what is wrong instead of failing to parse.
const [major = 0, minor = 0] = process.versions.node.split('.').map(Number)
if (major < 20 || (major === 20 && minor < 19)) {
  process.stderr.write(`ternmq: Node ${process.versions.node} is too old: 20.19 or newer is needed\n`)
  process.exitCode = 1
} else {
  void import('./bundled-program.ts').then(({ loadBundledProgram }) =>
    loadBundledProgram(new URL('.', import.meta.url)).exports.runCli(process.argv.slice(2)),
  )
}
