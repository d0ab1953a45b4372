import { build, type Histogram } from 'hdr-histogram-js'
import { messageOf } from '../base/errors.ts'
import type { Consumer, Producer, ReceivedMessage } from '../client/index.ts'
import { deleteGroup } from './group-verbs.ts'
import { integer, required } from './option.ts'
import { pause, type Row, table, type Verb, type VerbContext, verb } from './verb.ts'

/** Latencies are counted in whole microseconds up to a minute, to three digits. */
const HISTOGRAM = {
  lowestDiscernibleValue: 1,
  highestTrackableValue: 60_000_000,
  numberOfSignificantValueDigits: 3,
} as const

/** How often due sends are started. */
const TICK_MS = 1

/** How long the last answers and deliveries are waited for. */
const LATE_MS_MAX = 30_000

/** Property by which a consumer tells of which run a message is, and when it was to be sent, in microseconds of this process's clock. */
const DUE = 'BENCH_DUE_US'

const bench = verb('', 'bench', {
  about: 'load a cluster at a steady rate and say how long sends take, and messages from send to consumer',
  options: {
    topic: required('topic', 'a topic of its own for this: its messages stay'),
    rate: integer(1000, { min: 1, max: 1_000_000 }, 'messages a second, kept up whatever the cluster does'),
    seconds: integer(10, { min: 1, max: 3600 }, 'how long'),
    warmSeconds: integer(2, { min: 0, max: 600 }, 'seconds before, that do not count'),
    size: integer(128, { min: 1, max: 4_194_304 }, 'bytes of a message'),
    inFlight: integer(
      4096,
      { min: 1, max: 100_000 },
      'most sends under way; those due above wait, and their waiting counts',
    ),
    consumers: integer(1, { min: 0, max: 64 }, 'consumers of one group that receive what is sent'),
  },
  positional: ['topic'],
  async run(context, input) {
    const run = new BenchRun(context, input)
    const rows = await run.go()
    const columns = ['what', 'messages', 'rate', 'p50 ms', 'p90 ms', 'p99 ms', 'p99.9 ms', 'max ms']
    return { ...table(rows, columns, run.note), failure: run.failure }
  },
})

export const benchVerbs: readonly Verb[] = [bench]

interface BenchOptions {
  readonly topic: string
  readonly rate: number
  readonly seconds: number
  readonly warmSeconds: number
  readonly size: number
  readonly inFlight: number
  readonly consumers: number
}

/** One run of the load: open loop, so that a stall counts for every message that was due in it. */
class BenchRun {
  readonly #context: VerbContext
  readonly #options: BenchOptions
  readonly #producer: Producer
  readonly #group: string
  readonly #body: Buffer
  readonly #sends = build(HISTOGRAM)
  readonly #deliveries = build(HISTOGRAM)
  readonly #running: Promise<void>[] = []
  #countFromUs = 0
  #underWay = 0
  #failed = 0
  #firstFailure: string | undefined

  constructor(context: VerbContext, options: BenchOptions) {
    this.#context = context
    this.#options = options
    // of its own, so that two runs do not share what they receive; it is deleted in the end
    this.#group = `ternmq-bench-${Math.round(this.#nowUs())}`
    this.#body = Buffer.alloc(options.size, 0x62)
    this.#producer = context.cluster.client.producer({ group: 'ternmq-bench', inFlightMax: options.inFlight })
  }

