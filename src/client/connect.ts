import { realHost } from '../base/host/real-host.ts'
import type { Host, Logger, Net } from '../base/host.ts'
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
  /** TLS with NameServers and brokers: true, or how. Plain unless given. */
  readonly tls?: boolean | TlsOptions
  /** Clock, network, disk and chance; the machine's own unless given. Its own log counts then. */
  readonly host?: Host
}

/** How TLS is spoken; texts are PEM. */
export interface TlsOptions {
  /** Certificates of the authorities that vouch for the servers; those that Node.js trusts unless given. */
  readonly ca?: string
  /** Certificate that the client shows, and its private key. */
  readonly cert?: string
  readonly key?: string
  readonly passphrase?: string
  /** The name that the certificates of the servers must carry, where it is not the one dialled. */
  readonly serverName?: string
  /** Whether certificates are checked: true unless given. */
  readonly rejectUnauthorized?: boolean
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
    const plain = options.host ?? realHost(options.log ?? silent)
    const host = options.tls ? { ...plain, net: securedNet(plain.net, options.tls) } : plain
    return new Client(await ClientInstance.open({ host, namesrv, instanceName: options.instanceName }))
  } catch (error) {
    throw clientErrorOf(error)
  }
}

function securedNet(net: Net, tls: true | TlsOptions): Net {
  const {
    ca,
    cert,
    key,
    passphrase,
    serverName,
    rejectUnauthorized = true,
  }: TlsOptions = tls === true ? {} : tls
  const credentials = { trusted: ca, certificate: cert, privateKey: key, passphrase }
  return net.secured({ client: { verifiesServer: rejectUnauthorized, serverName, credentials } })
}
