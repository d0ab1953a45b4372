import { Remoting } from '../peer/remoting.ts'

const PULL_MESSAGE = 11
const PULL_NOT_FOUND = 19
const PULL_MESSAGES_MAX = 32
const HOLD_MS = 2000

/** Reads the newest messages of a topic as they come: a pull outstanding for each queue, held while there is nothing. */
export class TailReader {
  /** Messages that came. */
  count = 0
  readonly #broker: Remoting
  readonly #topic: string
  readonly #loops: Promise<void>[]
  #isStopped = false

  private constructor(broker: Remoting, topic: string, offsets: readonly number[]) {
    this.#broker = broker
    this.#topic = topic
    this.#loops = offsets.map((offset, queueId) => this.#read(queueId, offset))
  }

  /** Begins at the end of each queue. */
  static async start(port: number, topic: string, queues: number): Promise<TailReader> {
    const broker = await Remoting.open(port)
    const ids = Array.from({ length: queues }, (_, queueId) => queueId)
    const offsets = await Promise.all(ids.map((queueId) => broker.maxOffset(topic, queueId)))
    return new TailReader(broker, topic, offsets)
  }

  async stop(): Promise<void> {
    this.#isStopped = true
    await Promise.all(this.#loops)
    this.#broker.close()
  }

  async #read(queueId: number, from: number): Promise<void> {
    for (let offset = from; !this.#isStopped; ) {
      const fields = {
        ...{ consumerGroup: 'bench_backlog_tail', topic: this.#topic, queueId: String(queueId) },
        ...{ queueOffset: String(offset), maxMsgNums: String(PULL_MESSAGES_MAX), sysFlag: '6' },
        ...{ commitOffset: '0', suspendTimeoutMillis: String(HOLD_MS), subscription: '*', subVersion: '0' },
        expressionType: 'TAG',
      }
      const answer = await this.#broker.call(PULL_MESSAGE, fields, 60_000)
      if (answer.code !== 0 && answer.code !== PULL_NOT_FOUND)
        throw new Error(`pull of ${this.#topic} ${queueId} at ${offset}: ${answer.code} ${answer.remark}`)
      const next = answer.code === 0 ? Number(answer.fields.nextBeginOffset) : offset
      this.count += next - offset
      offset = next
    }
  }
}
