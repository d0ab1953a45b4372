import { MemoryDisk } from '../base/host/memory-disk.ts'
import { SeededRandom } from '../base/host/seeded-random.ts'
import { SimulatedNetwork } from '../base/host/simulated-net.ts'
import { VirtualClock } from '../base/host/virtual-clock.ts'
import type { Disk, Host, Logger } from '../base/host.ts'
import { Turn } from '../base/turn.ts'
import { PropertyScan } from '../protocol/property-scan.ts'
import { RecordScan } from '../protocol/record-scan.ts'
import { DELAY_LEVELS_DEFAULT } from './delay-levels.ts'
import { MessageDraft } from './message-draft.ts'
import { MessageStore } from './message-store.ts'
import type { AppendOutcome } from './pending-appends.ts'
import type { StoreSettings } from './store-settings.ts'

/** When virtual time begins in tests of the store. */
export const TEST_START_MS = 1_795_000_000_000

/** Settings of a small store, so that files roll after a few messages. */
export function testSettings(overrides: Partial<StoreSettings> = {}): StoreSettings {
  return {
    ...{
      rootDir: '/store',
      commitLogDir: '/store/commitlog',
      commitLogFileBytes: 4096,
      consumeQueueFileBytes: 20 * 20,
    },
    ...{ flushDiskType: 'ASYNC_FLUSH', flushIntervalMs: 500, syncFlushTimeoutMs: 5000 },
    appendsCrc: false,
    syncWriteBytesMax: 64 * 1024,
    acceptsHole: false,
    ...{ index: { slotCount: 50, entryCount: 40 }, delayLevels: DELAY_LEVELS_DEFAULT, processId: '1' },
    ...{ tailBytesMax: 2 * 1024 * 1024, cacheBytesMax: 1024 * 1024, handlesMax: 64 },
    readLimits: {
      ...{ hotCountMax: 32, hotBytesMax: 256 * 1024, coldCountMax: 8, coldBytesMax: 64 * 1024 },
      hotDistanceBytes: 1024 * 1024 * 1024,
    },
    retention: {
      ...{
        fileReservedHours: 72,
        deleteWhen: [4],
        maxUsedRatio: 0.75,
        cleanForciblyRatio: 0.85,
        warningRatio: 0.9,
      },
      isCleanForciblyEnabled: true,
    },
    ...overrides,
  }
}

export const silentLog: Logger = {
  debug: () => undefined,
  info: () => undefined,
  warn: () => undefined,
  error: () => undefined,
}

/** A host of virtual time around a disk. */
export function testHost(
  disk?: Disk,
  clock = new VirtualClock(TEST_START_MS),
  log: Logger = silentLog,
): Host & { clock: VirtualClock } {
  const random = new SeededRandom(1)
  const net = new SimulatedNetwork(clock, random.fork('net')).net('10.0.0.1')
  return { clock, random, disk: disk ?? new MemoryDisk({ clock }), net, log, memoryBytes: 8 * 1024 ** 3 }
}

export interface TestMessage {
  readonly topic: string
  readonly queueId?: number
  readonly body?: string | Buffer
  readonly properties?: Readonly<Record<string, string>>
  readonly sysFlag?: number
  readonly waitsForDisk?: boolean
}

export interface Answer {
  readonly outcome: AppendOutcome
  readonly queueOffset: number
  readonly physicalOffset: number
}

/** A store with what tests do to it. */
export class TestStore {
  readonly store: MessageStore
  readonly host: Host & { clock: VirtualClock }
  readonly #draft = new MessageDraft()
  readonly #properties = new PropertyScan()

  constructor(host: Host & { clock: VirtualClock } = testHost(), settings: StoreSettings = testSettings()) {
    this.host = host
    this.store = new MessageStore(host, new Turn(host.clock), settings)
  }

