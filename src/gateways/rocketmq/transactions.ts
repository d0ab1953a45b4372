import { MqError } from '../../base/errors.ts'
import type { Broker } from '../../broker/broker.ts'
import type { EndRequest } from '../../broker/transaction/half-messages.ts'
import type { EndDone } from '../../broker/transaction/transactions.ts'
import { encodeMessage } from '../../protocol/message-codec.ts'
import { offsetMessageIdText, parseOffsetMessageId } from '../../protocol/message-id.ts'
import { PropertyName } from '../../protocol/message-properties.ts'
import { SystemTopic } from '../../protocol/names.ts'
import type { HandlerFamily, Reply, Request } from '../../protocol/request.ts'
import { RequestCode } from '../../protocol/request-code.ts'
import { MessageSysFlag } from '../../protocol/sys-flag.ts'
import type { ClientCalls } from './connections.ts'

/** What producers say of their transactions (protocol/requests.md §2), and what admins do about parked ones. */
export function transactionHandlers({ transactions }: Broker): HandlerFamily {
  return {
    [RequestCode.END_TRANSACTION]: (request) => {
      const end = endOf(request)
      // a producer that does not know yet is asked later; RocketMQ leaves it without an answer, and a client of Go waiting
      if (!end) return {}
      return answered((done) => transactions.end(end, done))
    },
    [RequestCode.RESUME_CHECK_HALF_MESSAGE]: (request) => {
      const { offset } = parseOffsetMessageId(request.text('msgId'))
      return answered((done) => transactions.resume(offset, done))
    },
  }
}

/** Lets the broker ask producers what has become of their transactions (CHECK_TRANSACTION_STATE). */
export function askProducers(broker: Broker, calls: Pick<ClientCalls, 'sendOneway'>): void {
  const { brokerName, storeHost } = broker.settings
  const host = { ip: storeHost.host, port: storeHost.port }
  broker.transactions.onCheck = ({ connectionId, message }) => {
    const uniqueKey = message.properties.get(PropertyName.UNIQ_KEY) ?? ''
    const extFields = {
      bname: brokerName,
      topic: SystemTopic.TRANS_HALF,
      tranStateTableOffset: String(message.queueOffset),
      commitLogOffset: String(message.commitLogOffset),
      offsetMsgId: offsetMessageIdText({ host, offset: message.commitLogOffset }),
      msgId: uniqueKey,
      transactionId: uniqueKey,
    }
    calls.sendOneway(connectionId, {
      code: RequestCode.CHECK_TRANSACTION_STATE,
      extFields,
      body: encodeMessage(message),
    })
  }
}

/** Undefined: the producer does not know yet. @throws MqError invalidParameter */
function endOf(request: Request): EndRequest | undefined {
  const state = request.integer('commitOrRollback')
  if (state === 0) return undefined
  if (state !== MessageSysFlag.TRANSACTION_COMMIT && state !== MessageSysFlag.TRANSACTION_ROLLBACK)
    throw new MqError('invalidParameter', `commitOrRollback wants 0, 8 or 12, not ${state}`)
  return {
    group: request.text('producerGroup'),
    physicalOffset: request.integer('commitLogOffset'),
    queueOffset: request.integer('tranStateTableOffset'),
    ending: state === MessageSysFlag.TRANSACTION_COMMIT ? 'COMMITTED' : 'ROLLED_BACK',
    isFromCheck: request.boolean('fromTransactionCheck'),
  }
}

/** An empty reply, when what is asked for is in the log. */
function answered(ask: (done: EndDone) => void): Promise<Reply> {
  return new Promise((resolve, reject) => {
    ask((error) => {
      if (error) reject(error)
      else resolve({})
    })
  })
}
