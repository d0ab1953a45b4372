import type { FeatureTally } from './feature-tally.ts'
import type { Round } from './round.ts'

/** A feature under load, with all that is known of it outside the broker. */
export interface FeatureScenario {
  readonly tallies: readonly FeatureTally[]
  /** Topics that it wants before the first round. */
  readonly topics: readonly { readonly topic: string; readonly queueCount: number }[]
  /** Sends until the round is over. */
  send(round: Round): Promise<void>[]
  /** Consumes until the round is over. */
  consume(round: Round): Promise<void>[]
  /** Nothing is sent any more: what was left open is to be brought to its end. */
  lastRound?(): Promise<void>
  /** Whether everything that is owed has come. Asked when nothing is sent any more. */
  readonly isSettled: boolean
  /** Holds what has come against what is owed, once, at the end. @throws ClientError when it cannot ask */
  check(): Promise<void>
  /** Closes what it has opened. */
  close(): Promise<void>
}
