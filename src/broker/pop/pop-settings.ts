import type { MessageRequestMode } from '../../protocol/message-request-mode.ts'

/** What popping is told at the start; names are RocketMQ's. */
export interface PopSettings {
  /** Share of the pops that look into the retry topic first, in percent. */
  readonly popFromRetryProbability: number
  /** Whether retry topics are named by v2. */
  readonly enableRetryTopicV2: boolean
  /** Whether retry topics of v1 are still read when v2 is on. */
  readonly retrieveMessageFromPopRetryTopicV1: boolean
  /** Whether messages of retry topics keep that topic when they are handed out. */
  readonly popResponseReturnActualRetryTopic: boolean
  /** Whether a group that begins at the end of a young topic begins at its first message. */
  readonly initPopOffsetByCheckMsgInMem: boolean
  /** Whether a queue from which a group holds too much is passed over. */
  readonly enablePopMessageThreshold: boolean
  /** Most messages that a group may hold of a queue then. */
  readonly popInflightMessageThreshold: number
  /** Most pops that wait for one group and queue. */
  readonly popPollingSize: number
  /** Most pops that wait at all. */
  readonly maxPopPollingSize: number
  /** Whether clients that ask for their queues get a share, rather than all. */
  readonly serverLoadBalancerEnable: boolean
  /** How groups consume for which nobody has said it. */
  readonly defaultMessageRequestMode: MessageRequestMode
  /** Clients that share a popped queue for them; less than 1 is all. */
  readonly defaultPopShareQueueNum: number
}
