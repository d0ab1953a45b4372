/** A message as a program sends it. */
export interface Message {
  readonly topic: string
  /** At least one byte. A text is sent as UTF-8; bytes must not change until the send is over. */
  readonly body: string | Uint8Array
  /** What consumers filter by. */
  readonly tag?: string
  /** What the message can be found by: one or several, without spaces. */
  readonly keys?: string | readonly string[]
  /** Whatever else the receiver is to know; names that RocketMQ uses itself are refused. */
  readonly properties?: Readonly<Record<string, string>>
  /** A number of the sender's own, 0 unless given. */
  readonly flag?: number
  /**
   * Delivered only after the delay of this level: 1 (1 s) to 18 (2 h) unless the broker is set up otherwise.
   */
  readonly delayLevel?: number
  /** Delivered only this long after it was stored. */
  readonly delayMs?: number
  /** Delivered only at this time, in milliseconds since 1970. */
  readonly deliverAtMs?: number
  /** False: the answer does not wait for replicas or the disk, even where the broker is set up so. */
  readonly waitStored?: boolean
}
