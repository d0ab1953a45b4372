import type { Authority } from '../../auth/authority.ts'
import type { Endpoint, Host } from '../../base/host.ts'
import type { Turn } from '../../base/turn.ts'
import type { NameServer } from '../../nameserver/name-server.ts'
import { CLIENT_BODY_BYTES_MAX } from '../../protocol/json-fields.ts'
import type { HandlerFamily } from '../../protocol/request.ts'
import { RequestCode } from '../../protocol/request-code.ts'
import type { ConnectionBudget } from '../../remoting/connection-budget.ts'
import { RemotingServer } from '../../remoting/remoting-server.ts'
import { RequestDispatcher } from '../../remoting/request-dispatcher.ts'
import { RequestGuard } from './request-guard.ts'

/** Puts a NameServer on a socket. */
export class NamesrvGateway {
  readonly #nameServer: NameServer
  readonly #host: Host
  readonly #dispatcher: RequestDispatcher
  readonly #server: RemotingServer

  /** @param parts its budget is shared by all listeners of the process */
  constructor(nameServer: NameServer, parts: { host: Host; turn: Turn; budget: ConnectionBudget }) {
    const { host, turn, budget } = parts
    this.#nameServer = nameServer
    const { clock, net, log } = host
    const dispatcher = new RequestDispatcher(log)
    this.#host = host
    this.#dispatcher = dispatcher
    // a registration is the table of a whole broker
    dispatcher.bodyBytesMax = (code) =>
      code === RequestCode.REGISTER_BROKER ? Number.POSITIVE_INFINITY : CLIENT_BODY_BYTES_MAX
    dispatcher.add(nameServer.handlers())
    this.#server = new RemotingServer({
      ...{ clock, net, log, turn, dispatcher, budget },
      onClosed: ({ id }) => nameServer.connectionClosed(id),
    })
  }

  /** Codes that are answered. */
  get codes(): number[] {
    return this.#dispatcher.codes
  }

  /** Adds handlers of further request codes. @throws MqError internal when a code is claimed twice */
  add(family: HandlerFamily): void {
    this.#dispatcher.add(family)
  }

  /** From now on only those requests are handled that the authority allows. */
  protect(authority: Authority, clusterName: string): void {
    const { clock, log } = this.#host
    const topicOfRecord = (): undefined => undefined
    this.#dispatcher.guard = new RequestGuard({ authority, clusterName, topicOfRecord, clock, log })
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
