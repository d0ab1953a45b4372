import assert from 'node:assert/strict'
import { type ErrorKind, MqError } from '../../base/errors.ts'
import { FaultyDisk } from '../../base/host/faulty-disk.ts'
import { VirtualClock } from '../../base/host/virtual-clock.ts'
import { SystemTopic } from '../../protocol/names.ts'
import type { StoreSettings } from '../../store/store-settings.ts'
import { TEST_START_MS, testHost } from '../../store/test-store.ts'
import type { BrokerSettings } from '../broker-settings.ts'
import { TestBroker } from '../test-broker.ts'
import type { EndRequest } from './half-messages.ts'
import type { TransactionCheck } from './transaction-checks.ts'

/** A half message as its producer knows it. */
export interface Half {
  readonly physicalOffset: number
  readonly queueOffset: number
}

interface TestOptions {
  readonly settings?: Partial<BrokerSettings>
  readonly store?: Partial<StoreSettings>
}

export const TX_GROUP = 'tx-group'

/** A broker with producers of transactions. */
export class TestTransactions {
  readonly test: TestBroker
  readonly disk: FaultyDisk
  /** What producers were asked. */
  readonly asked: TransactionCheck[] = []
  readonly #options: TestOptions
  readonly #groups: [group: string, connectionId: number][] = []

  private constructor(disk: FaultyDisk, clock: VirtualClock, options: TestOptions) {
    this.disk = disk
    this.#options = options
    this.test = TestBroker.open({ host: testHost(disk, clock), ...options })
    this.test.broker.transactions.onCheck = ({ connectionId, message }) => {
      // what it shows is a view of memory that is used again
      this.asked.push({ connectionId, message: { ...message, body: Buffer.from(message.body) } })
    }
  }

  /** A broker with the topic `orders` of two queues, and one client of the group. */
  static open(options: TestOptions = {}): TestTransactions {
    const clock = new VirtualClock(TEST_START_MS)
    const tx = new TestTransactions(new FaultyDisk({ clock }), clock, options)
    tx.test.topic('orders', 2)
    tx.produce(TX_GROUP, 2)
    return tx
  }

  /** The broker after kill -9: what the kernel had is there, nothing else. Producers come back. */
  killed(laterMs = 0): TestTransactions {
    const clock = new VirtualClock(this.test.clock.nowMs() + laterMs)
    const tx = new TestTransactions(this.disk.afterProcessKill(), clock, this.#options)
    // the topic may have been younger than what the disk has
    tx.test.topic('orders', 2)
    tx.produce(TX_GROUP, 2)
    return tx
  }

  /** The same after a clean stop. */
  async restarted(): Promise<TestTransactions> {
    await this.test.close()
    return this.killed()
  }

  /** Sends a message of a transaction to queue 1 of `orders`. */
  async prepare(body: string, properties: Readonly<Record<string, string>> = {}): Promise<Half> {
    const sent = { TRAN_MSG: 'true', PGROUP: TX_GROUP, UNIQ_KEY: `key-${body}`, ...properties }
    const queueOffset = this.halfCount
    const physicalOffset = await this.test.send({
      topic: 'orders',
      queueId: 1,
      body,
      sysFlag: 4,
      properties: sent,
    })
    return { physicalOffset, queueOffset }
  }

  /** Asks to end a transaction within the present turn. @returns what is answered, once it is: 'ok' or the kind of the error */
  ask(half: Half, ending: EndRequest['ending'], more: Partial<EndRequest> = {}): Promise<'ok' | ErrorKind> {
    const request = { group: TX_GROUP, ...half, ending, isFromCheck: false, ...more }
    return new Promise((resolve, reject) => {
      try {
        this.test.broker.transactions.end(request, (error) => resolve(error?.kind ?? 'ok'))
      } catch (error) {
        if (error instanceof MqError) resolve(error.kind)
        else reject(error)
      }
    })
  }

  async end(half: Half, ending: EndRequest['ending'], more?: Partial<EndRequest>): Promise<'ok' | ErrorKind> {
    const answer = this.ask(half, ending, more)
    await this.test.clock.settle()
    return answer
  }

  commit(half: Half, more?: Partial<EndRequest>): Promise<'ok' | ErrorKind> {
    return this.end(half, 'COMMITTED', more)
  }

  rollBack(half: Half, more?: Partial<EndRequest>): Promise<'ok' | ErrorKind> {
    return this.end(half, 'ROLLED_BACK', more)
  }

  /** Lets rounds of checks go by, with producers whose heartbeats come. */
  async rounds(count: number): Promise<void> {
    for (let i = 0; i < count; i++) {
      for (const group of this.#groups) this.test.produce(...group)
      await this.test.clock.advance(this.test.broker.settings.transactionCheckInterval)
    }
  }

  /** A client of a group, with its heartbeats. */
  produce(group: string, connectionId: number): void {
    this.#groups.push([group, connectionId])
    this.test.produce(group, connectionId)
  }

  /** The copy of which a check spoke. */
  checked(index: number): Half {
    const check = this.asked[index]
    assert.ok(check, `there was no check ${index}`)
    return { physicalOffset: check.message.commitLogOffset, queueOffset: check.message.queueOffset }
  }

  /** Messages in the half queue, copies too. */
  get halfCount(): number {
    return this.test.broker.store.queues.existing(SystemTopic.TRANS_HALF, 0)?.maxOffset ?? 0
  }

  /** What consumers see. */
  bodies(): Promise<string[]> {
    return this.test.bodies('orders', 1)
  }

  async parked(): Promise<string[]> {
    return this.test.bodies(SystemTopic.TRANS_CHECK_MAX_TIME)
  }

  /** Bodies of the op messages. */
  ops(): Promise<string[]> {
    return this.test.bodies(SystemTopic.TRANS_OP_HALF)
  }

  async close(): Promise<void> {
    await this.test.close()
  }
}
