import { type AddressInfo, createServer, connect as openSocket, type Server } from 'node:net'
import { errnoOf, MqError } from '../errors.ts'
import type { Connection, Endpoint, Listener, Logger, Net } from '../host.ts'
import { RealConnection } from './real-connection.ts'

/** The network of the machine, through `node:net`. */
export class RealNet implements Net {
  readonly #log: Logger

  /** `log` hears of connections that could not be accepted. */
  constructor(log: Logger) {
    this.#log = log
  }

  listen(at: Endpoint, onConnection: (connection: Connection) => void): Promise<Listener> {
    return new Promise((resolve, reject) => {
      const server = createServer({ allowHalfOpen: false, noDelay: true, pauseOnConnect: true }, (socket) =>
        onConnection(new RealConnection(socket)),
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
      const socket = openSocket({ host: to.host, port: to.port, allowHalfOpen: false, noDelay: true })
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
      socket.once('connect', () => {
        clearTimeout(timeout)
        const connection = new RealConnection(socket)
        socket.off('error', onFailure)
        resolve(connection)
      })
    })
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
