import { createServer, type Server } from 'node:http'
import type { FastifyInstance } from 'fastify'
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
 * Serves `/healthz` (the process answers), `/readyz` (the broker takes messages) and `/metrics`. It listens at once, so that
 * a long recovery can be seen; the packages behind it are loaded when somebody asks for the first time, since a start has
 * no time for them.
 * @throws MqError portTaken, badSetting
 */
export async function startHttp(serving: Serving, at: Endpoint): Promise<HttpServer> {
  let app: Promise<FastifyInstance> | undefined
  const server = createServer((request, response) => {
    app ??= makeApp(serving)
    app.then(
      ({ routing }) => routing(request, response),
      (error) => response.destroy(error),
    )
  })
  await listenFor(HTTP_PORT, at, () => listen(server, at))
  const address = server.address()
  const port = typeof address === 'object' && address !== null ? address.port : at.port
  const close = async (): Promise<void> => {
    server.close()
    server.closeIdleConnections()
    await (await app)?.close()
  }
  return { endpoint: { host: at.host, port }, close }
}

function listen(server: Server, { host, port }: Endpoint): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen({ host, port }, () => {
      server.off('error', reject)
      resolve()
    })
  })
}

async function makeApp(serving: Serving): Promise<FastifyInstance> {
  const { fastify } = await import('fastify')
  const app = fastify({ logger: false })
  app.get('/healthz', () => ({ status: 'ok' }))
  app.get('/readyz', (_request, reply) => {
    const { refusal } = serving
    if (serving.isReady && refusal === undefined) return { status: 'ready' }
    reply.code(503)
    return { status: 'not ready', reason: refusal ?? 'starting or stopping' }
  })
  app.get('/metrics', async (_request, reply) => {
    const { contentType, text } = await metricsPage(serving.broker)
    return reply.type(contentType).send(text)
  })
  await app.ready()
  return app
}
