import type { Broker } from '../../broker/broker.ts'
import type { HeldMessage } from '../../broker/pop/pop-acks.ts'
import { decodeBatchAcks } from '../../protocol/batch-ack.ts'
import type { HeaderScan } from '../../protocol/header-scan.ts'
import { parsePopHandle } from '../../protocol/pop-handle.ts'
import { RequestCode } from '../../protocol/request-code.ts'
import { ResponseCode } from '../../protocol/response-code.ts'
import type { RemotingConnection } from '../../remoting/remoting-connection.ts'
import type { FastHandler } from '../../remoting/request-dispatcher.ts'

/** Acknowledgements of popped messages, and more time for them (protocol/requests.md §3). */
export function popAckHandlers(broker: Broker): Readonly<Record<number, FastHandler>> {
  const { acks } = broker.pops
  return {
    [RequestCode.ACK_MESSAGE]: (connection, header) => {
      acks.ack(heldMessageOf(header), answer(broker, connection, header))
    },
    [RequestCode.BATCH_ACK_MESSAGE]: (connection, header, bodyAt, bodyEnd) => {
      const batch = decodeBatchAcks(header.buffer.subarray(bodyAt, bodyEnd))
      const done = answer(broker, connection, header)
      if (batch.length > 0) acks.ackAll(batch, done)
      else done(true, { code: ResponseCode.NO_MESSAGE })
    },
    [RequestCode.CHANGE_MESSAGE_INVISIBLETIME]: (connection, header) => {
      const invisibleMs = Math.max(header.requiredInteger('invisibleTime'), 0)
      const done = answer(broker, connection, header)
      acks.changeInvisible(heldMessageOf(header), invisibleMs, (handle) => {
        const extFields = handle && {
          popTime: String(handle.popTimeMs),
          invisibleTime: String(handle.invisibleMs),
          reviveQid: String(handle.reviveQueueId),
        }
        done(handle !== undefined, extFields && { extFields })
      })
    },
  }
}

/** Answers when the log has what was asked for, or has refused it; the header is read now. */
function answer(broker: Broker, connection: RemotingConnection, { isOneway, opaque }: HeaderScan) {
  return (
    isStored: boolean,
    reply: { readonly code?: number; readonly extFields?: Readonly<Record<string, string>> } = {},
  ): void => {
    if (isOneway) return
    const remark = `the word is not recorded: ${broker.store.refusal ?? 'the log cannot be written'}`
    connection.reply(opaque, isStored ? reply : { code: ResponseCode.SERVICE_NOT_AVAILABLE, remark })
  }
}

function heldMessageOf(header: HeaderScan): HeldMessage {
  const { popTimeMs, reviveQueueId } = parsePopHandle(header.requiredText('extraInfo'))
  return {
    group: header.requiredText('consumerGroup'),
    topic: header.requiredText('topic'),
    queueId: header.requiredInteger('queueId'),
    queueOffset: header.requiredInteger('offset'),
    popTimeMs,
    reviveQueueId,
  }
}
