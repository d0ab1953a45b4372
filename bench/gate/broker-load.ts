import { MemoryDisk } from '#ternmq/base/host/memory-disk.ts'
import { RealClock } from '#ternmq/base/host/real-clock.ts'
import { RealRandom } from '#ternmq/base/host/real-random.ts'
import type { Host, Logger } from '#ternmq/base/host.ts'
import { SerializeType } from '#ternmq/protocol/frame.ts'
import { encodeBatch } from '#ternmq/protocol/message-batch.ts'
import { encodeCommand } from '#ternmq/protocol/remoting-command.ts'
import { RequestCode } from '#ternmq/protocol/request-code.ts'
import { loadConfig } from '#ternmq/server/load-config.ts'
import { System } from '#ternmq/server/system.ts'
import { type LoopConnection, LoopNet } from './loop-net.ts'

const TOPIC = 'gate-topic'
const CONNECTIONS = 4
const QUEUES = 4
const FRAMES_A_CHUNK = 32
const CHUNKS_A_RUN = 40
const BODY = Buffer.alloc(100, 0x62)

const silent: Logger = {
  debug: () => undefined,
  info: () => undefined,
  warn: () => undefined,
  error: () => undefined,
}

/** A broker in this process, and loads of the same number of messages for it. */
export class BrokerLoad {
  readonly messagesARun = CONNECTIONS * FRAMES_A_CHUNK * CHUNKS_A_RUN
  readonly #system: System
  readonly #connections: readonly LoopConnection[]
  readonly #json: Buffer
  readonly #binary: Buffer
  /** A batch for each queue. */
  readonly #batches: readonly Buffer[]
  readonly #header: string
  #sent = 0
  #pulled = 0

  private constructor(system: System, connections: readonly LoopConnection[]) {
    this.#system = system
    this.#connections = connections
    this.#json = chunkOf(SerializeType.JSON)
    this.#binary = chunkOf(SerializeType.ROCKETMQ)
    this.#batches = Array.from({ length: QUEUES }, (_, queueId) => batchFrame(queueId))
    this.#header = sendFrame(0, SerializeType.JSON).toString('latin1').slice(8, -BODY.length)
  }

  static async start(): Promise<BrokerLoad> {
    const clock = new RealClock()
    const net = new LoopNet()
    const disk = new MemoryDisk({ clock })
    const host: Host = { clock, net, disk, log: silent, random: new RealRandom(), memoryBytes: 1024 ** 3 }
    const flags = {
      namesrvPort: '0',
      listenPort: '10911',
      storePathRootDir: '/store',
      messageIndexEnable: 'true',
    }
    const config = await loadConfig(host, { flags, file: undefined, isInsecureOpen: false, environment: {} })
    const system = new System({ host, config, processId: 1, hasNamesrv: false, hasBroker: true })
    await system.start()
    return new BrokerLoad(
      system,
      Array.from({ length: CONNECTIONS }, () => net.open()),
    )
  }

  async stop(): Promise<void> {
    await this.#system.close()
  }

