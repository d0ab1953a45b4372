import { setTimeout as pause } from 'node:timers/promises'
import { ClientError, type ClientErrorCode } from '#ternmq/client/index.ts'

/** How long a broker that has just started, on a machine that does much else, may take to answer. */
const ANSWER_MS_MAX = 20_000

/**
 * Asks again and again while trying again makes sense.
 * @param alsoRetried one more answer that a start may give at first
 * @throws what was answered last, when that goes on for too long
 */
export async function insist<Answer>(
  ask: () => Promise<Answer>,
  alsoRetried?: ClientErrorCode,
): Promise<Answer> {
  const deadlineMs = performance.now() + ANSWER_MS_MAX
  for (;;) {
    try {
      return await ask()
    } catch (error) {
      if (!(error instanceof ClientError) || performance.now() > deadlineMs) throw error
      if (!error.retriable && error.code !== alsoRetried) throw error
    }
    await pause(20)
  }
}
