import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { decodeConsumerList } from '#ternmq/protocol/consumer-list.ts'
import { decodeMessages } from '#ternmq/protocol/message-codec.ts'
import { parseProperties, propertiesText } from '#ternmq/protocol/message-properties.ts'
import { decodeCommand, encodeCommand, type RemotingCommand } from '#ternmq/protocol/remoting-command.ts'
import { RequestCode, requestCodeName } from '#ternmq/protocol/request-code.ts'
import { AdminReplay } from './admin-replay.ts'
import { shapeOf } from './body-shape.ts'
import { BROKERS_OWN, clientExchanges, type Exchange, type Queue, ServerReplay } from './server-replay.ts'

/** A request that is about to be asked again, with what its answer tells of the state that it met. */
interface Asked {
  readonly replay: ServerReplay
  readonly fields: Readonly<Record<string, string>>
  /** Fields of the captured answer. */
  readonly answer: Readonly<Record<string, string>>
  readonly response: Exchange['response']
  readonly body: Buffer
}

/** What a request becomes: its fields, where they name places of this run. */
type Prepared = Readonly<Record<string, string>> | undefined

const queueOf = ({ topic = '', queueId = '0' }: Readonly<Record<string, string>>): Queue => {
  return { topic, queueId: Number(queueId) }
}

/** Makes the state that the captured answer speaks of, by request code. */
const preparations: Readonly<Record<number, (asked: Asked) => Prepared | Promise<Prepared>>> = {
  [RequestCode.SEND_MESSAGE]: async (asked) => {
    const { properties = '' } = asked.fields
    await sendable(asked, { ...queueOf(asked.fields), properties })
    return { ...asked.fields, properties: later(properties) }
  },
  [RequestCode.SEND_MESSAGE_V2]: (asked) => sendableV2(asked),
  [RequestCode.SEND_BATCH_MESSAGE]: (asked) => sendableV2(asked),
  [RequestCode.PULL_MESSAGE]: pullable,
  [RequestCode.LITE_PULL_MESSAGE]: pullable,
  [RequestCode.QUERY_CONSUMER_OFFSET]: async ({ answer, fields, replay, response }) => {
    const [group, queue] = [fields.consumerGroup ?? '', queueOf(fields)]
    replay.group(group)
    const { offsets } = replay.broker
    if (response.decoded.code !== 0) {
      replay.topic(queue.topic)
      offsets.forget(group, queue.topic, queue.queueId)
      return undefined
    }
    const offset = Number(answer.offset)
    await replay.fill(queue, Math.max(1, offset))
    // of a young queue that nobody has committed in, the answer is 0 too
    if (offset > 0) offsets.of(group, queue.topic).commit(queue.queueId, offset)
    else offsets.forget(group, queue.topic, queue.queueId)
    return undefined
  },
  [RequestCode.UPDATE_CONSUMER_OFFSET]: async ({ fields, replay, response }) => {
    if (response.decoded.code === 0) replay.group(fields.consumerGroup ?? '')
    await replay.fill(queueOf(fields), Number(fields.commitOffset))
    return undefined
  },
  [RequestCode.GET_MAX_OFFSET]: async ({ answer, fields, replay }) => {
    await replay.fill(queueOf(fields), Number(answer.offset))
    return undefined
  },
  [RequestCode.GET_MIN_OFFSET]: ({ fields, replay }) => {
    replay.topic(fields.topic ?? '')
    return undefined
  },
  [RequestCode.GET_EARLIEST_MSG_STORETIME]: async ({ fields, replay }) => {
    await replay.fill(queueOf(fields), 1)
    return undefined
  },
  // in a topic of its own, as messages of this run are all of one time
  [RequestCode.SEARCH_OFFSET_BY_TIMESTAMP]: async ({ answer, fields, replay }) => {
    const topic = `${fields.topic}_${answer.offset}`
    const queue = queueOf({ ...fields, topic })
    await replay.fill(queue, Number(answer.offset))
    const timestamp = await replay.nextMillisecond()
    await replay.fill(queue, Number(answer.offset) + 1)
    return { ...fields, topic, timestamp: String(timestamp) }
  },
  [RequestCode.GET_CONSUMER_LIST_BY_GROUP]: ({ fields, replay, response }) => {
    const group = fields.consumerGroup ?? ''
    const ids = response.decoded.code === 0 ? decodeConsumerList(response.body) : []
    replay.connect(ids.map((clientId) => ({ clientId, group })))
    return undefined
  },
  [RequestCode.LOCK_BATCH_MQ]: lockable,
  [RequestCode.UNLOCK_BATCH_MQ]: lockable,
}

