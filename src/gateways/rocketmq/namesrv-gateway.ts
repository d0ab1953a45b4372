import type { Endpoint, Host } from '../../base/host.ts'
import type { Turn } from '../../base/turn.ts'
import type { NameServer } from '../../nameserver/name-server.ts'
import { RemotingServer } from '../../remoting/remoting-server.ts'
import { RequestDispatcher } from '../../remoting/request-dispatcher.ts'

/** Puts a NameServer on a socket. */
export class NamesrvGateway {
  readonly #nameServer: NameServer
  readonly #server: RemotingServer
  readonly #dispatcher: RequestDispatcher

  constructor(nameServer: NameServer, host: Host, turn: Turn) {
    this.#nameServer = nameServer
    const { clock, net, log } = host
    const dispatcher = new RequestDispatcher(log)
    dispatcher.add(nameServer.handlers())
    this.#dispatcher = dispatcher
    this.#server = new RemotingServer({
      ...{ clock, net, log, turn, dispatcher },
      onClosed: ({ id }) => nameServer.connectionClosed(id),
    })
  }

  /** Codes that are answered. */
  get codes(): number[] {
    return this.#dispatcher.codes
  }

  /** Listens. @returns where, with the port that was taken @throws MqError portTaken */
  listen(at: Endpoint): Promise<Endpoint> {
    return this.#server.listen(at)
  }

  async close(): Promise<void> {
    await this.#server.close()
    await this.#nameServer.stop()
  }
}
