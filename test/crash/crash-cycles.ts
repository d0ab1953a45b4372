import { randomInt } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { below, fraction } from '#ternmq/base/host/random-range.ts'
import { SeededRandom } from '#ternmq/base/host/seeded-random.ts'
import { type Client, connect, type MessageQueue, type ReceivedMessage } from '#ternmq/client/index.ts'
import { CrashLoad } from './crash-load.ts'
import { CrashServer, type FlushMode } from './crash-server.ts'
import { FeatureLoad, featureFlags } from './features/feature-load.ts'
import type { FeatureTally } from './features/feature-tally.ts'
import { insist } from './insist.ts'
import { isClean, Ledger } from './ledger.ts'
import { numberOf } from './payload.ts'

/** Topics that every cycle writes to. */
const TOPICS = ['crash-one', 'crash-two', 'crash-three']

/** The group of `load.ts`. */
const GROUP = 'crash-group'

/** After so many cycles everything is read from the beginning; in between only what is new. */
const FULL_CHECK_CYCLES = 20

/** After so many cycles the load moves on to a new topic. */
const NEW_TOPIC_CYCLES = 4

/** A run of so many cycles has to get to each feature. */
const EACH_TRIED_CYCLES = 10

/** How long a broker lives, with features and without. */
const LIFE_MS_MIN = 40
const LIFE_MS_MAX = 250
const FEATURE_LIFE_MS_MAX = 1200

/** How many deaths are followed by one more at the next start, and how soon. */
const DEATH_AT_START_SHARE = 0.2
const DEATH_AT_START_MS_MAX = 600

export interface CrashOptions {
  readonly flush: FlushMode
  readonly cycles: number
  /** Whether delay, retry, transactions, pop and all the others are in flight beside plain messages. */
  readonly hasFeatures?: boolean
  /** Of the times of death and of what is sent. The rest of a run is chance: the store of one that fails is kept. */
  readonly seed?: string
  /** Hears of each cycle. */
  readonly onCycle?: (ledger: Ledger) => void
}

export interface CrashResult {
  readonly ledger: Ledger
  /** What became of each feature; empty without features. */
  readonly tallies: readonly FeatureTally[]
  readonly isClean: boolean
  /** What was wrong, in words, and then what it takes to look into it. */
  readonly findings: readonly string[]
}

/** Kills a server under load again and again, and looks after each death at what is left. */
export async function runCrashCycles(options: CrashOptions): Promise<CrashResult> {
  const { flush, seed = String(randomInt(1_000_000_000)) } = options
  const dir = mkdtempSync(join(tmpdir(), 'ternmq-crash-'))
  const flags = options.hasFeatures ? featureFlags : []
  const server = await CrashServer.of({ dir, flush, flags })
  const cycles = new CrashCycles(server, new SeededRandom(seed), options)
  let result: CrashResult | undefined
  try {
    result = await cycles.run()
    if (!result.isClean) result = { ...result, findings: [...result.findings, `seed ${seed}, store ${dir}`] }
    return result
  } catch (error) {
    throw new Error(`seed ${seed}, store ${dir}: the broker has logged: ${server.output}`, { cause: error })
  } finally {
    await cycles.close()
    if (result?.isClean) rmSync(dir, { recursive: true, force: true })
  }
}

class CrashCycles {
  readonly #server: CrashServer
  readonly #random: SeededRandom
  readonly #options: CrashOptions
  readonly #ledger = new Ledger()
  #load: CrashLoad | undefined
  #features: FeatureLoad | undefined

  constructor(server: CrashServer, random: SeededRandom, options: CrashOptions) {
    this.#server = server
    this.#random = random
    this.#options = options
  }

  async run(): Promise<CrashResult> {
    const [server, ledger] = [this.#server, this.#ledger]
    const { cycles, hasFeatures = false, onCycle } = this.#options
    await server.start()
    this.#load = await CrashLoad.start(server.namesrv)
    this.#load.onLine = (line) => ledger.take(line)
    if (hasFeatures) this.#features = await this.#startFeatures()
    const checker = new Checker(ledger, server.namesrv)
    for (let cycle = 1; cycle <= cycles; cycle++) {
      await this.#liveAndDie(cycle)
      await checker.check(cycle % FULL_CHECK_CYCLES === 0 || cycle === cycles)
      // a record that the kill has cut is such an error, and no fault
      ledger.notes.push(...server.errors)
      ledger.summary.cycles++
      onCycle?.(ledger)
    }
    await this.#features?.settle()
    const code = await server.end('SIGTERM')
    if (code !== 0) throw new Error(`the server did not stop cleanly (${code})`)
    const tallies = this.#features?.tallies ?? []
    const findings = [...ledger.findings, ...tallies.flatMap((tally) => tally.findings)]
    for (const { feature, wasTried } of tallies)
      if (cycles >= EACH_TRIED_CYCLES && !wasTried) findings.push(`${feature}: nothing was delivered`)
    const isAllClean =
      isClean(ledger.summary) && tallies.every((tally) => tally.isClean) && findings.length === 0
    return { ledger, tallies, isClean: isAllClean, findings }
  }

  async close(): Promise<void> {
    await this.#features?.close()
    await this.#load?.close()
    await this.#server.end('SIGKILL')
  }

  /** One life under load, and its end; the server is up again afterwards. */
  async #liveAndDie(cycle: number): Promise<void> {
    const [server, features] = [this.#server, this.#features]
    features?.go()
    // a topic that is made under load may not be lost either
    await this.#load?.go([...TOPICS, `crash-new-${Math.ceil(cycle / NEW_TOPIC_CYCLES)}`])
    const lifeMsMax = features ? FEATURE_LIFE_MS_MAX : LIFE_MS_MAX
    await pause(LIFE_MS_MIN + below(this.#random, lifeMsMax - LIFE_MS_MIN))
    await server.end('SIGKILL')
    // some deaths are followed by another, while the first is still being looked at
    if (features && fraction(this.#random) < DEATH_AT_START_SHARE)
      await server.startAndKill(below(this.#random, DEATH_AT_START_MS_MAX))
    await Promise.all([this.#load?.stop(), features?.stop()])
    await server.start()
  }

  async #startFeatures(): Promise<FeatureLoad> {
    const { namesrv, brokerAddress } = this.#server
    // a short run waits for nothing that is far away
    const timerMsMax = Math.min(6000, 1000 + this.#options.cycles * 500)
    const random = this.#random.fork('features')
    return FeatureLoad.start({ namesrv, brokerAddress, random, timerMsMax })
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
      const end = await insist(() => client.admin.maxOffset(queue))
      ends.set(name, end)
      if (end > from(name)) queues.push(queue)
      const committed = await insist(() => client.admin.committedOffset(GROUP, queue))
      this.#ledger.checkCommitted(name, committed, end)
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
    const { brokerDatas } = await insist(() => client.admin.route(topic), 'topicNotExist')
    const [broker] = brokerDatas
    if (!broker) throw new Error(`topic ${topic} has no broker after the crash`)
    return { topic, brokerName: broker.brokerName, queueId: Number(queueId) }
  }
}

function nameOf({ topic, queueId }: MessageQueue): string {
  return `${topic}/${queueId}`
}
