import {
  type AddressInfo,
  createServer,
  isIP,
  connect as openSocket,
  type Server,
  type Socket,
} from 'node:net'
import { type ConnectionOptions, connect as openTlsSocket } from 'node:tls'
import { errnoOf, MqError } from '../errors.ts'
import type { ClientTls, Connection, Endpoint, Listener, Logger, Net, NetSecurity } from '../host.ts'
import { LentReads } from './lent-reads.ts'
import { RealConnection } from './real-connection.ts'
import { TlsAcceptor } from './tls-acceptor.ts'
import { secureContextOf, TLS_VERSION_MIN } from './tls-credentials.ts'

/** The network of the machine, through `node:net` and `node:tls`. */
export class RealNet implements Net {
  readonly #log: Logger
  readonly #acceptor: TlsAcceptor | undefined
  readonly #clientTls: ClientTls | undefined

  /**
   * `log` hears of connections that could not be accepted.
   * @throws MqError badSetting when credentials cannot be used
   */
  constructor(log: Logger, { server, client }: NetSecurity = {}) {
    this.#log = log
    this.#acceptor = server && new TlsAcceptor(server, log)
    this.#clientTls = client
    if (client) secureContextOf(client.credentials)
  }

  secured(security: NetSecurity): Net {
    return new RealNet(this.#log, security)
  }

  listen(at: Endpoint, onConnection: (connection: Connection) => void): Promise<Listener> {
    return new Promise((resolve, reject) => {
      const server = createServer({ allowHalfOpen: false, noDelay: true, pauseOnConnect: true }, (socket) =>
        onConnection(this.#acceptor?.accept(socket) ?? plainConnection(socket)),
      )
      const onFailure = (error: Error): void => {
        const isTaken = errnoOf(error) === 'EADDRINUSE'
        const text = `port ${at.port} on ${at.host} is in use`
        reject(isTaken ? new MqError('portTaken', text, { cause: error }) : error)
      }
      server.once('error', onFailure)
      server.listen({ host: at.host, port: at.port }, () => {
        server.off('error', onFailure)
        server.on('error', (error) =>
          this.#log.warn({ err: error, port: at.port }, 'cannot accept a connection'),
        )
        resolve(new RealListener(server, at.host))
      })
    })
  }

  connect(to: Endpoint, timeoutMs: number): Promise<Connection> {
    return new Promise((resolve, reject) => {
      const tls = this.#clientTls
      const reads = tls ? undefined : new LentReads()
      const socket = tls
        ? openTlsSocket(tlsOptions(to, tls))
        : openSocket({ ...socketOptions(to), ...(reads && { onread: reads.onread }) })
      socket.pause() // or Node would read before `start`
      const give = (error: MqError): void => {
        clearTimeout(timeout)
        socket.destroy()
        reject(error)
      }
      const place = `${to.host}:${to.port}`
      const timeout = setTimeout(
        () => give(new MqError('timeout', `${place} did not answer within ${timeoutMs} ms`)),
        timeoutMs,
      )
      const onFailure = (error: Error): void => {
        const reason = errnoOf(error) ?? error.message
        give(new MqError('connectionLost', `cannot connect to ${place}: ${reason}`, { cause: error }))
      }
      socket.once('error', onFailure)
      socket.once(tls ? 'secureConnect' : 'connect', () => {
        clearTimeout(timeout)
        const connection = new RealConnection(socket, reads)
        socket.off('error', onFailure)
        resolve(connection)
      })
    })
  }
}

/** @param accepted just now, with nothing read from it */
function plainConnection(accepted: Socket): Connection {
  const reads = new LentReads()
  return new RealConnection(reads.takeOver(accepted), reads)
}

function socketOptions({ host, port }: Endpoint) {
  return { host, port, allowHalfOpen: false, noDelay: true }
}

function tlsOptions(to: Endpoint, { credentials, verifiesServer, serverName }: ClientTls): ConnectionOptions {
  return {
    ...socketOptions(to),
    minVersion: TLS_VERSION_MIN,
    secureContext: secureContextOf(credentials),
    rejectUnauthorized: verifiesServer,
    // a name is told to the server and looked for in its certificate; an address is only looked for
    ...(serverName !== undefined && { servername: serverName }),
    ...(serverName === undefined && isIP(to.host) === 0 && { servername: to.host }),
  }
}

class RealListener implements Listener {
  readonly endpoint: Endpoint
  readonly #server: Server

  constructor(server: Server, host: string) {
    this.#server = server
    this.endpoint = { host, port: portOf(server.address()) }
  }

  async close(): Promise<void> {
    // Node's callback waits for the last connection; the port is free as soon as the call returns.
    this.#server.close()
  }
}

function portOf(address: AddressInfo | string | null): number {
  return address !== null && typeof address === 'object' ? address.port : 0
}
