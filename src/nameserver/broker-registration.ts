import type { TopicConfigTable } from '../protocol/topic-config.ts'
import { checkAddress, checkName } from './name-limits.ts'

/** What a broker says of itself when it registers. */
export interface BrokerRegistration {
  readonly clusterName: string
  readonly brokerName: string
  readonly brokerId: number
  /** `host:port` that clients are told. */
  readonly brokerAddr: string
  /** Where its slaves replicate from. */
  readonly haServerAddr: string
  readonly zoneName: string | undefined
  /** Undefined for brokers before 5.0, which do not know of acting masters. */
  readonly enableActingMaster: boolean | undefined
  /** How long it counts as alive after its last word; `BROKER_TIMEOUT_MS` when undefined. */
  readonly timeoutMs: number | undefined
  /** All its topics, or those that changed. */
  readonly topics: TopicConfigTable
  /** The connection that it came over. */
  readonly peerId: number
}

/** What became of a registration. */
export type RegisterOutcome =
  | {
      readonly status: 'registered'
      /** Whether nobody served this broker id until now. */
      readonly isFirst: boolean
      /** The address that served this id until now, when it was another one. */
      readonly replaced: string | undefined
      /** The master that a slave is to follow. */
      readonly master: { readonly address: string; readonly haServerAddr: string } | undefined
    }
  /** A topic of a broker that has not registered yet: the broker comes again with all of them. */
  | { readonly status: 'refused' }
  /** Another process serves this id with a newer state and keeps it. */
  | { readonly status: 'ignored'; readonly keptAddress: string }

/** @throws MqError invalidParameter for a name or address that cannot be kept or shown */
export function checkRegistration(registration: BrokerRegistration): void {
  checkName('cluster', registration.clusterName)
  checkName('broker', registration.brokerName)
  checkAddress(registration.brokerAddr)
  if (registration.haServerAddr !== '') checkName('HA address', registration.haServerAddr)
  if (registration.zoneName) checkName('zone', registration.zoneName)
}