  /** Appends within the present turn. @throws what the store throws */
  append(message: TestMessage, answered: (answer: Answer) => void = () => undefined): number {
    const { store } = this
    const draft = this.#draft
    const topic = store.topic(message.topic)
    const body = Buffer.from(message.body ?? 'body')
    const text = Object.entries(message.properties ?? {}).map(
      ([name, value]) => `${name}\u0001${value}\u0002`,
    )
    const properties = Buffer.from(text.join(''))
    this.#properties.read(properties, 0, properties.length)
    Object.assign(draft, {
      ...{ queue: store.queues.queue(topic, message.queueId ?? 0), topic: topic.topicBytes },
      ...{
        body,
        bodyAt: 0,
        bodyEnd: body.length,
        properties,
        propertiesAt: 0,
        propertiesEnd: properties.length,
      },
      ...{ bornHost: LOCALHOST, storeHost: LOCALHOST, bornTimestampMs: this.host.clock.nowMs() },
      ...{ sysFlag: message.sysFlag ?? 0, waitsForDisk: message.waitsForDisk ?? true },
      tagsCode: store.tagsCode.of(message.topic, this.#properties, this.host.clock.nowMs()),
    })
    draft.keys.collect(topic.keyHash, this.#properties)
    const waiter = {
      appended: (
        outcome: AppendOutcome,
        _token: number,
        _queueId: number,
        queueOffset: number,
        physicalOffset: number,
      ) => answered({ outcome, queueOffset, physicalOffset }),
    }
    return store.append(draft, waiter, 0)
  }

  /** Appends and waits for the answer. */
  async send(message: TestMessage): Promise<Answer> {
    let answer: Answer | undefined
    this.append(message, (given) => {
      answer = given
    })
    await this.host.clock.settle()
    if (!answer) await this.host.clock.advanceUntil(() => answer !== undefined, 60_000)
    return answer as Answer
  }

  /** Bodies of all messages of a queue from an offset on, read as consumers read. */
  async bodies(topic: string, queueId = 0, from?: number): Promise<string[]> {
    return (await this.records(topic, queueId, from)).map(({ body }) => body)
  }

  async records(topic: string, queueId = 0, from?: number): Promise<StoredMessage[]> {
    const found: StoredMessage[] = []
    const { reader, queues } = this.store
    const queue = queues.existing(topic, queueId)
    if (!queue) return found
    let offset = from ?? queue.minOffset
    for (;;) {
      const status = reader.read(queue, {
        queueOffset: offset,
        countMax: 32,
        bytesMax: 1024 * 1024,
        filter: undefined,
      })
      if (status === 'loading') {
        await reader.load()
        continue
      }
      if (status !== 'FOUND' && status !== 'NO_MATCHED_MESSAGE') return found
      offset = reader.nextBeginOffset
      const bytes = Buffer.alloc(reader.slices.bytes)
      reader.slices.copyTo(bytes, 0)
      found.push(...messagesIn(bytes))
    }
  }
}

const LOCALHOST = Buffer.from([127, 0, 0, 1, 0, 0, 0x2a, 0x9f])

/** A message as a reader gets it. */
export interface StoredMessage {
  readonly body: string
  readonly queueOffset: number
  readonly physicalOffset: number
  readonly storedMs: number
}

function messagesIn(bytes: Buffer): StoredMessage[] {
  const messages: StoredMessage[] = []
  const scan = new RecordScan()
  for (let at = 0; at < bytes.length; at += scan.bytes) {
    const kind = scan.read(bytes, at, bytes.length, Number(bytes.readBigInt64BE(at + 28)))
    if (kind !== 'message') throw new Error(`a pull holds a record that is ${kind}: ${scan.reason}`)
    const { queueOffset, physicalOffset, storeTimestampMs: storedMs } = scan
    const body = bytes.toString('utf8', scan.bodyAt, scan.bodyEnd)
    messages.push({ body, queueOffset, physicalOffset, storedMs })
  }
  return messages
}
