import type { MessageQueue } from '../protocol/message-queue.ts'

/** What a client tells those who listen. */
export interface ClientEvents {
  /** A connection to a NameServer or broker was made. */
  connected: { readonly address: string }
  /** A connection is gone; it is made again when it is needed. */
  disconnected: { readonly address: string }
  /** A consumer has other queues than before. */
  rebalanced: { readonly group: string; readonly topic: string; readonly queues: readonly MessageQueue[] }
  /** A queue could not be read, or a message not be settled; it is tried again. */
  stalled: { readonly group: string; readonly queue: MessageQueue; readonly error: Error }
  /** A handler has thrown; `settled` says what became of the message. */
  failed: {
    readonly group: string
    readonly messageId: string
    readonly error: unknown
    readonly settled: 'retried' | 'suspended' | 'dropped' | 'rejected'
  }
}

/** The names of events that `Client.on` takes. */
export type ClientEventName = keyof ClientEvents

/** Those who listen to a client, by event. */
export class EventHub {
  readonly #listeners = new Map<ClientEventName, Set<(event: never) => void>>()

  /** @returns what ends the listening */
  on<Name extends ClientEventName>(name: Name, listener: (event: ClientEvents[Name]) => void): () => void {
    const listeners = this.#listeners.get(name) ?? new Set()
    this.#listeners.set(name, listeners.add(listener))
    return () => listeners.delete(listener)
  }

  /** Tells the listeners one after the other; what one throws goes to the top. */
  emit<Name extends ClientEventName>(name: Name, event: ClientEvents[Name]): void {
    for (const listener of this.#listeners.get(name) ?? [])
      (listener as (event: ClientEvents[Name]) => void)(event)
  }
}
