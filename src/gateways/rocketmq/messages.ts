import type { Broker } from '../../broker/broker.ts'
import { MessageQuery } from '../../broker/message-query.ts'
import type { HandlerFamily, Request } from '../../protocol/request.ts'
import { RequestCode } from '../../protocol/request-code.ts'
import { ResponseCode } from '../../protocol/response-code.ts'

/** The field by which clients say that a key is a unique key (MixAll.UNIQUE_MSG_QUERY_FLAG). */
const UNIQUE_KEY_FLAG = '_UNIQUE_KEY_QUERY'

/** Single messages, by place or by key (protocol/requests.md §5). */
export function messageHandlers(broker: Broker): HandlerFamily {
  const messages = new MessageQuery(broker.store)
  return {
    [RequestCode.VIEW_MESSAGE_BY_ID]: (request) => {
      const offset = request.integer('offset')
      const body = messages.at(offset)
      if (body) return { body }
      return { code: ResponseCode.SYSTEM_ERROR, remark: `can not find message by the offset, ${offset}` }
    },
    [RequestCode.QUERY_MESSAGE]: async (request) => {
      const found = await messages.byKey({
        topic: request.text('topic'),
        key: request.text('key'),
        countMax: request.integer('maxNum'),
        isUniqueKey: request.boolean(UNIQUE_KEY_FLAG),
        beginMs: timeOf(request, 'beginTimestamp'),
        endMs: timeOf(request, 'endTimestamp'),
      })
      if (found.length === 0) {
        const extFields = { indexLastUpdateTimestamp: '0', indexLastUpdatePhyoffset: '0' }
        return {
          code: ResponseCode.QUERY_NOT_FOUND,
          remark: 'can not find message, maybe time range not correct',
          extFields,
        }
      }
      const { endMs = 0, endOffset = 0 } = broker.store.index ?? {}
      const extFields = {
        indexLastUpdateTimestamp: String(endMs),
        indexLastUpdatePhyoffset: String(endOffset),
      }
      return { body: Buffer.concat(found), extFields }
    },
  }
}

/** A time; clients say Java's Long.MAX_VALUE for "any". @throws MqError invalidParameter */
function timeOf(request: Request, name: string): number {
  const text = request.text(name)
  return /^\d{17,19}$/.test(text) ? Number.MAX_SAFE_INTEGER : request.integer(name)
}