/** Messages that wait elsewhere at first have their offset there. */
function isDiverted(properties: string): boolean {
  const names = [...parseProperties(properties).keys()]
  return names.some((name) => name === 'DELAY' || name === 'TRAN_MSG' || name.startsWith('TIMER_'))
}

/** Fills the queue up to where the message was stored. */
async function sendable(
  { answer, replay }: Asked,
  { topic, queueId, properties }: Queue & { readonly properties: string },
): Promise<void> {
  const [first = '0'] = (answer.queueOffset ?? '').split(',')
  // the first message of a topic makes it
  if (first !== '0' && !isDiverted(properties)) await replay.fill({ topic, queueId }, Number(first))
}

async function sendableV2(asked: Asked): Promise<Prepared> {
  const { b: topic = '', e, i = '' } = asked.fields
  await sendable(asked, { topic, queueId: Number(e), properties: i })
  return { ...asked.fields, i: later(i) }
}

/** Properties of a message that comes an hour later than the captured one, so that it does not come into this run. */
function later(text: string): string {
  const properties = parseProperties(text)
  const laterValues = {
    TIMER_DELAY_SEC: '3600',
    TIMER_DELIVER_MS: String(Date.now() + 3_600_000),
    DELAY: '18',
  }
  for (const [name, value] of Object.entries(laterValues))
    if (properties.has(name)) properties.set(name, value)
  return propertiesText(properties)
}

async function pullable({ answer, fields, replay, response }: Asked): Promise<Prepared> {
  const [group, queue] = [fields.consumerGroup ?? '', queueOf(fields)]
  replay.group(group)
  await replay.fill(queue, Number(answer.maxOffset ?? fields.queueOffset))
  const [sysFlag, subVersion] = [Number(fields.sysFlag), BigInt(fields.subVersion ?? 0)]
  const isOld = response.decoded.code === 25
  const hasSubscription = (sysFlag & 4) !== 0
  const { topic } = queue
  replay.connect(
    hasSubscription ? [] : [{ clientId: 'puller', group, topic, subVersion: subVersion - (isOld ? 1n : 0n) }],
  )
  if (response.decoded.remark === 'OFFSET_RESET')
    replay.broker.offsets.reset(group, topic, queue.queueId, Number(answer.nextBeginOffset))
  // what was answered in the end is answered at once
  return { ...fields, sysFlag: String(sysFlag & ~2) }
}

function lockable({ body, replay }: Asked): Prepared {
  const { consumerGroup, mqSet } = JSON.parse(body.toString()) as { consumerGroup: string; mqSet: Queue[] }
  replay.group(consumerGroup)
  for (const { topic, queueId } of mqSet) replay.topic(topic, queueId + 1)
  return undefined
}

/** Fields of answers that tell the same on every broker in the same state. */
const DECIDED = new Set([
  ...['queueId', 'TRACE_ON', 'MSG_REGION', 'transactionId', 'offset', 'suggestWhichBrokerId', 'groupSysFlag'],
  ...['nextBeginOffset', 'maxOffset', 'minOffset', 'topicSysFlag', 'IS_SUPPORT_HEART_BEAT_V2'],
])

