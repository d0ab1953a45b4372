import type { Endpoint } from '../base/host.ts'
import type { PopSettings } from './pop/pop-settings.ts'

/** What a broker is told at its start; `server` makes it from the settings table. Names are RocketMQ's. */
export interface BrokerSettings {
  readonly brokerClusterName: string
  readonly brokerName: string
  readonly brokerId: number
  /** The address that clients are told (brokerIP1 and listenPort). */
  readonly advertised: Endpoint
  /** The same with an IP address in place of a name: message ids carry it. */
  readonly storeHost: Endpoint
  /** `Permission` bits of the whole broker. */
  readonly brokerPermission: number
  readonly autoCreateTopicEnable: boolean
  readonly autoCreateSubscriptionGroup: boolean
  readonly defaultTopicQueueNums: number
  /** Most topics that clients may make by sending; those that an admin makes do not count. */
  readonly autoCreatedTopicsMax: number
  readonly autoCreatedGroupsMax: number
  readonly clusterTopicEnable: boolean
  readonly brokerTopicEnable: boolean
  readonly traceTopicEnable: boolean
  readonly msgTraceTopicName: string
  /** Bytes of a body. */
  readonly maxMessageSize: number
  readonly longPollingEnable: boolean
  /** How long pulls wait for messages where `longPollingEnable` is off, in ms. */
  readonly shortPollingTimeMills: number
  readonly litePullMessageEnable: boolean
  /** Whether consumers may filter by SQL92. */
  readonly enablePropertyFilter: boolean
  /** Whether retry topics are filtered too, by what the group wants of the topics their messages came from. */
  readonly filterSupportRetry: boolean
  /**
   * Whether offsets are reset by the broker, at the next pull; else the group's clients are told to. true
   * when absent.
   */
  readonly useServerSideResetOffset?: boolean
  /** Whether messages of transactions are refused. */
  readonly rejectTransactionMessage: boolean
  /** Time from the birth of a transaction's message in which its producer is not asked how it ended, in ms. */
  readonly transactionTimeOut: number
  /** Time between two rounds of asking, in ms. */
  readonly transactionCheckInterval: number
  /** How often a producer is asked before its message is parked. */
  readonly transactionCheckMax: number
  /** Whether replies to requests are stored, beside being pushed to those who wait. */
  readonly storeReplyMessageEnable: boolean
  readonly pop: PopSettings
  /** Longest delay that a message may ask for, seconds. */
  readonly timerMaxDelaySec: number
  /** A message that waits as long as this or longer is stored again in between, seconds: its log file expires. */
  readonly timerRollWindowSec: number
  /** Whether timer messages may be recalled before they are due. */
  readonly recallMessageEnable: boolean
  /** How long a key of TERN_DEDUP_KEY means one message, in ms; 0: keys mean nothing. */
  readonly dedupWindowMs: number
  /** Most keys that are remembered. */
  readonly dedupKeysMax: number
  readonly regionId: string
  readonly traceOn: boolean
}
