// One load through `ternmq/client`, in a process of its own, as the Java driver does it through the official client: same
// messages, same window, same record. Started by `bench:sdk`; the record goes to standard output.
import { setTimeout as pause } from 'node:timers/promises'
import { type Client, connect } from '#ternmq/client/index.ts'
import type { LoadSettings } from '../load/load-driver.ts'
import type { SdkResult } from './sdk-result.ts'

/** What the process is told, as JSON in its one argument. */
export interface SdkOrder extends LoadSettings {
  readonly namesrv: string
  readonly scenario: string
  readonly run: number
}

const IN_FLIGHT = 512
const QUEUES = 8
const BATCH = 32
const DRAIN_MS_MAX = 200_000

const order: SdkOrder = JSON.parse(process.argv[2] ?? '{}')
const id = `${process.pid}-${Date.now().toString(36)}`
const scenarios: Readonly<Record<string, () => Promise<void>>> = {
  'send-async-100': () => send(100),
  'send-async': () => send(1024),
  'consume-backlog-128': () => consume(128),
  'consume-backlog-1k': () => consume(1024),
}

const client = await connect({ namesrv: order.namesrv })
/** Keeps a number of sends under way, each by an awaited promise. */
async function send(sizeBytes: number): Promise<void> {
  const topic = await newTopic(client, `sdk_send_${id}`)
  const producer = client.producer({ group: `sdk_p_${id}`, timeoutMs: 10_000, inFlightMax: IN_FLIGHT })
  const body = bodyOf(sizeBytes)
  let acknowledged = 0
  let goesOn = true
  const workers = Array.from({ length: IN_FLIGHT }, async () => {
    while (goesOn) {
      const { status } = await producer.send({ topic, body })
      if (status !== 'SEND_OK') throw new Error(`a send ended with ${status}`)
      acknowledged++
    }
  })
  await pause(order.warmS * 1000)
  const window = new Window(acknowledged)
  await pause(order.windowS * 1000)
  const record = window.close(acknowledged)
  goesOn = false
  await Promise.all(workers)
  const stored = await storedIn(topic)
  tell({
    ...record,
    problems: stored < acknowledged ? [`acknowledged ${acknowledged} but stored ${stored}`] : [],
  })
}

/** A push consumer with default settings drains a topic; the first sixth of it warms up. */
async function consume(sizeBytes: number): Promise<void> {
  const topic = await newTopic(client, `sdk_backlog_${id}`)
  const warm = Math.floor(order.backlog / 5)
  const all = order.backlog + warm
  await prefill(topic, all, bodyOf(sizeBytes))
  let seen = 0
  let bytes = 0
  let window: Window | undefined
  let record: Figures | undefined
  const consumer = client.consumer({ group: `sdk_c_${id}`, topic, from: 'earliest' })
  const done = new Promise<void>((resolve) => {
    void consumer.run((message) => {
      bytes += message.body.length
      seen++
      if (seen === warm) window = new Window(seen)
      if (seen === all) {
        record = window?.close(seen)
        resolve()
      }
    })
  })
  await Promise.race([done, pause(DRAIN_MS_MAX, undefined, { ref: false })])
  await consumer.close()
  if (!record) throw new Error(`drained ${seen} of ${all}`)
  tell({
    ...record,
    problems: bytes === all * sizeBytes ? [] : [`${bytes} bytes instead of ${all * sizeBytes}`],
  })
}

async function prefill(topic: string, count: number, body: Buffer): Promise<void> {
  const producer = client.producer({ group: `sdk_f_${id}`, timeoutMs: 10_000 })
  let left = count
  const workers = Array.from({ length: BATCH }, async () => {
    while (left > 0) {
      const messages = Array.from({ length: Math.min(BATCH, left) }, () => ({ topic, body }))
      left -= messages.length
      await producer.sendBatch(messages)
    }
  })
  await Promise.all(workers)
}

async function newTopic(to: Client, topic: string): Promise<string> {
  await to.admin.createTopic({ topic, queueCount: QUEUES })
  return topic
}

async function storedIn(topic: string): Promise<number> {
  const queues = await client.admin.queues(topic)
  const ends = await Promise.all(queues.map((queue) => client.admin.maxOffset(queue)))
  return ends.reduce((sum, end) => sum + end, 0)
}

/** Letters that do not compress to nothing, the same in each run. */
function bodyOf(sizeBytes: number): Buffer {
  let seed = 42
  return Buffer.from(
    Array.from({ length: sizeBytes }, () => {
      seed = (Math.imul(seed, 1_103_515_245) + 12_345) & 0x7fff_ffff
      return 97 + ((seed >> 16) % 26)
    }),
  )
}

type Figures = Pick<SdkResult, 'messagesPerS' | 'cpuUsPerMessage'>

/** The measured stretch: what lies between its begin and its close. */
class Window {
  readonly #count: number
  readonly #startMs = performance.now()
  readonly #cpu = process.cpuUsage()

  constructor(count: number) {
    this.#count = count
  }

  close(count: number): Figures {
    const messages = count - this.#count
    const messagesPerS = (messages / (performance.now() - this.#startMs)) * 1000
    const { user, system } = process.cpuUsage(this.#cpu)
    return { messagesPerS, cpuUsPerMessage: (user + system) / messages }
  }
}

function tell(figures: Figures & Pick<SdkResult, 'problems'>): void {
  const { scenario, run } = order
  const result: SdkResult = { record: 'sdk', scenario, client: 'sdk', run, ...figures }
  process.stdout.write(`${JSON.stringify(result)}\n`)
}

await scenarios[order.scenario]?.()
await client.close({ drainMs: 0 })
