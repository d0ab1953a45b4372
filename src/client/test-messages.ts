import { encodeMessage } from '../protocol/message-codec.ts'
import { parseTagExpression } from '../protocol/tag-expression.ts'
import { type ReceivedMessage, readMessages } from './received-message.ts'

/** Messages of one queue, as a pull brings them. */
export function messagesAt(...offsets: number[]): ReceivedMessage[] {
  const host = { ip: '10.0.0.1', port: 1 }
  const records = offsets.map((queueOffset) =>
    encodeMessage({
      ...{ topic: 't', queueId: 0, queueOffset, commitLogOffset: queueOffset * 1000, sysFlag: 0, flag: 0 },
      ...{ bornTimestamp: 1, bornHost: host, storeTimestamp: 2, storeHost: host, reconsumeTimes: 0 },
      ...{ preparedTransactionOffset: 0, body: Buffer.from('x'), propertiesBytes: Buffer.alloc(0) },
    }),
  )
  const bytes = Buffer.concat(records)
  const queue = { topic: 't', brokerName: 'a', queueId: 0 }
  return readMessages(bytes, { at: 0, end: bytes.length }, queue, parseTagExpression('*'))
}
