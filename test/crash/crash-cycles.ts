import { randomInt } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import {
  type Client,
  ClientError,
  connect,
  type MessageQueue,
  type ReceivedMessage,
} from '#ternmq/client/index.ts'
import { CrashLoad } from './crash-load.ts'
import { CrashServer, type FlushMode } from './crash-server.ts'
import { Ledger } from './ledger.ts'
import { numberOf } from './payload.ts'

/** Topics that every cycle writes to. */
const TOPICS = ['crash-one', 'crash-two', 'crash-three']

/** The group of `load.ts`. */
const GROUP = 'crash-group'

/** After so many cycles everything is read from the beginning; in between only what is new. */
const FULL_CHECK_CYCLES = 20

/** After so many cycles the load moves on to a new topic. */
const NEW_TOPIC_CYCLES = 4

/** How long a broker may take to know a topic again. */
const ROUTE_MS_MAX = 10_000

export interface CrashOptions {
  readonly flush: FlushMode
  readonly cycles: number
  /** Hears of each cycle. */
  readonly onCycle?: (ledger: Ledger) => void
}

/** Kills a server under load again and again, and looks after each death at what is left. */
export async function runCrashCycles({ flush, cycles, onCycle }: CrashOptions): Promise<Ledger> {
  const dir = mkdtempSync(join(tmpdir(), 'ternmq-crash-'))
  const server = await CrashServer.of(dir, flush)
  const ledger = new Ledger()
  let load: CrashLoad | undefined
  try {
    await server.start()
    load = await CrashLoad.start(server.namesrv)
    load.onLine = (line) => ledger.take(line)
    const checker = new Checker(ledger, server.namesrv)
    for (let cycle = 1; cycle <= cycles; cycle++) {
      // a topic that is made under load may not be lost either
      await load.go([...TOPICS, `crash-new-${Math.ceil(cycle / NEW_TOPIC_CYCLES)}`])
      await pause(randomInt(40, 250))
      await server.end('SIGKILL')
      await load.stop()
      await server.start()
      await checker.check(cycle % FULL_CHECK_CYCLES === 0 || cycle === cycles)
      // a record that the kill has cut is such an error, and no fault
      ledger.notes.push(...server.errors)
      ledger.summary.cycles++
      onCycle?.(ledger)
    }
    const code = await server.end('SIGTERM')
    if (code !== 0) throw new Error(`the server did not stop cleanly (${code}): ${server.output}`)
    return ledger
  } finally {
    await load?.close()
    await server.end('SIGKILL')
    rmSync(dir, { recursive: true, force: true })
  }
}

/** Reads what a broker has, by a client of its own. */
class Checker {
  readonly #ledger: Ledger
  readonly #namesrv: string
  /** Up to where each queue was read. */
  readonly #checked = new Map<string, number>()

  constructor(ledger: Ledger, namesrv: string) {
    this.#ledger = ledger
    this.#namesrv = namesrv
  }

  async check(isFull: boolean): Promise<void> {
    await using client = await connect({ namesrv: this.#namesrv })
    const consumer = client.litePull({
      group: 'crash-checker',
      from: 'earliest',
      autoCommit: false,
      pullSuspendMs: 100,
    })
    const from = (name: string): number => (isFull ? 0 : (this.#checked.get(name) ?? 0))
    const ends = new Map<string, number>()
    const queues: MessageQueue[] = []
    for (const name of this.#ledger.queues) {
      const queue = await this.#queueOf(client, name)
      const end = await client.admin.maxOffset(queue)
      ends.set(name, end)
      if (end > from(name)) queues.push(queue)
      this.#ledger.checkCommitted(name, await client.admin.committedOffset(GROUP, queue), end)
    }
    await consumer.assign(queues)
    for (const queue of queues) await consumer.seek(queue, from(nameOf(queue)))
    const found = new Map<string, { queueOffset: number; number: number | undefined }[]>()
    let left = [...ends].reduce((sum, [name, end]) => sum + end - from(name), 0)
    while (left > 0) {
      const messages = await consumer.pull({ max: 1000, waitMs: 3000 })
      if (messages.length === 0) break // what is missing is found below
      for (const message of messages) this.#note(found, message)
      left -= messages.length
    }
    for (const [name, end] of ends) {
      this.#ledger.checkMessages(name, { from: from(name), end, messages: found.get(name) ?? [] })
      this.#checked.set(name, end)
    }
  }

  #note(
    found: Map<string, { queueOffset: number; number: number | undefined }[]>,
    message: ReceivedMessage,
  ): void {
    const name = nameOf(message.queue)
    const list = found.get(name) ?? []
    if (list.length === 0) found.set(name, list)
    list.push({ queueOffset: message.queueOffset, number: numberOf(message.body) })
  }

  /** Waits until the topic is routed again. */
  async #queueOf(client: Client, name: string): Promise<MessageQueue> {
    const [topic = '', queueId = ''] = name.split('/')
    const deadlineMs = performance.now() + ROUTE_MS_MAX
    for (;;) {
      try {
        const { brokerDatas } = await client.admin.route(topic)
        const [broker] = brokerDatas
        if (broker) return { topic, brokerName: broker.brokerName, queueId: Number(queueId) }
      } catch (error) {
        if (!(error instanceof ClientError) || error.code !== 'topicNotExist') throw error
        if (performance.now() > deadlineMs)
          throw new Error(`topic ${topic} is gone after the crash`, { cause: error })
      }
      await pause(20)
    }
  }
}

function nameOf({ topic, queueId }: MessageQueue): string {
  return `${topic}/${queueId}`
}
