import { Remoting } from '../peer/remoting.ts'
import { type GeneratorKind, type GeneratorOptions, generate } from './generator.ts'

/** Loads that a broker can get; `json1` is `json` with one request outstanding on one connection, `paced` the same 1,000 times a second. */
export type RawKind = Exclude<GeneratorKind, 'echo'> | 'json1' | 'paced'

/** How the requests of a load come, where it is not as usual. */
export const shapeOf: Readonly<Record<RawKind, Partial<GeneratorOptions>>> = {
  json: {},
  json1: { connections: 1, window: 1 },
  paced: { connections: 1, window: 8, rate: 1000 },
  bin: {},
  batch32: {},
  pulljson: { window: 8 },
}

/** Whether the requests of a load come one at a time, so that nothing can be shared among them. */
export function isLone(kind: RawKind): boolean {
  return kind === 'json1' || kind === 'paced'
}

const QUEUES = 4

/** @param preload messages that pulls go round and round; they are sent first */
export async function loadOf(
  kind: RawKind,
  port: number,
  { body, preload }: { readonly body: number; readonly preload: number },
): Promise<GeneratorOptions> {
  const topic = `bench_raw_${kind}`
  if (kind !== 'pulljson') {
    const sent = kind === 'json1' || kind === 'paced' ? 'json' : kind
    return { kind: sent, port, topic, queues: QUEUES, ...shapeOf[kind] }
  }
  await generate({ kind: 'json', port, topic, queues: QUEUES, body, count: preload })
  const end = await commonMaxOffset(port, topic, preload / QUEUES)
  return { kind, port, topic, queues: QUEUES, 'pull-max': end, ...shapeOf[kind] }
}

/** The offset up to which every queue holds messages, once the broker can serve them all. */
async function commonMaxOffset(port: number, topic: string, wanted: number): Promise<number> {
  const broker = await Remoting.open(port)
  try {
    for (const deadlineMs = performance.now() + 30_000; ; ) {
      const offsets: number[] = []
      for (let queue = 0; queue < QUEUES; queue++) offsets.push(await broker.maxOffset(topic, queue))
      const least = Math.min(...offsets)
      if (least >= Math.floor(wanted)) return least
      if (performance.now() > deadlineMs)
        throw new Error(`${topic} holds ${offsets.join(', ')} messages only`)
    }
  } finally {
    broker.close()
  }
}