  /** Fixed work of about the same kind, that no change of the broker touches. */
  reference(): void {
    let length = 0
    for (let i = 0; i < this.messagesARun; i++) {
      const { extFields } = JSON.parse(this.#header)
      length += Buffer.from(extFields.i).length
    }
    if (length === 0) throw new Error('the reference did nothing')
  }

  sendJson(): void {
    this.#feed([this.#json])
  }

  sendBinary(): void {
    this.#feed([this.#binary])
  }

  /** Sends batches of 32. */
  sendBatches(): void {
    this.#feed(this.#batches)
  }

  /** Pulls as many messages as are sent in a run, 32 a request, from the newest part of each queue. */
  pull(): void {
    const [connection] = this.#connections
    const count = this.messagesARun / QUEUES
    for (let queueId = 0; queueId < QUEUES; queueId++) {
      const end = this.#system.broker?.store.queues.existing(TOPIC, queueId)?.maxOffset ?? 0
      for (let offset = end - count; offset < end; offset += 32) connection?.feed(pullFrame(queueId, offset))
    }
    this.#pulled += this.messagesARun
  }

  /** @throws Error when messages were not stored or not pulled: then nothing was measured */
  check(): void {
    const { broker } = this.#system
    const queue = broker?.store.queues.existing(TOPIC, 0)
    const stored = (queue?.maxOffset ?? 0) * QUEUES
    if (stored !== this.#sent)
      throw new Error(`${stored} messages are stored of ${this.#sent} that were sent`)
    const got = broker?.counters.gotten ?? 0
    if (got !== this.#pulled) throw new Error(`${got} messages were pulled of ${this.#pulled}`)
  }

  #feed(chunks: readonly Buffer[]): void {
    this.#sent += this.messagesARun
    for (let i = 0; i < CHUNKS_A_RUN; i++)
      for (const [index, connection] of this.#connections.entries()) {
        // a chunk belongs to who receives it
        connection.feed(Buffer.from(chunks[index % chunks.length] as Buffer))
      }
  }
}

function chunkOf(serializeType: number): Buffer {
  return Buffer.concat(Array.from({ length: FRAMES_A_CHUNK }, (_, i) => sendFrame(i, serializeType)))
}

function sendFrame(index: number, serializeType: number): Buffer {
  const properties = propertiesText(['KEYS', `order-${1000 + index}`], uniqueKey(index), WAIT, [
    'TAGS',
    'paid',
  ])
  const extFields = sendFields(index % QUEUES, properties, 'false')
  return encodeCommand(
    { code: RequestCode.SEND_MESSAGE_V2, opaque: index, extFields, body: BODY },
    serializeType,
  )
}

/** As the Java client writes it: each message with a key of its own, the batch with one more. */
function batchFrame(queueId: number): Buffer {
  const body = encodeBatch(
    Array.from({ length: FRAMES_A_CHUNK }, (_, i) => ({
      flag: 0,
      body: BODY,
      propertiesBytes: Buffer.from(propertiesText(uniqueKey(i), WAIT)),
    })),
  )
  const extFields = sendFields(queueId, propertiesText(uniqueKey(FRAMES_A_CHUNK), WAIT), 'true')
  return encodeCommand({ code: RequestCode.SEND_BATCH_MESSAGE, opaque: queueId, extFields, body })
}

type Pair = readonly [string, string]

const WAIT: Pair = ['WAIT', 'true']

function uniqueKey(index: number): Pair {
  return ['UNIQ_KEY', `7F00000123A418B4AAC2${String(index).padStart(12, '0')}`]
}

function propertiesText(...pairs: readonly Pair[]): string {
  return pairs.map(([name, value]) => `${name}\u0001${value}\u0002`).join('')
}

/** Fields of SEND_MESSAGE_V2. */
function sendFields(queueId: number, properties: string, isBatch: string): Record<string, string> {
  return {
    ...{ a: 'gate', b: TOPIC, c: 'TBW102', d: String(QUEUES), e: String(queueId), f: '0' },
    ...{ g: '1764180000000', h: '0', i: properties, j: '0', k: 'false', m: isBatch },
  }
}

function pullFrame(queueId: number, queueOffset: number): Buffer {
  const extFields = {
    ...{
      consumerGroup: 'TOOLS_CONSUMER',
      topic: TOPIC,
      queueId: String(queueId),
      queueOffset: String(queueOffset),
      maxMsgNums: '32',
    },
    ...{
      sysFlag: '4',
      commitOffset: '0',
      suspendTimeoutMillis: '0',
      subscription: '*',
      subVersion: '0',
      expressionType: 'TAG',
    },
  }
  return encodeCommand({ code: RequestCode.PULL_MESSAGE, opaque: 1, extFields })
}
