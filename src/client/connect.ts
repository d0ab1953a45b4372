import { realHost } from '../base/host/real-host.ts'
import type { Host, Logger } from '../base/host.ts'
import { Client } from './client.ts'
import { clientErrorOf } from './client-error.ts'
import { ClientInstance } from './client-instance.ts'
import { namesrvAddresses } from './namesrv-list.ts'

export interface ConnectOptions {
  /** NameServers: `host:port`, several joined by `;` or as a list. */
  readonly namesrv: string | readonly string[]
  /** Hears what the client has to say; any logger with pino's methods. Nothing is logged unless given. */
  readonly log?: Logger
  /** Tells clients of one machine apart; random unless given. No two of a group may have the same. */
  readonly instanceName?: string
  /** Clock, network, disk and chance; the machine's own unless given. Its own log counts then. */
  readonly host?: Host
}

const silent: Logger = {
  debug: () => undefined,
  info: () => undefined,
  warn: () => undefined,
  error: () => undefined,
}

/**
 * Connects to a cluster through its NameServers.
 * @throws ClientError connectionLost when none of them can be reached, invalidParameter for what is no
 *   address
 */
export async function connect(options: ConnectOptions): Promise<Client> {
  try {
    const namesrv = namesrvAddresses(options.namesrv)
    const host = options.host ?? realHost(options.log ?? silent)
    return new Client(await ClientInstance.open({ host, namesrv, instanceName: options.instanceName }))
  } catch (error) {
    throw clientErrorOf(error)
  }
}
