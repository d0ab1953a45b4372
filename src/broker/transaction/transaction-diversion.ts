import { MqError } from '../../base/errors.ts'
import { PropertyName } from '../../protocol/message-properties.ts'
import { SystemTopic } from '../../protocol/names.ts'
import { MessageSysFlag } from '../../protocol/sys-flag.ts'
import type { BrokerSettings } from '../broker-settings.ts'
import type { Divert } from '../diversion.ts'
import type { TopicTable } from '../topic-table.ts'

/**
 * Takes the messages of transactions to the half topic, where nobody sees them before they are committed (protocol/semantics.md §10). Like
 * RocketMQ it goes by the property alone, and lets a message pass that a consumer of an old release sends to be tried again.
 */
export function transactionDiversion(settings: BrokerSettings, topics: TopicTable): Divert {
  return (message, properties) => {
    const index = properties.scan.find(PropertyName.TRAN_MSG)
    if (index < 0 || properties.scan.text(index).toLowerCase() !== 'true') return undefined
    const isRetried =
      message.reconsumeTimes > 0 && Number(properties.scan.optionalText(PropertyName.DELAY) ?? 0) > 0
    if (message.isCommitted || isRetried) return undefined
    if (settings.rejectTransactionMessage) {
      throw new MqError(
        'noPermission',
        `the broker[${settings.brokerName}] sending transaction message is forbidden`,
      )
    }
    message.sysFlag &= ~MessageSysFlag.TRANSACTION_MASK
    const topic = topics.require(SystemTopic.TRANS_HALF)
    const transactionId = properties.scan.optionalText(PropertyName.UNIQ_KEY) ?? ''
    properties.set([
      [PropertyName.TRANSACTION_ID, transactionId],
      [PropertyName.REAL_TOPIC, message.topicName],
      [PropertyName.REAL_QID, String(message.queueId)],
    ])
    return { topic: topic.queues, queueId: 0, countedFor: topic }
  }
}
