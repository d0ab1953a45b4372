import { createServer } from 'node:net'

/** Below the range from which Linux takes the ports of outgoing connections. */
const [FIRST, LAST] = [15_000, 30_000]

let next = FIRST + (process.pid % 1000) * 15

/**
 * Free loopback ports of one target: a name server's, and three that lie as RocketMQ wants them
 * (broker, its VIP port two below, its HA port one above), and one for HTTP.
 */
export async function freePorts() {
  for (let tries = 0; tries < 500; tries++) {
    const base = next
    next = next + 8 < LAST ? next + 8 : FIRST
    const ports = { http: base, namesrv: base + 1, vip: base + 2, broker: base + 4, ha: base + 5 }
    const free = await Promise.all(Object.values(ports).map(isFree))
    if (free.every(Boolean)) return ports
  }
  throw new Error(`no free ports between ${FIRST} and ${LAST}`)
}

function isFree(port) {
  return new Promise((resolve) => {
    const server = createServer()
    server.once('error', () => resolve(false))
    server.listen({ host: '127.0.0.1', port }, () => server.close(() => resolve(true)))
  })
}
