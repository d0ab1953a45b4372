import { randomInt } from 'node:crypto'
import { createServer } from 'node:net'

/** Where a broker process listens. */
export interface Ports {
  readonly namesrv: number
  readonly broker: number
  readonly http: number
}

/**
 * Ports that are free, with that of the VIP listener two below the broker's, and that the kernel gives to no
 * connection of its own: a broker that was killed finds them free again.
 */
export async function freePorts(): Promise<Ports> {
  for (;;) {
    const first = 12_000 + randomInt(20_000)
    const ports = [first, first + 1, first + 2, first + 4]
    const areFree = await Promise.all(ports.map(isFree))
    if (areFree.every(Boolean)) return { namesrv: first, http: first + 1, broker: first + 4 }
  }
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer()
    server.once('error', () => resolve(false))
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)))
  })
}
