import type { MessageQueue } from '../protocol/message-queue.ts'
import { SEQUENCE, sequenceText, UNSURE_MAX } from '../protocol/sequence-mark.ts'
import type { Message } from './message.ts'
import type { Producer, SendOptions } from './producer.ts'
import type { SendResult } from './send-result.ts'

/** A number taken, and what its message tells of others. */
interface Taken {
  readonly number: number
  readonly unsure: readonly number[]
  readonly text: string
}

/** What one producer has sent to one queue. */
class QueueSequence {
  readonly #producer: string
  #last = 0
  #settled = 0
  /** Numbers behind `#settled` whose sends have ended. */
  readonly #ended = new Set<number>()
  /** Numbers whose sends have failed, until a message is stored that says so. */
  readonly #unsure = new Set<number>()

  constructor(producer: string) {
    this.#producer = producer
  }

  take(): Taken {
    const number = ++this.#last
    const all = [...this.#unsure].filter((each) => each <= this.#settled).sort((one, other) => one - other)
    const unsure = all.slice(0, UNSURE_MAX)
    // what does not fit is not said to be settled yet
    const settled = (all[UNSURE_MAX] ?? this.#settled + 1) - 1
    return { number, unsure, text: sequenceText({ producer: this.#producer, number, settled, unsure }) }
  }

  ended({ number, unsure }: Taken, isStored: boolean): void {
    if (isStored) for (const each of unsure) this.#unsure.delete(each)
    else this.#unsure.add(number)
    this.#ended.add(number)
    while (this.#ended.delete(this.#settled + 1)) this.#settled++
  }
}

/**
 * Numbers a producer's messages queue by queue, and says in each which of the ones before were acknowledged: by that an audit finds what
 * was acknowledged and is gone, and what was stored twice (`ternmq audit`). Each message goes to one queue and to no other, in
 * turn unless the options say otherwise.
 */
export class SequencedProducer {
  /** The name by which audits know this producer. */
  readonly id: string
  readonly #producer: Producer
  readonly #sequences = new Map<string, QueueSequence>()
  #sentCount = 0

  /** Made by `Client.sequencedProducer`. @param id a name that no other producer has ever had */
  constructor(producer: Producer, id: string) {
    this.#producer = producer
    this.id = id
  }

  /** @throws as `Producer.send` */
  async send(message: Message, options: SendOptions = {}): Promise<SendResult> {
    const queue = options.queue ?? (await this.#nextQueue(message.topic, options))
    const sequence = this.#sequenceOf(queue)
    const taken = sequence.take()
    const numbered = { ...message, properties: { ...message.properties, [SEQUENCE]: taken.text } }
    let isStored = false
    try {
      const result = await this.#producer.send(numbered, { ...options, queue })
      isStored = true
      return result
    } finally {
      sequence.ended(taken, isStored)
    }
  }

  async close(): Promise<void> {
    await this.#producer.close()
  }

  async #nextQueue(topic: string, options: SendOptions): Promise<MessageQueue> {
    const queues = await this.#producer.queues(topic, options)
    return queues[this.#sentCount++ % queues.length] as MessageQueue
  }

  #sequenceOf({ brokerName, queueId, topic }: MessageQueue): QueueSequence {
    const key = `${topic} ${brokerName} ${queueId}`
    const known = this.#sequences.get(key)
    if (known) return known
    const sequence = new QueueSequence(this.id)
    this.#sequences.set(key, sequence)
    return sequence
  }
}
