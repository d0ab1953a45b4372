import { realHost } from '../base/host/real-host.ts'
import type { Host, Logger, Net } from '../base/host.ts'
import type { Credentials } from '../protocol/signature.ts'
import { abortable } from './abortable.ts'
import { Client } from './client.ts'
import { ClientError, clientErrorOf } from './client-error.ts'
import { ClientInstance } from './client-instance.ts'
import type { Instrumentation } from './instrumentation.ts'
import { MessageTrace } from './message-trace.ts'
import { namesrvAddresses } from './namesrv-list.ts'

/** Which cluster a client belongs to, and how it talks to it. */
export interface ConnectOptions {
  /** NameServers: `host:port`, several joined by `;` or as a list. */
  readonly namesrv: string | readonly string[]
  /** Hears what the client has to say; any logger with pino's methods. Nothing is logged unless given. */
  readonly log?: Logger
  /** Tells clients of one machine apart; random unless given. No two of a group may have the same. */
  readonly instanceName?: string
  /** Signs all requests with the secret key, where servers want to know who asks. */
  readonly accessKey?: string
  readonly secretKey?: string
  /** Of accounts that exist for a time. */
  readonly securityToken?: string
  /** TLS with NameServers and brokers: true, or how. Plain unless given. */
  readonly tls?: boolean | TlsOptions
  /** RocketMQ's message trace: true, or the topic that it goes to. None unless given. */
  readonly trace?: boolean | string
  /** Who watches sends and handlers: `openTelemetry(api)`, or one of the program's own. */
  readonly instrumentation?: readonly Instrumentation[]
  /** Ends the waiting for a NameServer. */
  readonly signal?: AbortSignal
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
    const credentials = credentialsOf(options)
    const namesrv = namesrvAddresses(options.namesrv)
    const plain = options.host ?? realHost(options.log ?? silent)
    const host = options.tls ? { ...plain, net: securedNet(plain.net, options.tls) } : plain
    const { instanceName, signal, trace = false, instrumentation = [] } = options
    const opening = ClientInstance.open({ host, namesrv, instanceName, instrumentation, credentials })
    const instance = await abortable(opening, signal).catch((error: unknown) => {
      // one that nobody waits for any more is closed when it is there
      if (signal?.aborted) opening.then((late) => late.close()).catch(() => undefined)
      throw error
    })
    if (trace) instance.instruments.add(new MessageTrace(instance, trace === true ? undefined : trace))
    return new Client(instance)
  } catch (error) {
    if (options.signal?.aborted && error === options.signal.reason) throw error
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

function credentialsOf({ accessKey, secretKey, securityToken }: ConnectOptions): Credentials | undefined {
  if (accessKey === undefined && secretKey === undefined) return undefined
  if (accessKey && secretKey) return { accessKey, secretKey, securityToken }
  throw new ClientError('invalidParameter', 'accessKey and secretKey go together')
}
