import { below, fraction } from '#ternmq/base/host/random-range.ts'
import type { SeededRandom } from '#ternmq/base/host/seeded-random.ts'
import type { AdminRequest, Client } from '#ternmq/client/index.ts'
import type { RemotingCommand } from '#ternmq/protocol/remoting-command.ts'

/** What the crash test's features work with: a client that lives through all deaths of the broker, and chance. */
export class FeatureDesk {
  readonly client: Client
  readonly namesrv: string
  readonly #brokerAddress: string
  readonly #random: SeededRandom

  constructor(parts: { client: Client; namesrv: string; brokerAddress: string; random: SeededRandom }) {
    this.client = parts.client
    this.namesrv = parts.namesrv
    this.#brokerAddress = parts.brokerAddress
    this.#random = parts.random
  }

  /** Asks the broker. @throws ClientError for every answer but SUCCESS */
  ask(request: AdminRequest): Promise<RemotingCommand> {
    return this.client.admin.ask(this.#brokerAddress, request)
  }

  /** An integer from `from` to `to` - 1. */
  pick(from: number, to: number): number {
    return from + below(this.#random, to - from)
  }

  /** True so often. */
  chance(share: number): boolean {
    return fraction(this.#random) < share
  }
}
