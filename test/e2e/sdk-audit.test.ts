import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { Client, Consumer, Producer, ReceivedMessage } from '#ternmq/client/index.ts'
import { createTestBroker, type TestBroker } from '#ternmq/testing/index.ts'

const topic = 'audited'
const QUEUES = 4
const MESSAGES_PER_QUEUE = 150

/** Numbered messages as they arrive: every queue's are to come in a row, from 0 to the last. */
class Audit {
  readonly #next = Array<number>(QUEUES).fill(0)
  readonly faults: string[] = []
  duplicates = 0
  /** The highest number that may be sent now. */
  allowed = 30

  take({ queue, text }: ReceivedMessage): void {
    const number = Number(text)
    const next = this.#next[queue.queueId] ?? 0
    if (number === next) this.#next[queue.queueId] = next + 1
    else if (number < next) this.duplicates++
    else this.faults.push(`queue ${queue.queueId}: ${number} where ${next} was due`)
  }

  get count(): number {
    return this.#next.reduce((sum, next) => sum + next, 0)
  }

  get isDone(): boolean {
    return this.#next.every((next) => next === MESSAGES_PER_QUEUE)
  }
}

/**
 * Sends the numbers of one queue one after the other, each until it is acknowledged, and as fast as those who read
 * them take notice: what happens to the group is to happen in the middle.
 */
async function sendNumbers(producer: Producer, queueIndex: number, audit: Audit): Promise<void> {
  for (let number = 0; number < MESSAGES_PER_QUEUE; ) {
    while (audit.allowed < number) await new Promise((resolve) => setTimeout(resolve, 1))
    try {
      await producer.send({ topic, body: String(number) }, { queueIndex })
      number++
    } catch (error) {
      if (!(error instanceof Error && 'retriable' in error && error.retriable)) throw error
    }
  }
}

/** Lets time pass until it is so, half a second at a time. */
async function pass(broker: TestBroker, isSo: () => boolean): Promise<void> {
  const startMs = broker.nowMs
  while (!isSo()) {
    await broker.advance('500ms')
    if (broker.nowMs - startMs > 10 * 60_000) throw new Error(`it did not come: ${isSo.toString()}`)
  }
}

function ordered(client: Client, audit: Audit): Consumer {
  const consumer = client.consumer({ group: 'auditors', topic, from: 'earliest', ordered: true })
  let count = 0
  void consumer.run(async (message) => {
    // some handlers take their time, and some fail
    if (++count % 7 === 0) await new Promise((resolve) => setImmediate(resolve))
    if (count % 50 === 0) throw new Error('not now')
    audit.take(message)
  })
  return consumer
}

describe('the SDK', () => {
  it('loses nothing and keeps the order through rebalances and restarts of the broker', async () => {
    await using broker = await createTestBroker()
    await broker.createTopic(topic, QUEUES)
    const audit = new Audit()
    const producer = (await broker.connect()).producer({ timeoutMs: 1000 })
    const sending = Promise.all(
      Array.from({ length: QUEUES }, (_, queue) => sendNumbers(producer, queue, audit)),
    )
    const [one, two, three] = [await broker.connect(), await broker.connect(), await broker.connect()]
    const first = ordered(one, audit)
    await pass(broker, () => audit.count > 50)
    const second = ordered(two, audit)
    await pass(broker, () => second.queues.length > 1)
    audit.allowed = 70
    await pass(broker, () => audit.count > 150)
    await broker.stop()
    audit.allowed = 100
    await broker.advance('5s')
    await broker.start()
    await pass(broker, () => audit.count > 300)
    await first.close()
    ordered(three, audit)
    audit.allowed = 130
    await pass(broker, () => audit.count > 450)
    audit.allowed = MESSAGES_PER_QUEUE
    await broker.stop()
    await broker.start()
    await second.close()
    await pass(broker, () => audit.isDone)
    await sending
    assert.deepEqual(audit.faults, [])
    assert.equal(audit.count, QUEUES * MESSAGES_PER_QUEUE)
    // what was handled and not committed comes again: at most what was on its way at each change
    assert.ok(audit.duplicates < audit.count, `${audit.duplicates} duplicates`)
  })
})
