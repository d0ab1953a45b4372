import { SeededRandom } from '../base/host/seeded-random.ts'
import { SimulatedNetwork } from '../base/host/simulated-net.ts'
import { VirtualClock } from '../base/host/virtual-clock.ts'
import type { Connection, Endpoint, Logger } from '../base/host.ts'
import { Turn } from '../base/turn.ts'
import { RemotingClient, type RemotingClientOptions } from './remoting-client.ts'
import { RemotingServer, type RemotingServerOptions } from './remoting-server.ts'
import { RequestDispatcher } from './request-dispatcher.ts'

export const CLIENT_IP = '10.0.0.1'
export const SERVER_IP = '10.0.0.2'

const PORT = 10_911

/** Where the server of `TestEnds` listens, as clients write it. */
export const SERVER_ADDRESS = `${SERVER_IP}:${PORT}`

/** A log that remembers its warnings and errors. */
export class TestLog implements Logger {
  readonly lines: string[] = []

  debug(): void {}

  info(_fields: object, text: string): void {
    this.lines.push(text)
  }

  warn(_fields: object, text: string): void {
    this.lines.push(text)
  }

  error(_fields: object, text: string): void {
    this.lines.push(text)
  }
}

/** A server and clients on a simulated network, in virtual time. */
export class TestEnds {
  readonly clock = new VirtualClock(1_795_000_000_000)
  readonly network: SimulatedNetwork
  readonly log = new TestLog()
  readonly turn = new Turn(this.clock)
  /** Of the server. */
  readonly dispatcher = new RequestDispatcher(this.log)
  readonly server: RemotingServer
  readonly #serverOptions: Partial<RemotingServerOptions>

  constructor(serverOptions: Partial<RemotingServerOptions> = {}, seed = 1) {
    this.network = new SimulatedNetwork(this.clock, new SeededRandom(seed))
    this.#serverOptions = serverOptions
    this.server = this.#makeServer()
  }

  async listen(): Promise<void> {
    await this.server.listen({ host: SERVER_IP, port: PORT })
  }

  client(options: Partial<RemotingClientOptions> = {}): RemotingClient {
    const { clock, log, turn } = this
    const net = this.network.net(CLIENT_IP)
    return new RemotingClient({ clock, net, log, turn, dispatcher: new RequestDispatcher(log), ...options })
  }

  /** A connection without any remoting on the client's side. */
  async rawConnection(): Promise<Connection> {
    const to: Endpoint = { host: SERVER_IP, port: PORT }
    return this.result(this.network.net(CLIENT_IP).connect(to, 3000))
  }

  /** Lets time pass until the promise is settled. */
  async result<Value>(promise: Promise<Value>, withinMs = 200_000): Promise<Value> {
    return this.clock.advanceUntilSettled(promise, withinMs)
  }

  #makeServer(): RemotingServer {
    const { clock, log, turn, dispatcher } = this
    const net = this.network.net(SERVER_IP)
    return new RemotingServer({ clock, net, log, turn, dispatcher, ...this.#serverOptions })
  }
}
