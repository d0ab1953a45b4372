import { connect, type Socket } from 'node:net'

/** An answer: header code, header fields and body. */
export interface Answer {
  readonly code: number
  readonly remark: string
  readonly fields: Readonly<Record<string, string>>
  readonly body: Buffer
}

const TOPIC_OF_DEFAULTS = 'TBW102'

/** One remoting frame with a JSON header: total length, header length, header, body. */
export function remotingFrame(header: object, body: Buffer): Buffer {
  const text = Buffer.from(JSON.stringify(header))
  const lengths = Buffer.alloc(8)
  lengths.writeUInt32BE(4 + text.length + body.length, 0)
  lengths.writeUInt32BE(text.length, 4)
  return Buffer.concat([lengths, text, body])
}

/** Header of SEND_MESSAGE_V2 to a topic that the send itself may create, with four queues. */
export function sendHeader(topic: string, queueId: number, opaque: number): object {
  const extFields = {
    ...{ a: 'bench_probe', b: topic, c: TOPIC_OF_DEFAULTS, d: '4', e: String(queueId), f: '0' },
    ...{ g: String(Date.now()), h: '0', i: '', j: '0', k: 'false', l: '0', m: 'false' },
  }
  return { code: 310, language: 'OTHER', version: 435, opaque, flag: 0, extFields }
}

/**
 * A raw client of RocketMQ's remoting protocol that can ask for a route and send a message: enough to see from outside
 * whether a server works. It shares no code with TernMQ on purpose.
 */
export class Remoting {
  readonly #socket: Socket
  readonly #waiting = new Map<number, (answer: Answer | Error) => void>()
  #received: Buffer = Buffer.alloc(0)
  #opaque = 1
  #closed = false

  private constructor(socket: Socket) {
    this.#socket = socket
    socket.on('data', (chunk: Buffer) => this.#take(chunk))
    socket.on('close', () => this.#close())
    socket.on('error', () => {}) // 'close' follows
  }

  /** @throws Error when nobody accepts within the limit */
  static open(port: number, limitMs = 1000): Promise<Remoting> {
    return new Promise((resolve, reject) => {
      const socket = connect({ host: '127.0.0.1', port, noDelay: true })
      const timer = setTimeout(() => socket.destroy(new Error(`no connection to port ${port}`)), limitMs)
      socket.once('error', reject)
      socket.once('close', () => clearTimeout(timer))
      socket.once('connect', () => {
        clearTimeout(timer)
        resolve(new Remoting(socket))
      })
    })
  }

  get isClosed(): boolean {
    return this.#closed
  }

  /** @throws Error when the connection is lost or no answer comes within the limit */
  call(code: number, extFields: Readonly<Record<string, string>>, limitMs = 1000): Promise<Answer> {
    const opaque = this.#opaque++
    return this.#ask(opaque, { code, language: 'OTHER', version: 435, opaque, flag: 0, extFields }, limitMs)
  }

  /** Port of the master that serves a topic, undefined while the name server has no route for it. */
  async routePort(topic: string = TOPIC_OF_DEFAULTS): Promise<number | undefined> {
    const answer = await this.call(105, { topic })
    if (answer.code !== 0) return undefined
    // RocketMQ writes the broker id, a number, without quotes, which JSON.parse refuses.
    const port = /"brokerAddrs":\{"?0"?:"[^"]+:(\d+)"/.exec(answer.body.toString())?.[1]
    return port === undefined ? undefined : Number(port)
  }

  /** Sends one message; the answer's code is 0 when it is stored. */
  send(topic: string, body: Buffer, queueId = 0): Promise<Answer> {
    const opaque = this.#opaque++
    return this.#ask(opaque, sendHeader(topic, queueId, opaque), 3000, body)
  }

  /** Makes a topic. @throws Error when it is refused */
  async createTopic(topic: string, queues: number): Promise<void> {
    const count = String(queues)
    const fields = { topic, defaultTopic: TOPIC_OF_DEFAULTS, readQueueNums: count, writeQueueNums: count }
    const { code, remark } = await this.call(
      17,
      { ...fields, perm: '6', topicFilterType: 'SINGLE_TAG', topicSysFlag: '0', order: 'false' },
      30_000,
    )
    if (code !== 0) throw new Error(`topic ${topic} is not made: ${code} ${remark}`)
  }

  /** One more than the last offset of a queue. */
  async maxOffset(topic: string, queueId: number): Promise<number> {
    const answer = await this.call(30, { topic, queueId: String(queueId), committed: 'false' })
    if (answer.code !== 0)
      throw new Error(`max offset of ${topic} ${queueId}: ${answer.code} ${answer.remark}`)
    return Number(answer.fields.offset)
  }

  close(): void {
    this.#socket.destroy()
  }

  #ask(opaque: number, header: object, limitMs: number, body: Buffer = Buffer.alloc(0)): Promise<Answer> {
    return new Promise((resolve, reject) => {
      if (this.#closed) return reject(new Error('the connection is closed'))
      const timer = setTimeout(() => settle(new Error(`no answer within ${limitMs} ms`)), limitMs)
      const settle = (answer: Answer | Error) => {
        clearTimeout(timer)
        this.#waiting.delete(opaque)
        if (answer instanceof Error) reject(answer)
        else resolve(answer)
      }
      this.#waiting.set(opaque, settle)
      this.#socket.write(remotingFrame(header, body))
    })
  }

  #take(chunk: Buffer): void {
    this.#received = Buffer.concat([this.#received, chunk])
    while (this.#received.length >= 8) {
      const end = 4 + this.#received.readUInt32BE(0)
      if (this.#received.length < end) return
      const bodyAt = 8 + this.#received.readUIntBE(5, 3)
      const { opaque, ...answer } = readHeader(this.#received.toString('utf8', 8, bodyAt))
      this.#waiting.get(opaque)?.({ ...answer, body: this.#received.subarray(bodyAt, end) })
      this.#received = this.#received.subarray(end)
    }
  }

  #close(): void {
    this.#closed = true
    for (const settle of this.#waiting.values()) settle(new Error('the connection was lost'))
  }
}

function readHeader(text: string): Omit<Answer, 'body'> & { opaque: number } {
  const header: unknown = JSON.parse(text)
  if (typeof header !== 'object' || header === null) throw new SyntaxError(`not a header: ${text}`)
  const values = new Map<string, unknown>(Object.entries(header))
  const extFields = values.get('extFields')
  const fields: Record<string, string> = {}
  for (const [name, value] of Object.entries(extFields ?? {})) fields[name] = String(value)
  return {
    code: Number(values.get('code')),
    opaque: Number(values.get('opaque')),
    remark: String(values.get('remark') ?? ''),
    fields,
  }
}
