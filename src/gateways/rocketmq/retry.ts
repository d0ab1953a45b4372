import type { Broker } from '../../broker/broker.ts'
import { ClientVersion } from '../../protocol/client-version.ts'
import type { HandlerFamily } from '../../protocol/request.ts'
import { RequestCode } from '../../protocol/request-code.ts'
import { ResponseCode } from '../../protocol/response-code.ts'

/** Messages that a group could not consume (protocol/requests.md §2, code 36). */
export function retryHandlers(broker: Broker): HandlerFamily {
  return {
    [RequestCode.CONSUMER_SEND_MSG_BACK]: async (request) => {
      const physicalOffset = request.integer('offset')
      const hasLimit = request.version >= ClientVersion.V3_4_9
      const result = await broker.retry.giveBack({
        group: request.text('group'),
        physicalOffset,
        delayLevel: request.integer('delayLevel'),
        reconsumeTimesMax: hasLimit ? request.optionalInteger('maxReconsumeTimes', undefined) : undefined,
        isUnitMode: request.boolean('unitMode'),
      })
      if (result !== 'notFound') return {}
      return { code: ResponseCode.SYSTEM_ERROR, remark: `look message by offset failed, ${physicalOffset}` }
    },
  }
}
