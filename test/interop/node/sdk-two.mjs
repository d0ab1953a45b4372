// The SDK where there are two brokers: sends go on by the other one when one hangs, for as long as RocketMQ's table of
// latencies says, and when it is killed.
import assert from 'node:assert/strict'
import { setTimeout as pause } from 'node:timers/promises'
import { connect } from '../../../dist/client/index.js'
import { runChecks, until } from './checks.mjs'

const [namesrv, pid, ...chosen] = process.argv.slice(2)
const other = Number(pid)
const client = await connect({ namesrv })

/** What the table says of a send that took from 550 to 1800 ms, and of one that took from 1800 to 3000. */
const steps = [
  { hangMs: 1000, pauseMs: 2000 },
  { hangMs: 2300, pauseMs: 5000 },
]

async function newTopic(topic) {
  await client.admin.createTopic({ topic, queueCount: 2 })
  await until(async () => (await client.admin.queues(topic).catch(() => [])).length === 4)
  return topic
}

/** Sends until it is stopped, some messages at a time. @returns what became of them, and when */
function sending(topic) {
  const producer = client.producer({ group: topic })
  const sent = []
  let isOver = false
  const done = (async () => {
    const underWay = new Set()
    for (let number = 0; !isOver; number++) {
      const startMs = performance.now()
      const note = (outcome) => {
        underWay.delete(one)
        sent.push({ ...outcome, number, startMs, endMs: performance.now() })
      }
      const one = producer.send({ topic, body: String(number) }, { timeoutMs: 10_000 }).then(
        ({ status, queue }) => note({ status, broker: queue.brokerName }),
        (error) => note({ error }),
      )
      underWay.add(one)
      await pause(5)
    }
    await Promise.all(underWay)
    return sent
  })()
  const stop = () => {
    isOver = true
    return done
  }
  return { sent, stop }
}

const brokersOf = (sent) => new Set(sent.map(({ broker }) => broker))

const checks = {
  async 'passes-over-slow'() {
    const topic = await newTopic('two-slow')
    for (const { hangMs, pauseMs } of steps) {
      const { sent, stop } = sending(topic)
      await until(() => brokersOf(sent).size === 2)
      process.kill(other, 'SIGSTOP')
      await pause(hangMs)
      process.kill(other, 'SIGCONT')
      const resumedMs = performance.now()
      const isBack = ({ broker, startMs }) => broker === 'broker-b' && startMs > resumedMs + 100
      await until(() => sent.some(isBack))
      const all = await stop()
      assert.deepEqual([...new Set(all.map(({ status }) => status))], ['SEND_OK'])
      const backMs = Math.min(...all.filter(isBack).map(({ startMs }) => startMs)) - resumedMs
      assert.ok(
        pauseMs - 200 <= backMs && backMs <= pauseMs + 2000,
        `hung for ${hangMs} ms, passed over for ${backMs} ms`,
      )
      const meanwhile = all.filter(({ startMs }) => startMs > resumedMs && startMs < resumedMs + backMs)
      assert.ok(meanwhile.length > pauseMs / 50, `${meanwhile.length} sends went on`)
    }
  },

  async 'goes-on-without'() {
    const topic = await newTopic('two-gone')
    const { sent, stop } = sending(topic)
    await until(() => brokersOf(sent).size === 2 && sent.length > 50)
    process.kill(other, 'SIGKILL')
    const killedMs = performance.now()
    await pause(4000)
    const all = await stop()
    const failed = all.filter(({ status }) => status !== 'SEND_OK')
    assert.deepEqual(failed, [], 'every send has another broker to go to')
    const after = all.filter(({ startMs }) => startMs > killedMs + 100)
    assert.deepEqual([...brokersOf(after)], ['broker-a'])
    const slowestMs = Math.max(...all.map(({ startMs, endMs }) => endMs - startMs))
    assert.ok(slowestMs < 3500, `the slowest send took ${Math.round(slowestMs)} ms`)
  },
}

await runChecks(checks, chosen)
await client.close()
process.exit(0)
