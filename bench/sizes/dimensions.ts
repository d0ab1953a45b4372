import type { GeneratorOptions } from '../raw/generator.ts'

/** One load of a dimension. */
export interface Point {
  readonly name: string
  readonly load: Partial<GeneratorOptions>
}

/** What grows while all else stays at 100 bytes, 4 queues and 4 connections with 256 sends outstanding on all of them. */
export interface Dimension {
  readonly name: string
  /** What its chart shows. */
  readonly chart: 'CPU us a message' | 'MB of bodies a CPU second'
  /** Whether an echo server gets the same load, to tell what is the kernel's. */
  readonly hasEcho: boolean
  readonly points: readonly Point[]
}

/** Sends outstanding on all connections together. */
const OUTSTANDING = 256

/** Bytes outstanding at most: large messages are not to be all of the memory. */
const OUTSTANDING_BYTES = 8e6

const MESSAGES_PRELOADED = 20_000

/** In the order of the report; each is measured on a fresh server. */
export const dimensions: readonly Dimension[] = [
  {
    ...{ name: 'bodies', chart: 'MB of bodies a CPU second', hasEcho: false },
    points: [100, 1024, 10_240, 102_400, 1_048_576].map((body) => ({
      name: body < 1024 ? `${body} B` : body < 1_048_576 ? `${body / 1024} KiB` : '1 MiB',
      load: {
        body,
        window: Math.max(1, Math.min(OUTSTANDING / 4, Math.floor(OUTSTANDING_BYTES / body / 4))),
      },
    })),
  },
  {
    ...{ name: 'queues', chart: 'CPU us a message', hasEcho: false },
    // each queue is used for the first time in the warm-up
    points: [1, 4, 64, 1024, 10_000, 50_000].map((queues) => ({
      name: queues.toLocaleString('en-US'),
      load: { queues, ...(queues > 1024 && { warm: 8 }) },
    })),
  },
  {
    ...{ name: 'topics', chart: 'CPU us a message', hasEcho: false },
    points: [1, 10, 100, 1000].map((topics) => ({
      name: topics.toLocaleString('en-US'),
      load: { topics, ...(topics > 100 && { warm: 5 }) },
    })),
  },
  {
    ...{ name: 'connections', chart: 'CPU us a message', hasEcho: true },
    points: [
      ...[1, 4, 16, 64, 256].map((connections) => ({
        name: `${connections} x ${OUTSTANDING / connections}`,
        load: { connections, window: OUTSTANDING / connections },
      })),
      { name: '256 x 16', load: { connections: 256, window: 16 } },
      { name: '100 x 16', load: { connections: 100, window: 16 } },
      { name: '100 x 16, 10,000 idle', load: { connections: 100, window: 16, idle: 10_000 } },
    ],
  },
  {
    ...{ name: 'groups', chart: 'CPU us a message', hasEcho: false },
    points: [1, 4, 16, 64, 256].map((groups) => ({
      name: String(groups),
      load: { kind: 'pulljson', groups, window: 8, 'pull-max': MESSAGES_PRELOADED / 4 },
    })),
  },
]

/** Sends that the pulls of a dimension need before. */
export const PRELOAD = { kind: 'json', count: MESSAGES_PRELOADED } as const
