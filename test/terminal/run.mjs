// What does the command line look like? Runs it in tmux at 80 and at 160 columns against a broker that it starts, prints
// what the terminal shows, and fails where a table is wider than the terminal, so that its lines wrap.
// Needs tmux, and a build: npm run build && node test/terminal/run.mjs [words of a command ...]
import { execFileSync, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { setTimeout as pause } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { connect, Reject } from '../../dist/client/index.js'

const WIDTHS = [80, 160]
const HEIGHT = 400
const COMMAND_MS_MAX = 30_000
const program = fileURLToPath(new URL('../../dist/program/main.js', import.meta.url))
const socket = `ternmq-${process.pid}`

/** Every verb that shows rows, fields, a bar or help. */
const commands = [
  '--help',
  'topic create --help',
  'topic list --groups',
  'topic route orders',
  'topic status orders',
  'topic allocate orders client-1,client-2',
  'group list',
  'group config billing',
  'group progress billing',
  'group clients billing',
  'group producers',
  'message print orders',
  'message find orders order-1',
  'message at orders broker-a 0 0',
  'message entries orders',
  'message probe orders --count 4',
  'message get orders 00000000000000000000000000000000',
  'offset show billing orders',
  'offset reset billing orders --to earliest --preview',
  'offset reset billing orders --to earliest',
  'offset changes',
  'dlq list refunds',
  'dlq redrive refunds --dry-run',
  'group rescue archive orders --rate 200',
  'broker list',
  'broker list --more',
  'broker config',
  'broker lag',
  'broker stats',
  'broker replication',
  'broker earliest orders',
  'cluster list',
  'cluster probe --count 300',
  'cluster metrics',
  'namesrv config',
  'check lag billing',
  'check brokers',
  'doctor',
  'audit orders --group billing',
  'tail orders --from 0 --max 5',
  'top --times 1 --interval-seconds 1',
  'bench load --rate 200 --seconds 2 --warm-seconds 0',
  'controller metadata 127.0.0.1:1',
  'topic status nothing',
]

if (spawnSync('tmux', ['-V']).error) {
  process.stdout.write('skipped: tmux is not installed\n')
  process.exit(0)
}
const chosen = process.argv.length > 2 ? [process.argv.slice(2).join(' ')] : commands
const dir = mkdtempSync(join(tmpdir(), 'ternmq-terminal-'))
const server = await start()
let wrapped = 0
try {
  // the server of tmux ends with its last session
  tmux('-f', '/dev/null', 'new-session', '-d', 'sleep', '600')
  await fill(server.namesrv)
  for (const width of WIDTHS) for (const command of chosen) wrapped += show(command, width)
} finally {
  spawnSync('tmux', ['-L', socket, 'kill-server'])
  server.child.kill()
  await once(server.child, 'exit')
  rmSync(dir, { recursive: true, force: true })
}
process.stdout.write(`${chosen.length * WIDTHS.length} looked at, ${wrapped} with lines that wrap\n`)
process.exit(wrapped === 0 ? 0 : 1)

async function start() {
  const ports = ['--namesrv-port', '0', '--listen-port', '0', '--http-port', '0']
  const child = spawn(
    process.execPath,
    [program, 'start', ...ports, '--store-path-root-dir', join(dir, 'store')],
    {
      stdio: ['ignore', 'pipe', 'inherit'],
    },
  )
  for await (const line of createInterface({ input: child.stdout })) {
    const namesrv = /NAMESRV_ADDR=([\d.:]+)/.exec(line)?.[1]
    if (namesrv) return { child, namesrv }
  }
  throw new Error('the broker has ended')
}

/** Messages of all lengths, a group that keeps up, one that buries and one that is far behind. */
async function fill(namesrv) {
  const client = await connect({ namesrv })
  await client.admin.createTopic({ topic: 'orders', queueCount: 2 })
  while ((await client.admin.queues('orders').catch(() => [])).length !== 2) await pause(20)
  const producer = client.sequencedProducer()
  const texts = [
    'short',
    `{"order":1,"text":"${'long '.repeat(40)}"}`,
    '订单 已创建 ✓',
    'colour \u001b[31mred\u001b[0m',
  ]
  for (const [i, body] of texts.entries())
    await producer.send({
      topic: 'orders',
      body,
      tag: 'created',
      keys: [`order-${i}`, 'shop-with-a-long-name'],
    })
  await drain(client, { group: 'archive', topic: 'orders' }, 4)
  for (let i = 0; i < 200; i++)
    await producer.send({ topic: 'orders', body: `more ${i}`, keys: `order-${i}` })
  await drain(client, { group: 'refunds', topic: 'orders' }, 204, () => {
    throw new Reject('no')
  })
  const staying = client.consumer({ group: 'billing', topic: 'orders', from: 'earliest' })
  void staying.run(() => undefined)
  await staying.start()
}

async function drain(client, options, count, handler = () => undefined) {
  const consumer = client.consumer({ ...options, from: 'earliest' })
  let seen = 0
  await new Promise((resolve) => {
    void consumer.run((message) => {
      if (++seen === count) resolve()
      return handler(message)
    })
  })
  await consumer.close()
}

/** Prints what a terminal shows of a command. @returns 1 when lines of it wrap */
function show(command, width) {
  const session = `s${width}`
  const line = `NAMESRV_ADDR=${server.namesrv} ${process.execPath} ${program} ${command}; tmux -L ${socket} wait-for -S done; sleep 60`
  tmux('new-session', '-d', '-s', session, '-x', width, '-y', HEIGHT, 'sh', '-c', line)
  tmux('wait-for', 'done')
  // -J joins what the terminal has wrapped
  const shown = tmux('capture-pane', '-p', '-J', '-t', session).trimEnd()
  tmux('kill-session', '-t', session)
  process.stdout.write(`${'─'.repeat(width)}\n$ ternmq ${command}\n${shown}\n`)
  const tooLong = shown.split('\n').filter((each) => each.trimEnd().length > width && !isMessage(each))
  if (tooLong.length > 0) process.stdout.write(`WRAPS: ${tooLong.join('\n')}\n`)
  return tooLong.length > 0 ? 1 : 0
}

/** Messages that are printed as they come are as long as they are. */
function isMessage(line) {
  return /@\d+ \d{4}-\d\d-\d\d /.test(line)
}

function tmux(...words) {
  return execFileSync('tmux', ['-L', socket, ...words.map(String)], {
    encoding: 'utf8',
    timeout: COMMAND_MS_MAX,
  })
}
