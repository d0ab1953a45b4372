// The load of the crash test, in a process of its own: sends and consumes while the broker is killed, and
// says on standard
// output what was acknowledged and committed. Orders come on standard input: `go TOPIC...`, `stop`, and its
// end.
import { createInterface } from 'node:readline'
import {
  type Client,
  ClientError,
  connect,
  type LitePullConsumer,
  type Producer,
} from '#ternmq/client/index.ts'
import { writeLine } from './load-report.ts'
import { bodyOf } from './payload.ts'

const SENDERS = 32
const BATCH_COUNT = 20
const GROUP = 'crash-group'

const [namesrv = ''] = process.argv.slice(2)

/** One stretch of load, from `go` to `stop`. */
class Round {
  static #nextNumber = 0
  readonly #producer: Producer
  readonly #topics: readonly string[]
  #isStopped = false
  readonly #workers: Promise<void>[]

  constructor(producer: Producer, consumer: LitePullConsumer, topics: readonly string[]) {
    this.#producer = producer
    this.#topics = topics
    this.#workers = Array.from({ length: SENDERS }, (_, index) => this.#send(index))
    this.#workers.push(this.#consume(consumer))
  }

  async stop(): Promise<void> {
    this.#isStopped = true
    await Promise.all(this.#workers)
    writeLine({ kind: 'end', numberEnd: Round.#nextNumber })
  }

  async #send(index: number): Promise<void> {
    while (!this.#isStopped) {
      try {
        if (index === 0) await this.#sendBatch()
        else await this.#sendOne()
      } catch (error) {
        // the broker is dead: nothing to do until the next round
        if (!(error instanceof ClientError)) throw error
        await turn()
      }
    }
  }

  async #sendOne(): Promise<void> {
    const number = Round.#nextNumber++
    const topic = this.#topicOf(number)
    const { queue, queueOffset: offset } = await this.#producer.send({ topic, body: bodyOf(number) })
    writeLine({ kind: 'ack', queue: `${topic}/${queue.queueId}`, offset, number })
  }

  async #sendBatch(): Promise<void> {
    const first = Round.#nextNumber
    Round.#nextNumber += BATCH_COUNT
    const topic = this.#topicOf(first)
    const messages = Array.from({ length: BATCH_COUNT }, (_, i) => ({ topic, body: bodyOf(first + i) }))
    const { queue, queueOffset } = await this.#producer.sendBatch(messages)
    for (let i = 0; i < BATCH_COUNT; i++) {
      const offset = queueOffset + i
      writeLine({ kind: 'ack', queue: `${topic}/${queue.queueId}`, offset, number: first + i })
    }
  }

  async #consume(consumer: LitePullConsumer): Promise<void> {
    while (!this.#isStopped) {
      try {
        await consumer.pull({ waitMs: 20 })
        const before = consumer.queues.map((queue) => ({ queue, offset: consumer.position(queue) }))
        await consumer.commit()
        // what `commit` has settled itself may have gone further, never less far
        for (const { queue, offset } of before) {
          writeLine({ kind: 'commit', queue: `${queue.topic}/${queue.queueId}`, offset })
        }
      } catch (error) {
        if (!(error instanceof ClientError)) throw error
        await turn()
      }
    }
  }

  #topicOf(number: number): string {
    return this.#topics[number % this.#topics.length] ?? ''
  }
}

function turn(): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, 5)
  })
}

/** Repeats what a broker that has just been started may not answer in time. */
async function untilDone(act: () => Promise<void>): Promise<void> {
  for (;;) {
    try {
      await act()
      return
    } catch (error) {
      if (!(error instanceof ClientError) || !error.retriable) throw error
      await turn()
    }
  }
}

async function main(): Promise<void> {
  const client: Client = await connect({ namesrv })
  // a message is tried once, so that it is stored once at most
  const producer = client.producer({ retries: 0, timeoutMs: 2000 })
  const consumer = client.litePull({ group: GROUP, from: 'earliest', autoCommit: false, pullSuspendMs: 500 })
  let round: Round | undefined
  const known = new Set<string>()
  writeLine({ kind: 'ready' })
  for await (const line of createInterface({ input: process.stdin })) {
    const [order, ...topics] = line.split(' ')
    if (order === 'go') {
      for (const topic of topics) if (!known.has(topic)) await untilDone(() => consumer.subscribe(topic))
      for (const topic of topics) known.add(topic)
      round = new Round(producer, consumer, topics)
    } else if (order === 'stop') await round?.stop()
  }
  await client.close()
}

await main()
