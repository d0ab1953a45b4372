import { errnoOf, MqError } from '../base/errors.ts'
import type { Endpoint } from '../base/host.ts'
import type { System } from './system.ts'

/** The HTTP server of a process. */
export interface HttpServer {
  readonly endpoint: Endpoint
  close(): Promise<void>
}

/**
 * Serves `/healthz` (the process answers) and `/readyz` (the broker takes messages).
 * The package is loaded here, behind the start of the broker.
 * @throws MqError portTaken
 */
export async function startHttp(system: System, at: Endpoint): Promise<HttpServer> {
  const { fastify } = await import('fastify')
  const server = fastify({ logger: false })
  server.get('/healthz', () => ({ status: 'ok' }))
  server.get('/readyz', (_request, reply) => {
    const { refusal } = system
    if (system.isReady && refusal === undefined) return { status: 'ready' }
    reply.code(503)
    return { status: 'not ready', reason: refusal ?? 'starting or stopping' }
  })
  try {
    await server.listen({ host: at.host, port: at.port })
  } catch (error) {
    if (errnoOf(error) !== 'EADDRINUSE') throw error
    throw new MqError('portTaken', `port ${at.port} of ${at.host} is taken (httpPort)`, { cause: error })
  }
  const address = server.server.address()
  const port = typeof address === 'object' && address !== null ? address.port : at.port
  return { endpoint: { host: at.host, port }, close: () => server.close() }
}
