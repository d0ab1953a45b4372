// Uses what scripts/bundle.mjs has made once, and keeps the code that V8 has compiled until then. `program`: starts it, on ports that
// the system chooses and a store that goes with it, until it has stored a message. `broker`: a test broker, until a message is consumed.
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { pathToFileURL } from 'node:url'

const makers = {
  async program() {
    const folder = pathToFileURL(`${resolve('dist/program')}/`)
    const { loadBundledProgram } = await import(new URL('bundled-program.js', folder))
    const store = mkdtempSync(join(tmpdir(), 'ternmq-code-cache-'))
    process.on('exit', () => rmSync(store, { recursive: true, force: true }))
    const { exports: cli, script } = loadBundledProgram(folder)
    const ports = ['--namesrv-port', '0', '--listen-port', '0', '--http-port', '0']
    await cli.runCli(['start', ...ports, '--store-path-root-dir', store])
    keep(script, new URL('cli.cache', folder))
    process.kill(process.pid, 'SIGTERM')
  },

  async broker() {
    const folder = pathToFileURL(`${resolve('dist/faces')}/`)
    const { script } = await import(new URL('broker-parts.js', folder))
    const { createTestBroker } = await import(new URL('testing.js', folder))
    const broker = await createTestBroker({ topics: ['topic'] })
    const client = await broker.connect()
    await client.producer().send({ topic: 'topic', body: 'x' })
    await client.consumer({ group: 'group', topic: 'topic', from: 'earliest' }).pull({ max: 1 })
    await broker.advance('1s')
    keep(script, new URL('broker.cache', folder))
    await broker.close()
  },
}

function keep(script, file) {
  writeFileSync(file, script.createCachedData())
  // the program keeps what it writes for its own user
  chmodSync(file, 0o644)
}

await makers[process.argv[2]]()
