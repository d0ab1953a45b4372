import assert from 'node:assert/strict'
import { mkdirSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { describe, it, type TestContext } from 'node:test'
import { connect } from '#ternmq/client/index.ts'
import { ServerProcess, testFolder } from './server-process.ts'

const FREE_PORTS = ['--namesrv-port', '0', '--listen-port', '0', '--http-port', '0']

/** A free port that is taken until the end of the test. */
async function takenPort(t: TestContext): Promise<string> {
  const server = createServer()
  t.after(() => server.close())
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  return typeof address === 'object' && address ? String(address.port) : assert.fail()
}

describe('ternmq start', () => {
  it('says what listens where, serves health, keeps others off its store, and stops on SIGTERM', async (t) => {
    const dir = testFolder(t)
    const args = ['start', ...FREE_PORTS, '--store-path-root-dir', dir]
    const server = new ServerProcess(t, args)
    const { clients, http, store } = await server.logged('ready')
    assert.match(String(clients), /^NAMESRV_ADDR=127\.0\.0\.1:\d+$/)
    assert.equal(store, dir)
    const { port } = http as { port: number }
    const answer = await fetch(`http://127.0.0.1:${port}/readyz`)
    assert.deepEqual(await answer.json(), { status: 'ready' })

    const second = await new ServerProcess(t, args).ended
    assert.equal(second.code, 1)
    assert.match(
      second.stderr,
      /^ternmq: \S+lock is locked by process \d+: stop that process, or choose another folder by --store-path-root-dir\n$/,
    )
    const startedMs = performance.now()
    const { code, stderr } = await server.stop('SIGTERM')
    assert.deepEqual({ code, stderr }, { code: 0, stderr: '' })
    assert(performance.now() - startedMs < 5000, 'it stops at once, busy machines considered')
    await server.logged('stopped')
  })

  it('tells people on a terminal in their words', async (t) => {
    const args = ['start', ...FREE_PORTS, '--store-path-root-dir', testFolder(t), '--log-format', 'text']
    const server = new ServerProcess(t, args)
    while (!server.stdout.includes('Ctrl+C')) await Promise.race([server.ended, new Promise(setImmediate)])
    assert.match(server.stdout, /TernMQ \S+ is ready \(\d+ ms\)\n {2}NameServer {2}127\.0\.0\.1:\d+\n/)
    // npm passes on a Ctrl+C that the process has had from the terminal
    const ended = server.stop('SIGINT')
    void server.stop('SIGTERM')
    assert.equal((await ended).code, 0)
  })

  it('names a port that is taken, and its setting', async (t) => {
    const port = await takenPort(t)
    const dir = testFolder(t)
    for (const flag of ['--namesrv-port', '--http-port']) {
      const args = ['start', ...FREE_PORTS, flag, port, '--store-path-root-dir', dir]
      const { code, stderr } = await new ServerProcess(t, args).ended
      assert.equal(code, 1)
      assert.match(stderr, new RegExp(`^ternmq: port ${port} on 127.0.0.1 is in use, .* ${flag} .*\n$`))
    }
  })

  it('names a store that it cannot read', async (t) => {
    const dir = testFolder(t)
    mkdirSync(join(dir, 'config'))
    writeFileSync(join(dir, 'config', 'topics.json'), 'not JSON')
    const { code, stderr } = await new ServerProcess(t, [
      'start',
      ...FREE_PORTS,
      '--store-path-root-dir',
      dir,
    ]).ended
    assert.equal(code, 1)
    assert.match(stderr, /^ternmq: \S+topics\.json cannot be read: .*restore the file.*\n$/)
  })

  it('refuses an unknown flag, with the exit code of a wrong command line', async (t) => {
    const { code, stderr } = await new ServerProcess(t, ['start', '--listen-prt', '1']).ended
    assert.equal(code, 2)
    assert.match(stderr, /unknown option '--listen-prt'\n\(Did you mean --listen-port/)
  })

  const refused: [string, string[], Record<string, string>, RegExp][] = [
    ['a value out of bounds', ['--listen-port', '70000'], {}, /listenPort wants an integer .*--listen-port/],
    ['a bad variable', [], { TERNMQ_LISTEN_PORT: 'x' }, /listenPort wants .*TERNMQ_LISTEN_PORT/],
    ['a settings file that is missing', ['-c', '/nowhere/x.conf'], {}, /\/nowhere\/x\.conf does not exist/],
    ['an open address', ['--bind-address', '0.0.0.0'], {}, /Set --insecure-open/],
  ]
  for (const [what, args, environment, message] of refused) {
    it(`refuses ${what}`, async (t) => {
      const { code, stderr } = await new ServerProcess(t, ['start', ...args], { environment }).ended
      assert.equal(code, 1)
      assert.match(stderr, message)
    })
  }

  it('tells an old Node what is needed', async (t) => {
    const old = 'data:text/javascript,Object.defineProperty(process.versions,"node",{value:"18.20.8"})'
    const { code, stderr } = await new ServerProcess(t, ['start'], { nodeArgs: ['--import', old] }).ended
    assert.equal(code, 1)
    assert.equal(stderr, 'ternmq: Node 18.20.8 is too old: 20.19 or newer is needed\n')
  })
})

describe('ternmq namesrv and ternmq broker', () => {
  it('start apart and find each other, with a broker.conf, YAML and the environment', async (t) => {
    const dir = testFolder(t)
    const yaml = join(dir, 'namesrv.yaml')
    writeFileSync(yaml, `namesrvPort: 0\nstorePathRootDir: ${dir}/namesrv\n`)
    const namesrv = new ServerProcess(t, ['namesrv', '-c', yaml])
    const { clients } = await namesrv.logged('ready')
    const address = String(clients).replace('NAMESRV_ADDR=', '')

    const conf = join(dir, 'broker.conf')
    writeFileSync(
      conf,
      `# as RocketMQ has it\nbrokerClusterName = c1\nlistenPort=0\nflushCommitLogLeastPages=4\nstorePathRootDir=${dir}/store\n`,
    )
    const environment = { TERNMQ_BROKER_NAME: 'broker-of-env' }
    const broker = new ServerProcess(t, ['broker', '-c', conf, '-n', address], { environment })
    await broker.logged('ready')
    const { unknown } = await broker.logged(
      'settings of the file that TernMQ does not know: kept, without effect',
    )
    assert.deepEqual(unknown, ['flushCommitLogLeastPages'])

    const client = await connect({ namesrv: address })
    t.after(() => client.close())
    const { status, queue } = await client.producer().send({ topic: 'first', body: 'hello' })
    assert.equal(status, 'SEND_OK')
    assert.equal(queue.brokerName, 'broker-of-env')
    await client.close()
    assert.equal((await broker.stop('SIGTERM')).code, 0)
    assert.equal((await namesrv.stop('SIGTERM')).code, 0)
  })

  it('print the settings that would count', async (t) => {
    const { code, stdout } = await new ServerProcess(t, ['broker', '-p', '--broker-name', 'b7']).ended
    assert.equal(code, 0)
    assert.match(stdout, /^brokerName=b7$/m)
    assert.match(stdout, /^flushDiskType=ASYNC_FLUSH$/m)
  })
})
