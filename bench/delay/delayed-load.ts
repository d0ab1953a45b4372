import { FrameStream } from '../peer/frame-stream.ts'
import { pause } from '../peer/interruption.ts'
import { Lateness, type LatenessFigures } from './lateness.ts'

const QUEUES = 4
const BODY_BYTES = 64

/** Requests that may be unanswered, where as many are sent as the server takes. */
const WINDOW = 2000

/** Where the body begins in a record of an IPv4 host. */
const BODY_AT = 88

/** A second of delay is what all messages of the lateness loads ask for. */
const DELAY_MS = 1000

/** How long the last ones are waited for. */
const REST_MS = 30_000

/** How messages ask for a delay: the properties of a send. */
export type DelayProperties = (sequence: number) => string

/** Sends so many messages a second, each delayed by a second, and pulls them: how late is each? */
export async function latenessOf(
  port: number,
  load: { topic: string; properties: DelayProperties; ratePerS: number; seconds: number },
): Promise<LatenessFigures & { readonly duplicates: number }> {
  const lateness = new Lateness()
  const pulls = await pullAll(port, load.topic, (body) => {
    lateness.add(body.readUInt32BE(8), performance.now() - body.readDoubleBE(0) - DELAY_MS)
  })
  const sends = await Sends.open(port, load.topic, load.properties)
  const startMs = performance.now()
  while (performance.now() - startMs < load.seconds * 1000) {
    const wanted = Math.floor(((performance.now() - startMs) * load.ratePerS) / 1000)
    while (sends.count < wanted) sends.send()
    await pause(1)
  }
  const endMs = performance.now() + REST_MS
  while (lateness.count < sends.count && performance.now() < endMs) await pause(10)
  sends.close()
  for (const pull of pulls) pull.close()
  return { ...lateness.figures(sends.count), duplicates: lateness.duplicates }
}

/** Sends messages that are due later, as fast as the server takes them. */
export async function sendPending(
  port: number,
  load: { topic: string; properties: DelayProperties; count: number },
): Promise<void> {
  const sends = await Sends.open(port, load.topic, load.properties)
  while (sends.answered < load.count) {
    while (sends.count < load.count && sends.count - sends.answered < WINDOW) sends.send()
    await pause(1)
  }
  sends.close()
}

/** One connection that sends. */
class Sends {
  count = 0
  answered = 0
  #failure: string | undefined
  #stream: FrameStream | undefined
  readonly #topic: string
  readonly #properties: DelayProperties

  private constructor(topic: string, properties: DelayProperties) {
    this.#topic = topic
    this.#properties = properties
  }

  static async open(port: number, topic: string, properties: DelayProperties): Promise<Sends> {
    const sends = new Sends(topic, properties)
    sends.#stream = await FrameStream.open(port, ({ code, remark }) => {
      sends.answered++
      if (code !== 0) sends.#failure ??= `${code} ${remark}`
    })
    return sends
  }

  /** @throws Error when one was refused */
  send(): void {
    if (this.#failure !== undefined) throw new Error(`a send was refused: ${this.#failure}`)
    const sequence = this.count++
    const body = Buffer.alloc(BODY_BYTES, 'a')
    body.writeUInt32BE(sequence, 8)
    const extFields = {
      ...{ a: 'bench_delay', b: this.#topic, c: 'TBW102', d: '4', e: String(sequence % QUEUES), f: '0' },
      ...{ g: String(Date.now()), h: '0', i: this.#properties(sequence), j: '0', k: 'false', m: 'false' },
    }
    const header = { code: 310, language: 'OTHER', version: 435, opaque: sequence, flag: 0, extFields }
    body.writeDoubleBE(performance.now(), 0)
    this.#stream?.write(header, body)
  }

  close(): void {
    this.#stream?.close()
  }
}

/** Pulls all queues of a topic from the beginning, waiting at their ends. */
async function pullAll(port: number, topic: string, take: (body: Buffer) => void): Promise<FrameStream[]> {
  return Promise.all(
    Array.from({ length: QUEUES }, async (_, queueId) => {
      let offset = 0
      const stream = await FrameStream.open(port, ({ code, extFields }, records) => {
        if (code === 0) for (const body of bodiesOf(records)) take(body)
        offset = Number(extFields?.nextBeginOffset ?? offset)
        pull()
      })
      const pull = (): void => {
        const extFields = {
          ...{ consumerGroup: 'bench_delay', topic, queueId: String(queueId), queueOffset: String(offset) },
          // waits, and brings its subscription along
          ...{ maxMsgNums: '1024', sysFlag: '6', commitOffset: '0', suspendTimeoutMillis: '15000' },
          ...{ subscription: '*', subVersion: '0', expressionType: 'TAG' },
        }
        stream.write({ code: 11, language: 'OTHER', version: 435, opaque: offset, flag: 0, extFields })
      }
      pull()
      return stream
    }),
  )
}

function* bodiesOf(records: Buffer): Generator<Buffer> {
  for (let at = 0; at < records.length; at += records.readUInt32BE(at)) {
    yield records.subarray(at + BODY_AT, at + BODY_AT + records.readUInt32BE(at + BODY_AT - 4))
  }
}
