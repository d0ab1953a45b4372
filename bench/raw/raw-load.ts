import { Remoting } from '../peer/remoting.ts'
import { type GeneratorKind, type GeneratorOptions, generate } from './generator.ts'

/** Loads that a broker can get; `json1` is `json` with one request outstanding on one connection. */
export type RawKind = Exclude<GeneratorKind, 'echo'> | 'json1'

/** How the requests of a load come, where it is not as usual. */
export const shapeOf: Readonly<Record<RawKind, Partial<GeneratorOptions>>> = {
  json: {},
  json1: { connections: 1, window: 1 },
  bin: {},
  batch32: {},
  pulljson: { window: 8 },
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
    return { kind: kind === 'json1' ? 'json' : kind, port, topic, queues: QUEUES, ...shapeOf[kind] }
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
