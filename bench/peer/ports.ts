import { createServer } from 'node:net'

/** Loopback ports of one measured server. */
export interface ServerPorts {
  readonly namesrvPort: number
  /** The remoting door; RocketMQ also takes the port two below and the one above. */
  readonly listenPort: number
  readonly httpPort: number
}

/** Below the range from which Linux gives ports to outgoing connections. */
const [FIRST_PORT, LAST_PORT] = [15_000, 30_000]
const PORTS_OF_A_SERVER = 6

/** Ports that were free a moment ago. Another program may still be quicker: then the server's start says so. */
export async function freePorts(): Promise<ServerPorts> {
  for (let tries = 0; tries < 100; tries++) {
    const first = FIRST_PORT + Math.floor(Math.random() * (LAST_PORT - FIRST_PORT - PORTS_OF_A_SERVER))
    const wanted = Array.from({ length: PORTS_OF_A_SERVER }, (_, i) => first + i)
    const free = await Promise.all(wanted.map(isFree))
    if (free.every(Boolean)) return { namesrvPort: first, httpPort: first + 1, listenPort: first + 4 }
  }
  throw new Error(`no ${PORTS_OF_A_SERVER} free ports in a row`)
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer()
    server.once('error', () => resolve(false))
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)))
  })
}
