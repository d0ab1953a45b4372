// RocketMQ's own example classes, unmodified: they find the target by NAMESRV_ADDR, and what they print
// is the proof.
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { jarsOf } from './places.mjs'
import { Child } from './processes.mjs'
import { withTarget } from './targets.mjs'

const EXAMPLE_MS_MAX = 180_000

/** An example that fails before it has done anything is started again: its client waits 3 s for a first answer, and a busy machine starts some JVMs at once. */
const STARTS_MAX = 3
const PACKAGE = 'org.apache.rocketmq.example'
const SENT = /sendStatus=SEND_OK/g
const RECEIVED = /\bqueueOffset=\d+/g

/**
 * Stages run one after the other, the examples of a stage side by side. An example holds when `pattern` was
 * printed `count` times; those with `ends` must also end by themselves with code 0, the others are stopped.
 */
const stages = [
  [{ main: 'quickstart.Producer', pattern: SENT, count: 1000, ends: true }],
  [
    // TopicTest holds the 1000 messages of the quick start now, with TagA
    { main: 'quickstart.Consumer', pattern: RECEIVED, count: 1000 },
    { main: 'broadcast.PushConsumer', pattern: RECEIVED, count: 1000 },
    // this one suspends a queue for 3 s now and then, so a part must do
    { main: 'ordermessage.Consumer', pattern: RECEIVED, count: 50, more: true },
  ],
  [
    { main: 'simple.LitePullConsumerSubscribe', pattern: RECEIVED, count: 1000 },
    // it takes half of the four queues, one of them from offset 10 on
    { main: 'simple.LitePullConsumerAssign', pattern: RECEIVED, count: 100, more: true },
    { main: 'simple.PushConsumer', pattern: RECEIVED, count: 1000 },
  ],
  [
    { main: 'ordermessage.Producer', pattern: SENT, count: 100, ends: true },
    { main: 'simple.AsyncProducer', pattern: /^\d+ +OK [0-9A-F]+/gm, count: 100, ends: true },
    { main: 'filter.TagFilterProducer', pattern: SENT, count: 60, ends: true },
  ],
  [
    { main: 'simple.Producer', pattern: SENT, count: 128, ends: true },
    { main: 'batch.SimpleBatchProducer', pattern: SENT, count: 1 },
    { main: 'filter.TagFilterConsumer', pattern: RECEIVED, count: 40 },
  ],
]

/** Time to look for messages too many, once all that were expected have come. */
const SILENCE_MS = 500

export async function runExamples({ name, dir, kind, lie, checks, report }) {
  await withTarget({ kind, dir: join(dir, 'target'), lie }, async (target) => {
    for (const stage of stages) {
      const chosen = stage.filter(({ main }) => checks.length === 0 || checks.includes(main))
      await Promise.all(chosen.map((example) => runExample({ example, suite: name, dir, target, report })))
    }
  })
}

async function runExample({ example, suite, dir, target, report }) {
  const started = Date.now()
  let run
  for (let start = 1; start <= STARTS_MAX; start++) {
    const home = join(dir, `${example.main}-${start}`)
    await mkdir(home)
    run = await runOnce({ example, home, target })
    if (!run.hasThrown || run.printedCount > 0) break
  }
  const { how, printedCount, hasThrown } = run
  const countIsRight = example.more ? printedCount >= example.count : printedCount === example.count
  if (countIsRight && !hasThrown && (how === undefined || how === 0)) {
    report.ok(suite, example.main, Date.now() - started)
  } else {
    const end = hasThrown ? ', and its main method threw' : how === undefined ? '' : `, ended with ${how}`
    report.notOk(
      suite,
      example.main,
      `printed ${printedCount} of ${example.count} (${example.pattern})${end}`,
    )
  }
}

/** @returns how it ended, undefined when it was stopped, how often it printed what counts, and whether its main method threw */
async function runOnce({ example, home, target }) {
  let printed = ''
  let printedCount = 0
  let hasThrown = false
  let complete
  const full = new Promise((resolve) => {
    complete = resolve
  })
  const child = new Child({
    name: example.main,
    command: 'java',
    args: [
      ...['-XX:+UseSerialGC', '-XX:TieredStopAtLevel=1', '-Xmx256m', `-Duser.home=${home}`],
      ...['-cp', jarsOf('example'), `${PACKAGE}.${example.main}`],
    ],
    env: { NAMESRV_ADDR: target.namesrv },
    cwd: home,
    logFile: join(home, 'example.log'),
    onOutput: (text) => {
      printed += text
      printedCount = printed.match(example.pattern)?.length ?? 0
      hasThrown ||= printed.includes('Exception in thread "main"')
      if (hasThrown || (!example.ends && printedCount >= example.count)) complete()
    },
  })
  const limit = setTimeout(() => child.kill('SIGKILL'), EXAMPLE_MS_MAX)
  const how = await Promise.race([child.ended, full])
  if (how === undefined) {
    await new Promise((resolve) => setTimeout(resolve, SILENCE_MS))
    await child.stop()
  }
  clearTimeout(limit)
  return { how, printedCount, hasThrown }
}