/** Requests to brokers that are replayed elsewhere, or not at all, and why. */
const leftOut: Readonly<Record<number, string>> = {
  [RequestCode.END_TRANSACTION]: 'transaction-replay.test.ts',
  [RequestCode.SEND_REPLY_MESSAGE_V2]: 'reply-replay.test.ts',
  [RequestCode.QUERY_ASSIGNMENT]: 'pop-replay.test.ts',
  [RequestCode.SET_MESSAGE_REQUEST_MODE]: 'pop-replay.test.ts',
  [RequestCode.GET_ALL_MESSAGE_REQUEST_MODE]: 'pop-replay.test.ts',
  [RequestCode.POP_MESSAGE]: 'pop-replay.test.ts',
  [RequestCode.ACK_MESSAGE]: 'pop-replay.test.ts',
  [RequestCode.CHANGE_MESSAGE_INVISIBLETIME]: 'pop-replay.test.ts',
}

/** The 16 bits of POP_MESSAGE in a binary header: RocketMQ does not know it, TernMQ does. */
const POP_IN_BINARY = 3442

function comparable(fields: Readonly<Record<string, string>>): unknown[] {
  return Object.entries(fields)
    .map(([name, value]) => (DECIDED.has(name) ? [name, value] : [name]))
    .sort()
}

function messagesOf(body: Buffer): unknown[] {
  return decodeMessages(body).map(({ body: bytes, flag, properties, queueId, queueOffset, topic }) => {
    const names = [...properties.keys()].filter((name) => !BROKERS_OWN.has(name))
    return { topic, queueId, queueOffset, flag, body: bytes.toString('hex'), names: names.sort() }
  })
}

function checkBody(ours: RemotingCommand, { decoded, body }: Exchange['response']): void {
  assert.equal(ours.body.length > 0, body.length > 0, 'a body where RocketMQ has one')
  if (decoded.bodyMessages) assert.deepEqual(messagesOf(ours.body), messagesOf(body))
  else if (body.length > 0) assert.deepEqual(shapeOf(ours.body), shapeOf(body))
}

async function check(replay: ServerReplay, { request, response }: Exchange): Promise<void> {
  const command = decodeCommand(request.frame)
  const { decoded } = response
  const answer = decoded.extFields ?? {}
  const { extFields: fields, body } = command
  const asked = { replay, fields, answer, response, body }
  const extFields = await preparations[command.code]?.(asked)
  const type = request.frame[4]
  const frame = extFields ? encodeCommand({ ...command, extFields }, type) : request.frame
  const reply = await replay.ask(frame)
  assert.equal(reply.code, decoded.code, reply.remark)
  assert.deepEqual(comparable(reply.extFields), comparable(answer))
  if (!isDiverted(fields.i ?? fields.properties ?? ''))
    assert.equal(reply.extFields.queueOffset, answer.queueOffset)
  checkBody(reply, response)
}

describe('what clients asked a broker, asked again of a running one', () => {
  const all = clientExchanges()

  it('is answered as RocketMQ answered it, in the words of the protocol', { timeout: 120_000 }, async (t) => {
    const replay = await ServerReplay.start(t)
    const failed: string[] = []
    let count = 0
    for (const exchange of all) {
      const { code } = decodeCommand(exchange.request.frame)
      if (!(code in preparations) && !plain.has(code)) continue
      count++
      const name = `${exchange.request.name} #${exchange.request.pair}`
      await check(replay, exchange).catch((error: Error) => failed.push(`${name}: ${error.message}`))
    }
    assert.ok(count >= 120, `${count} exchanges`)
    assert.deepEqual(failed, [])
  })

  it('leaves nothing out without a reason', () => {
    const { codes } = AdminReplay
    const unknown = all
      .map(({ request }) => decodeCommand(request.frame).code)
      .filter((code) => !(code in preparations) && !plain.has(code) && !(code in leftOut))
      .filter((code) => !codes.has(code) && code !== POP_IN_BINARY)
    assert.deepEqual([...new Set(unknown)].map(requestCodeName), [])
  })
})

/** Requests that want no state. */
const plain: ReadonlySet<number> = new Set([
  ...[RequestCode.HEART_BEAT, RequestCode.UNREGISTER_CLIENT, RequestCode.CHECK_CLIENT_CONFIG],
])
