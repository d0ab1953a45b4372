import type { Endpoint } from '../base/host.ts'
import type { Broker } from '../broker/broker.ts'
import { listenFor, type PortUse } from './listening.ts'
import { metricsPage } from './metrics-page.ts'

export const HTTP_PORT: PortUse = { what: 'the HTTP server', setting: 'httpPort' }

/** What is told of a process. */
export interface Serving {
  /** Whether all is started. */
  readonly isReady: boolean
  /** Why messages are refused; undefined while they are taken. */
  readonly refusal: string | undefined
  readonly broker: Broker | undefined
}

/** The HTTP server of a process. */
export interface HttpServer {
  readonly endpoint: Endpoint
  close(): Promise<void>
}

/**
 * Serves `/healthz` (the process answers), `/readyz` (the broker takes messages) and `/metrics`.
 * The package is loaded here, behind the start of the broker.
 * @throws MqError portTaken, badSetting
 */
export async function startHttp(serving: Serving, at: Endpoint): Promise<HttpServer> {
  const { fastify } = await import('fastify')
  const server = fastify({ logger: false })
  server.get('/healthz', () => ({ status: 'ok' }))
  server.get('/readyz', (_request, reply) => {
    const { refusal } = serving
    if (serving.isReady && refusal === undefined) return { status: 'ready' }
    reply.code(503)
    return { status: 'not ready', reason: refusal ?? 'starting or stopping' }
  })
  server.get('/metrics', async (_request, reply) => {
    const { contentType, text } = await metricsPage(serving.broker)
    return reply.type(contentType).send(text)
  })
  await listenFor(HTTP_PORT, at, () => server.listen({ host: at.host, port: at.port }))
  const address = server.server.address()
  const port = typeof address === 'object' && address !== null ? address.port : at.port
  return { endpoint: { host: at.host, port }, close: () => server.close() }
}
