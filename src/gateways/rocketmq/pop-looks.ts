import type { Broker } from '../../broker/broker.ts'
import type { OrderedQueue } from '../../broker/pop/pop-order.ts'
import { WorkSlices } from '../../broker/work-slices.ts'
import type { HandlerFamily, Request } from '../../protocol/request.ts'
import { RequestCode } from '../../protocol/request-code.ts'
import { ResponseCode } from '../../protocol/response-code.ts'

/**
 * What tools and doors ask about pops without taking anything (protocol/requests.md §3).
 * @param pollingCount how many pops wait for a group and queue
 */
export function popLookHandlers(
  broker: Broker,
  pollingCount: (queue: OrderedQueue) => number,
): HandlerFamily {
  const { popper } = broker.pops
  return {
    [RequestCode.PEEK_MESSAGE]: async (request) => {
      const peeked = {
        ...{ ...queueOf(request), countMax: request.integer('maxMsgNums') },
        ...{ isOrdered: false, attemptId: undefined },
      }
      const question = { topic: popper.check(peeked), request: peeked }
      const slices = new WorkSlices(broker.host.clock)
      let result = popper.lookFor(question)
      for (;;) {
        popper.peek(peeked, result)
        if (result.isLoading) {
          await broker.store.reader.load()
          result = popper.lookFor(question)
        } else if (result.isUnfinished) await slices.pause()
        else break
      }
      const isFound = result.count > 0
      return {
        code: isFound ? ResponseCode.SUCCESS : ResponseCode.PULL_NOT_FOUND,
        remark: isFound ? 'FOUND' : 'NO_MESSAGE_IN_QUEUE',
        extFields: { popTime: '0', invisibleTime: '0', reviveQid: '0', restNum: String(result.restCount) },
        ...(isFound && { body: Buffer.concat(result.bodies) }),
      }
    },
    [RequestCode.POLLING_INFO]: (request) => {
      const queue = queueOf(request)
      popper.check(queue)
      return { extFields: { pollingNum: String(pollingCount(queue)) } }
    },
    // RocketMQ moves check points of its other form into the revive log by this; they are nowhere else here
    [RequestCode.POP_ROLLBACK]: () => ({}),
  }
}

function queueOf(request: Request): OrderedQueue {
  return {
    group: request.text('consumerGroup'),
    topic: request.text('topic'),
    queueId: request.integer('queueId'),
  }
}
