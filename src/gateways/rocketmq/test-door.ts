import type { Connection } from '../../base/host.ts'
import { TestBroker } from '../../broker/test-broker.ts'
import { FrameReader, SerializeType } from '../../protocol/frame.ts'
import { decodeCommand, encodeCommand, type RemotingCommand } from '../../protocol/remoting-command.ts'
import { ConnectionBudget } from '../../remoting/connection-budget.ts'
import { RocketmqGateway } from './rocketmq-gateway.ts'

const HOST = '10.0.0.1'

/** Longer than a frame and its answer are on their way, slow ones included. */
const ROUND_TRIP_MS = 250

/** What the door asks of a configuration, for tests that are about other things. */
const NO_CONFIG = {
  version: { counter: 0, stateVersion: 0, timestamp: 0 },
  properties: () => ({}),
  change: () => undefined,
  mayChange: () => false,
}

/** A request as a test writes it, whose answer comes now or later. */
interface Asked {
  readonly answer: RemotingCommand | undefined
  readonly isAnswered: boolean
}

/** The whole RocketMQ door of a test's broker, on a simulated network and in virtual time. */
export class TestDoor {
  readonly test: TestBroker
  readonly gateway: RocketmqGateway
  readonly #connections: TestConnection[] = []

  private constructor(test: TestBroker) {
    this.test = test
    const budget = new ConnectionBudget(test.clock)
    this.gateway = new RocketmqGateway(test.broker, {
      ...{ turn: test.turn, config: NO_CONFIG, budget, signer: undefined },
    })
  }

  static async open(options: Parameters<typeof TestBroker.open>[0] = {}): Promise<TestDoor> {
    const door = new TestDoor(TestBroker.open(options))
    await door.#within(door.gateway.listen({ host: HOST, port: 10_911 }))
    return door
  }

  /** A client of the door. */
  async connect(): Promise<TestConnection> {
    const { net } = this.test.host
    const made = await this.#within(net.connect({ host: HOST, port: 10_911 }, 3000))
    const connection = new TestConnection(this.test, made)
    this.#connections.push(connection)
    return connection
  }

  async close(): Promise<void> {
    for (const connection of this.#connections) connection.destroy()
    await this.#within(this.gateway.close())
    await this.test.close()
  }

  #within<Value>(promise: Promise<Value>): Promise<Value> {
    return this.test.clock.advanceUntilSettled(promise, 60_000)
  }
}

/** One client's connection: frames go out as bytes, and come back as commands by their number. */
export class TestConnection {
  /** Requests of the broker. */
  readonly pushed: RemotingCommand[] = []
  readonly #test: TestBroker
  readonly #connection: Connection
  readonly #reader = new FrameReader()
  readonly #answers = new Map<number, RemotingCommand>()
  #opaque = 0

  constructor(test: TestBroker, connection: Connection) {
    this.#test = test
    this.#connection = connection
    connection.start({
      data: (chunk) => {
        this.#reader.push(chunk)
        while (this.#reader.next()) this.#take()
      },
      drained: () => undefined,
      closed: () => undefined,
    })
  }

  /** Sends a request and lets its turn pass; what has to wait is answered later. */
  async ask(
    code: number,
    extFields: Readonly<Record<string, string>>,
    parts: { body?: Buffer; serializeType?: number } = {},
  ): Promise<Asked> {
    const { body, serializeType = SerializeType.JSON } = parts
    const opaque = ++this.#opaque
    this.#connection.write(encodeCommand({ code, opaque, extFields, ...(body && { body }) }, serializeType))
    const answers = this.#answers
    await this.#test.clock.advanceUntil(() => answers.has(opaque), ROUND_TRIP_MS)
    return {
      get answer() {
        return answers.get(opaque)
      },
      get isAnswered() {
        return answers.has(opaque)
      },
    }
  }

  /** Lets time pass: bytes take some on their way. */
  async pass(ms: number): Promise<void> {
    await this.#test.clock.advance(ms)
  }

  destroy(): void {
    this.#connection.destroy()
  }

  #take(): void {
    const { buffer, headerAt, bodyEnd } = this.#reader
    const answer = decodeCommand(Buffer.from(buffer.subarray(headerAt - 8, bodyEnd)))
    // requests of the broker have numbers of their own
    if ((answer.flag & 1) !== 0) this.#answers.set(answer.opaque, answer)
    else this.pushed.push(answer)
  }
}
