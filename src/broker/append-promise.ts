import type { AppendOutcome, AppendWaiter } from '../store/pending-appends.ts'

/**
 * What becomes of one message, as a promise: for flows that no message in good health takes. It fails with what `append` throws.
 * @param append stores the message with the waiter it is given
 */
export function appendOutcome(append: (waiter: AppendWaiter) => void): Promise<AppendOutcome> {
  return new Promise((resolve) => append({ appended: resolve }))
}
