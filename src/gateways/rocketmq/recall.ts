import type { Broker } from '../../broker/broker.ts'
import { MessageRecall } from '../../broker/timer/message-recall.ts'
import { parseHostAddress } from '../../protocol/host-address.ts'
import { hostBytes } from '../../protocol/message-codec.ts'
import type { HandlerFamily } from '../../protocol/request.ts'
import { RequestCode } from '../../protocol/request-code.ts'

/** Timer messages taken back before they are due (protocol/requests.md §2, code 370). */
export function recallHandlers(broker: Broker): HandlerFamily {
  const recalls = new MessageRecall(broker)
  return {
    [RequestCode.RECALL_MESSAGE]: async (request) => {
      const msgId = await recalls.recall({
        topic: request.text('topic'),
        handle: request.text('recallHandle'),
        producerGroup: request.optionalText('producerGroup') ?? '',
        bornHost: hostBytes(parseHostAddress(request.peer.address)),
      })
      return { extFields: { MSG_REGION: broker.settings.regionId, msgId } }
    },
  }
}
