import { setTimeout as sleep } from 'node:timers/promises'

const controller = new AbortController()

/** Aborted by ^C and SIGTERM: clients are killed by it, and the program ends by way of its `finally` blocks. */
export const interrupted: AbortSignal = controller.signal

/** From now on ^C and SIGTERM interrupt what runs instead of ending the process at once. */
export function interruptOnSignals(): void {
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.on(signal, () => controller.abort(new Error(`interrupted by ${signal}`)))
  }
}

/** Waits so many milliseconds. @throws Error when interrupted meanwhile */
export async function pause(delayMs: number): Promise<void> {
  await sleep(delayMs, undefined, { signal: interrupted })
}
