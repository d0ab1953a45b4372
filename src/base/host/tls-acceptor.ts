import type { Socket } from 'node:net'
import { createServer, type Server, type TLSSocket } from 'node:tls'
import { messageOf } from '../errors.ts'
import type { Connection, Logger, ServerTls, TlsCredentials } from '../host.ts'
import { SniffedConnection } from './sniffed-connection.ts'
import { secureContextOf, secureContextOptions, TLS_VERSION_MIN } from './tls-credentials.ts'

/** A handshake must be done this long after its first byte. */
const HANDSHAKE_MS_MAX = 10_000

/** Takes accepted sockets to TLS where their first byte asks for it: plain and TLS share a port (protocol/remoting.md §9). */
export class TlsAcceptor {
  readonly #tls: ServerTls
  readonly #log: Logger
  readonly #server: Server
  /** Connections whose handshake is under way, by the place they come from. */
  readonly #shaking = new Map<string, SniffedConnection>()
  #used: TlsCredentials

  /** @throws MqError badSetting when the credentials cannot be used */
  constructor(tls: ServerTls, log: Logger) {
    this.#tls = tls
    this.#log = log
    this.#used = tls.credentials
    secureContextOf(tls.credentials)
    this.#server = createServer({
      ...secureContextOptions(tls.credentials),
      minVersion: TLS_VERSION_MIN,
      handshakeTimeout: HANDSHAKE_MS_MAX,
      requestCert: tls.clientAuth !== 'none',
      rejectUnauthorized: tls.clientAuth === 'require',
    })
    this.#server.on('secureConnection', (socket) => this.#secured(socket))
    this.#server.on('tlsClientError', (error, socket) => this.#failed(socket, messageOf(error)))
  }

  /** @param socket accepted just now, with nothing read from it */
  accept(socket: Socket): Connection {
    const place = placeOf(socket)
    return new SniffedConnection(socket, {
      mayBePlain: this.#tls.mode === 'permissive',
      secure: (connection) => {
        this.#shaking.set(place, connection)
        socket.once('close', () => this.#shaking.delete(place))
        this.#renew()
        this.#server.emit('connection', socket)
      },
    })
  }

  #secured(socket: TLSSocket): void {
    const connection = this.#shaking.get(placeOf(socket))
    this.#shaking.delete(placeOf(socket))
    const isUntrusted = !socket.authorized && Object.keys(socket.getPeerCertificate()).length > 0
    if (isUntrusted && this.#tls.clientAuth !== 'none') {
      this.#failed(socket, `a certificate that is not trusted: ${messageOf(socket.authorizationError)}`)
    } else if (connection) connection.isSecured(socket)
    else socket.destroy()
  }

  #failed(socket: TLSSocket, reason: string): void {
    this.#log.info({ peer: placeOf(socket), reason }, 'connection closed: no TLS could be agreed upon')
    socket.destroy()
  }

  /** Takes over credentials that have changed, for this handshake and those after it. */
  #renew(): void {
    const { credentials } = this.#tls
    if (credentials === this.#used) return
    this.#used = credentials
    this.#server.setSecureContext(secureContextOptions(credentials))
  }
}

function placeOf(socket: Socket): string {
  return `${socket.remoteAddress}:${socket.remotePort}>${socket.localPort}`
}