  get note(): string {
    return `${this.#failed === 0 ? 'every send was acknowledged' : `${this.#failed} sends were not`}; the messages stay in ${this.#options.topic}`
  }

  /** What went wrong, if anything did. */
  get failure(): string | undefined {
    return this.#failed > 0 ? `${this.#failed} sends failed, first: ${this.#firstFailure}` : undefined
  }

  async go(): Promise<Row[]> {
    const { seconds, warmSeconds } = this.#options
    const consumers = await this.#consumers()
    // whole, as the property has it
    const beganUs = Math.floor(this.#nowUs())
    this.#countFromUs = beganUs + warmSeconds * 1e6
    await this.#send(beganUs, (warmSeconds + seconds) * 1e6)
    const isOver = (): boolean => this.#underWay === 0 && (consumers.length === 0 || this.#isDelivered)
    const deadlineUs = this.#nowUs() + LATE_MS_MAX * 1000
    while (!isOver() && this.#nowUs() < deadlineUs && !this.#context.signal.aborted)
      await pause(this.#context, 10)
    for (const consumer of consumers) await consumer.close()
    await Promise.all(this.#running)
    if (consumers.length > 0)
      await deleteGroup(this.#context.cluster, this.#group, await this.#context.cluster.masters())
    const rows = [this.#row('send', this.#sends)]
    return consumers.length > 0 ? [...rows, this.#row('send to consumer', this.#deliveries)] : rows
  }

  get #isDelivered(): boolean {
    return this.#deliveries.totalCount >= this.#sends.totalCount
  }

  async #send(beganUs: number, lastsUs: number): Promise<void> {
    const { rate } = this.#options
    let started = 0
    while (!this.#context.signal.aborted) {
      const passedUs = Math.min(this.#nowUs() - beganUs, lastsUs)
      const due = Math.floor((passedUs / 1e6) * rate)
      for (; started < due; started++) this.#start(beganUs + Math.round((started / rate) * 1e6))
      if (passedUs >= lastsUs) return
      this.#context.progress(Math.round(passedUs / 1e6), Math.round(lastsUs / 1e6), 'seconds')
      await pause(this.#context, TICK_MS)
    }
  }

  /** Sends a message that is due at a time: its latency counts from then. */
  #start(dueUs: number): void {
    const properties = { [DUE]: `${this.#group} ${dueUs}` }
    this.#underWay++
    this.#producer.send({ topic: this.#options.topic, body: this.#body, properties }).then(
      () => {
        this.#underWay--
        this.#note(this.#sends, dueUs)
      },
      (error) => {
        this.#underWay--
        this.#failed++
        this.#firstFailure ??= messageOf(error)
      },
    )
  }

  async #consumers(): Promise<Consumer[]> {
    const { topic, consumers } = this.#options
    const { client } = this.#context.cluster
    const group = this.#group
    // by time, so that nothing is missed that is sent before the queues are shared out
    const from = this.#context.clock.nowMs()
    const made: Consumer[] = []
    for (let i = 0; i < consumers; i++) {
      const consumer = client.consumer({ group, topic, concurrency: 64, from })
      const running = consumer.run((message: ReceivedMessage) => {
        // a new group may be given what earlier runs have left (protocol/pitfalls.md 7)
        const [run, dueUs] = message.properties.get(DUE)?.split(' ') ?? []
        if (run === this.#group) this.#note(this.#deliveries, Number(dueUs))
      })
      this.#running.push(running)
      made.push(consumer)
    }
    // until they have their queues: what is sent before would come late
    if (made.length > 0) await pause(this.#context, 1000)
    return made
  }

  #note(histogram: Histogram, dueUs: number): void {
    if (dueUs < this.#countFromUs) return
    const tookUs = Math.round(this.#nowUs() - dueUs)
    histogram.recordValue(Math.min(Math.max(tookUs, 1), HISTOGRAM.highestTrackableValue))
  }

  #nowUs(): number {
    return this.#context.clock.monoMs() * 1000
  }

  #row(what: string, histogram: Histogram): Row {
    const ms = (us: number): number => Math.round(us) / 1000
    const at = (percentile: number): number => ms(histogram.getValueAtPercentile(percentile))
    return {
      what,
      messages: histogram.totalCount,
      rate: Math.round(histogram.totalCount / this.#options.seconds),
      'p50 ms': at(50),
      'p90 ms': at(90),
      'p99 ms': at(99),
      'p99.9 ms': at(99.9),
      'max ms': ms(histogram.maxValue),
    }
  }
}
