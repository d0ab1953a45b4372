/** What every call that waits for others takes. */
export interface AbortOptions {
  /** Ends the waiting with its reason; what was asked for may happen all the same. */
  readonly signal?: AbortSignal | undefined
}

/** Waits for a promise, or for the signal if that comes first. @throws the signal's reason */
export function abortable<Value>(promise: Promise<Value>, signal: AbortSignal | undefined): Promise<Value> {
  if (!signal) return promise
  return new Promise((resolve, reject) => {
    const abort = (): void => reject(signal.reason)
    if (signal.aborted) abort()
    else signal.addEventListener('abort', abort, { once: true })
    promise.then(resolve, reject).finally(() => signal.removeEventListener('abort', abort))
  })
}
