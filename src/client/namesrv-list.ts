import { messageOf } from '../base/errors.ts'
import type { Logger } from '../base/host.ts'
import type { CommandParts, RemotingCommand } from '../protocol/remoting-command.ts'
import { ResponseCode } from '../protocol/response-code.ts'
import { endpointOf, type RemotingClient } from '../remoting/remoting-client.ts'
import { ClientError } from './client-error.ts'

const REQUEST_TIMEOUT_MS = 3000

/** The NameServers of a client: it stays with one and goes to the next when that one does not answer. */
export class NamesrvList {
  readonly addresses: readonly string[]
  readonly #remoting: RemotingClient
  readonly #log: Logger
  #current: number

  /**
   * @param addresses `host:port`; names are looked up anew for each connection
   * @param start which is asked first, so that clients spread over the servers
   */
  constructor(addresses: readonly string[], parts: { remoting: RemotingClient; log: Logger; start: number }) {
    this.addresses = addresses
    this.#remoting = parts.remoting
    this.#log = parts.log
    this.#current = parts.start % addresses.length
  }

  /** The one that is asked first now. */
  get current(): string {
    return this.addresses[this.#current] ?? ''
  }

  /**
   * Asks one NameServer after the other until one answers, whatever its answer is.
   * @throws ClientError connectionLost when none does
   */
  async invoke(command: Omit<CommandParts, 'opaque'>): Promise<RemotingCommand> {
    let failure: unknown
    for (let left = this.addresses.length; left > 0; left--) {
      const address = this.current
      try {
        const response = await this.#remoting.invoke(address, command, REQUEST_TIMEOUT_MS)
        if (response.code !== ResponseCode.GO_AWAY) return response
        failure = new ClientError('shuttingDown', `NameServer ${address} is shutting down`)
      } catch (error) {
        failure = error
      }
      this.#log.warn({ namesrv: address, error: messageOf(failure) }, 'NameServer does not answer')
      if (this.current === address) this.#current = (this.#current + 1) % this.addresses.length
    }
    throw new ClientError('connectionLost', `no NameServer answers: ${this.addresses.join(';')}`, {
      cause: failure,
    })
  }
}

/**
 * The addresses in what a user gives: a list, or a text joined by `;` or `,`.
 * @throws MqError invalidParameter when there is none, or one that is not `host:port`
 */
export function namesrvAddresses(given: string | readonly string[]): string[] {
  const texts = typeof given === 'string' ? given.split(/[;,]/) : given
  const addresses = [...new Set(texts.map((text) => text.trim()).filter((text) => text !== ''))]
  if (addresses.length === 0) throw new ClientError('invalidParameter', 'no address of a NameServer is given')
  for (const address of addresses) endpointOf(address)
  return addresses
}
