// Starts the bundled program once, on ports that the system chooses and a store that goes with it, and keeps the code that V8 has
// compiled until the first message was stored.
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { pathToFileURL } from 'node:url'

const folder = pathToFileURL(`${resolve('dist/program')}/`)
const { loadBundledProgram } = await import(new URL('bundled-program.js', folder))
const store = mkdtempSync(join(tmpdir(), 'ternmq-code-cache-'))
process.on('exit', () => rmSync(store, { recursive: true, force: true }))

const { cli, script } = loadBundledProgram(folder)
const ports = ['--namesrv-port', '0', '--listen-port', '0', '--http-port', '0']
await cli.runCli(['start', ...ports, '--store-path-root-dir', store])
const cache = new URL('cli.cache', folder)
writeFileSync(cache, script.createCachedData())
// the program keeps what it writes for its own user
chmodSync(cache, 0o644)
process.kill(process.pid, 'SIGTERM')
