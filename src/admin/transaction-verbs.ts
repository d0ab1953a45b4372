import { ClientError } from '../client/index.ts'
import type { MessageExt } from '../protocol/message-codec.ts'
import { offsetMessageIdText, parseOffsetMessageId } from '../protocol/message-id.ts'
import { PropertyName } from '../protocol/message-properties.ts'
import { SystemTopic } from '../protocol/names.ts'
import { RequestCode } from '../protocol/request-code.ts'
import { messageRow } from './message-text.ts'
import { integer, required, text } from './option.ts'
import { readersIfThere } from './queue-reader.ts'
import { done, type Row, table, type Verb, type VerbContext, verb } from './verb.ts'

const PARKED = SystemTopic.TRANS_CHECK_MAX_TIME

const parked = verb('transaction', 'parked', {
  about: 'messages of transactions that nobody has ended however often a broker asked',
  options: {
    group: text('group', 'of this producer group only'),
    max: integer(100, { min: 1, max: 1_000_000 }, 'most messages'),
  },
  async run(context, { group, max }) {
    const rows: Row[] = []
    for await (const message of parkedMessages(context)) {
      const { properties, storeHost, commitLogOffset } = message
      const producers = properties.get(PropertyName.PGROUP) ?? ''
      if (group !== undefined && group !== producers) continue
      rows.push({
        ...messageRow(message, context.clock),
        offsetId: offsetMessageIdText({ host: storeHost, offset: commitLogOffset }),
        topic: properties.get(PropertyName.REAL_TOPIC) ?? '',
        group: producers,
      })
      if (rows.length === max) break
    }
    return table(rows, ['offsetId', 'topic', 'group', 'id', 'keys', 'stored', 'body'])
  },
})

const resume = verb('transaction', 'resume', {
  about: 'let the producers of a parked message be asked again',
  options: { id: required('offsetId', 'where it lies, as `transaction parked` shows it') },
  positional: ['id'],
  async run({ cluster }, { id }) {
    if (!/^([0-9A-Fa-f]{32}|[0-9A-Fa-f]{56})$/.test(id))
      throw new ClientError(
        'invalidParameter',
        `${id} does not say where a message lies: it wants an offsetId of ternmq transaction parked`,
      )
    const { host } = parseOffsetMessageId(id)
    await cluster.broker(`${host.ip}:${host.port}`, RequestCode.RESUME_CHECK_HALF_MESSAGE, { msgId: id })
    return done(`the producers of ${id} will be asked again`, { id })
  },
})

export const transactionVerbs: readonly Verb[] = [parked, resume]

/** The messages of the topic, broker by broker; none where no broker has ever parked one. */
async function* parkedMessages({ cluster, signal }: VerbContext): AsyncGenerator<MessageExt> {
  for (const reader of await readersIfThere(cluster, PARKED, { from: 'begin' })) {
    for (let messages = await reader.next(); messages.length > 0; messages = await reader.next()) {
      signal.throwIfAborted()
      yield* messages
    }
  }
}
