import type { MessageQueue } from '../protocol/message-queue.ts'
import { decodeOffsetTable } from '../protocol/offset-table.ts'
import type { HandlerFamily } from '../protocol/request.ts'
import { RequestCode } from '../protocol/request-code.ts'

/** A consumer as brokers reach it. */
export interface GroupListener {
  /** A topic has other queues or brokers. */
  routeChanged(topic: string): void
  /** Clients have joined or left the group: the queues are to be shared out anew. */
  membersChanged(): void
  /** An operator has moved the group: it goes on at these offsets. */
  offsetsReset(topic: string, offsets: ReadonlyMap<MessageQueue, number>): void
}

/** What brokers ask of a client over its own connections (protocol/requests.md §4). */
export function pushHandlers(listenerOf: (group: string) => GroupListener | undefined): HandlerFamily {
  return {
    [RequestCode.NOTIFY_CONSUMER_IDS_CHANGED]: (request) => {
      listenerOf(request.text('consumerGroup'))?.membersChanged()
      return {}
    },
    [RequestCode.RESET_CONSUMER_CLIENT_OFFSET]: (request) => {
      const offsets = decodeOffsetTable(request.body)
      listenerOf(request.text('group'))?.offsetsReset(request.text('topic'), offsets)
      return {}
    },
  }
}
