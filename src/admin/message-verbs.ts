import { MqError } from '../base/errors.ts'
import { ClientError, type SendResult } from '../client/index.ts'
import { decodeConsumeQueueRange } from '../protocol/consume-queue-data.ts'
import { decodeConsumeResult } from '../protocol/consume-result.ts'
import { decodeMessages, type MessageExt } from '../protocol/message-codec.ts'
import { offsetMessageIdText, parseOffsetMessageId } from '../protocol/message-id.ts'
import { PropertyName } from '../protocol/message-properties.ts'
import { RequestCode } from '../protocol/request-code.ts'
import { matchesTag, parseTagExpression } from '../protocol/tag-expression.ts'
import type { Cluster } from './cluster.ts'
import { messageRecord, messageRow } from './message-text.ts'
import { integer, moment, optionalInteger, required, text, textOr, timeMs } from './option.ts'
import { type QueueReader, readersOf } from './queue-reader.ts'
import { type Row, record, table, type Verb, verb } from './verb.ts'

const COUNT = { min: 1, max: 1_000_000 }
const QUEUE = { min: 0, max: 65_536 }
const OFFSET = { min: 0, max: Number.MAX_SAFE_INTEGER }
const ROW_COLUMNS = ['queue', 'offset', 'id', 'tag', 'keys', 'stored', 'body']
/** The latest time that a date can have: any. */
const TIME_MAX = 8_640_000_000_000_000

const topic = required('topic', 'name of the topic')

const send = verb('message', 'send', {
  about: 'send a message',
  options: {
    topic,
    body: required('text', 'what to send'),
    tag: text('tag', 'what consumers filter by'),
    keys: text('keys', 'what it can be found by, joined by spaces'),
    property: text('name=value', 'further properties, joined by commas'),
    delayLevel: optionalInteger({ min: 1, max: 1000 }, 'deliver after the delay of this level'),
    broker: text('broker', 'with --queue: this broker'),
    queue: optionalInteger(QUEUE, 'this queue'),
  },
  positional: ['topic', 'body'],
  mqadmin: {
    name: 'sendMessage',
    flags: {
      ...{
        't,topic': 'topic',
        'p,body': 'body',
        'k,key': 'keys',
        'c,tags': 'tag',
        'b,broker': 'broker',
        'i,qid': 'queue',
      },
      'm,msgTraceEnable': '',
    },
  },
  async run({ cluster }, input) {
    const result = await sendOne(cluster, input)
    const { status, messageId, offsetMessageId, queue, queueOffset } = result
    return record({
      status,
      id: messageId,
      offsetId: offsetMessageId,
      broker: queue.brokerName,
      queue: queue.queueId,
      offset: queueOffset,
    })
  },
})

const get = verb('message', 'get', {
  about: 'a message by its id: the one clients see, or the one that says where it lies',
  options: {
    topic,
    id: required('id', 'unique id, or offset id'),
    consumer: text('clientId', 'have this client consume it now'),
    group: text('group', 'with --consumer: its group'),
  },
  positional: ['topic', 'id'],
  mqadmin: [
    {
      name: 'queryMsgByUniqueKey',
      flags: {
        't,topic': 'topic',
        'i,msgId': 'id',
        'g,consumerGroup': 'group',
        'd,clientId': 'consumer',
        'a,showAll': '',
        'c,cluster': '',
        's,startTime': '',
        'e,endTime': '',
      },
    },
    {
      name: 'queryMsgById',
      flags: {
        't,topic': 'topic',
        'i,msgId': 'id',
        'g,consumerGroup': 'group',
        'd,clientId': 'consumer',
        's,sendMessage': '',
        'u,unitName': '',
        'f,bodyFormat': '',
        'c,cluster': '',
      },
    },
  ],
  async run(context, { topic: name, id, consumer, group }) {
    const { cluster, clock } = context
    const message = (await byUniqueKey(cluster, name, id)) ?? (await byOffsetId(cluster, id))
    if (!message)
      throw new ClientError(
        'notFound',
        `topic ${name} has no message ${id}; by a key it is found by ternmq message find ${name} ${id}`,
      )
    if (consumer === undefined) return record(messageRecord(message, clock))
    const fields = {
      consumerGroup: group,
      clientId: consumer,
      topic: name,
      msgId: offsetMessageIdText({ host: message.storeHost, offset: message.commitLogOffset }),
    }
    const address = `${message.storeHost.ip}:${message.storeHost.port}`
    const { body } = await cluster.broker(address, RequestCode.CONSUME_MESSAGE_DIRECTLY, fields)
    const { consumeResult, spentTimeMills, remark } = decodeConsumeResult(body)
    return record({ id, client: consumer, result: consumeResult, tookMs: spentTimeMills, remark })
  },
})

const byKey = verb('message', 'find', {
  about: 'messages by a key, in a window of time',
  options: {
    topic,
    key: required('key', 'one of the keys of the messages'),
    from: moment('stored at this time or later'),
    to: moment('stored before this time'),
    max: integer(64, { min: 1, max: 64 }, 'most messages of each broker'),
  },
  positional: ['topic', 'key'],
  mqadmin: {
    name: 'queryMsgByKey',
    flags: {
      't,topic': 'topic',
      'k,msgKey': 'key',
      'b,beginTimestamp': 'from',
      'e,endTimestamp': 'to',
      'm,maxNum': 'max',
      'c,cluster': '',
      'p,keyType': '',
      'l,lastKey': '',
    },
  },
  async run({ cluster, clock }, input) {
    const window = windowOf(input, clock.nowMs())
    const found = await queryMessages(cluster, {
      ...window,
      topic: input.topic,
      key: input.key,
      max: input.max,
    })
    const exact = found.filter(({ properties }) => keysOf(properties).includes(input.key))
    return table(
      exact.map((message) => messageRow(message, clock)),
      ROW_COLUMNS,
    )
  },
})

const at = verb('message', 'at', {
  about: 'the message at an offset of a queue',
  options: {
    topic,
    broker: required('broker', 'name of the broker'),
    queue: integer(0, QUEUE, 'the queue'),
    offset: integer(0, OFFSET, 'its offset there'),
  },
  positional: ['topic', 'broker', 'queue', 'offset'],
  mqadmin: {
    name: 'queryMsgByOffset',
    flags: {
      't,topic': 'topic',
      'b,brokerName': 'broker',
      'i,queueId': 'queue',
      'o,offset': 'offset',
      'f,bodyFormat': '',
      'r,routeTopic': '',
    },
  },
  async run({ cluster, clock }, { topic: name, broker, queue, offset }) {
    const [reader] = await readersOf(cluster, name, { broker, queueId: queue, from: { offset } })
    const message = (await reader?.next(1))?.[0]
    if (message?.queueOffset !== offset)
      throw new ClientError('notFound', `queue ${queue} of ${name} has no message at ${offset}`)
    return record(messageRecord(message, clock))
  },
})

const print = verb('message', 'print', {
  about: 'messages of a topic, or of one queue, by tags and times',
  options: {
    topic,
    tags: textOr('*', 'expression', 'such as A || B'),
    broker: text('broker', 'this broker only'),
    queue: optionalInteger(QUEUE, 'this queue only'),
    from: moment('stored at this time or later'),
    to: moment('stored before this time'),
    offset: optionalInteger(OFFSET, 'from this offset on'),
    max: integer(128, COUNT, 'most messages'),
  },
  positional: ['topic'],
  mqadmin: [
    {
      name: 'printMsg',
      flags: {
        't,topic': 'topic',
        's,subExpression': 'tags',
        'b,beginTimestamp': 'from',
        'e,endTimestamp': 'to',
        'c,charsetName': '',
        'd,printBody': '',
        'l,lmqParentTopic': '',
      },
    },
    {
      name: 'printMsgByQueue',
      flags: {
        't,topic': 'topic',
        'a,brokerName': 'broker',
        'i,queueId': 'queue',
        's,subExpression': 'tags',
        'b,beginTimestamp': 'from',
        'e,endTimestamp': 'to',
        'c,charsetName': '',
        'p,printMsg': '',
        'd,printBody': '',
        'f,calculateByTag': '',
      },
    },
    {
      name: 'consumeMessage',
      flags: {
        't,topic': 'topic',
        'b,brokerName': 'broker',
        'i,queueId': 'queue',
        'o,offset': 'offset',
        's,beginTimestamp': 'from',
        'e,endTimestamp': 'to',
        'c,MessageNumber': 'max',
        'g,consumerGroup': '',
      },
    },
  ],
  async run({ cluster, clock, signal }, input) {
    const { from, to } = windowOf(input, clock.nowMs())
    const begin = input.offset !== undefined ? { offset: input.offset } : { timestampMs: from }
    const start = input.offset === undefined && input.from === undefined ? 'begin' : begin
    const readers = await readersOf(cluster, input.topic, {
      broker: input.broker,
      queueId: input.queue,
      from: start,
    })
    const tags = parseTagExpression(input.tags)
    const rows: Row[] = []
    for (const reader of readers) {
      for await (const message of messagesOf(reader, signal)) {
        if (rows.length >= input.max || message.storeTimestamp >= to) break
        if (matchesTag(tags, message.properties.get(PropertyName.TAGS))) rows.push(messageRow(message, clock))
      }
    }
    return table(rows, ROW_COLUMNS)
  },
})

const entries = verb('message', 'entries', {
  about: 'raw entries of a ConsumeQueue',
  options: {
    topic,
    broker: text('broker', 'name of the broker, or host:port'),
    queue: integer(0, QUEUE, 'the queue'),
    index: integer(0, OFFSET, 'first entry'),
    count: integer(10, { min: 1, max: 10_000 }, 'entries'),
    group: text('group', 'say which of them its filter lets pass'),
  },
  positional: ['topic'],
  mqadmin: {
    name: 'queryCq',
    flags: {
      't,topic': 'topic',
      'q,queue': 'queue',
      'i,index': 'index',
      'c,count': 'count',
      'b,broker': 'broker',
      'g,consumer': 'group',
    },
  },
  async run({ cluster }, input) {
    const [first] = await cluster.mastersOf(input.topic)
    const { address } = input.broker === undefined && first ? first : await cluster.firstMaster(input)
    const { body } = await cluster.broker(address, RequestCode.QUERY_CONSUME_QUEUE, {
      ...{
        topic: input.topic,
        queueId: input.queue,
        index: input.index,
        count: input.count,
        consumerGroup: input.group,
      },
    })
    const range = decodeConsumeQueueRange(body)
    return table(
      range.queueData.map(({ physicOffset, physicSize, tagsCode, eval: passes }, i) => ({
        index: input.index + i,
        physicOffset,
        physicSize,
        tagsCode: String(tagsCode),
        passes,
      })),
      ['index', 'physicOffset', 'physicSize', 'tagsCode', 'passes'],
      `the queue holds ${range.minQueueIndex} to ${range.maxQueueIndex}`,
    )
  },
})

const probe = verb('message', 'probe', {
  about: 'send small messages to each queue of a topic and say how long each took',
  options: {
    topic,
    count: integer(10, COUNT, 'messages'),
    size: integer(128, { min: 1, max: 4_194_304 }, 'bytes of each'),
  },
  positional: ['topic'],
  mqadmin: [
    { name: 'checkMsgSendRT', flags: { 't,topic': 'topic', 'a,amount': 'count', 's,size': 'size' } },
    {
      name: 'sendMsgStatus',
      flags: { 'b,brokerName': 'topic', 's,messageSize': 'size', 'c,count': 'count' },
    },
  ],
  async run({ cluster, clock }, { topic: name, count, size }) {
    const producer = cluster.client.producer({ group: 'ternmq-probe', retries: 0 })
    const rows: Row[] = []
    for (let i = 0; i < count; i++) {
      const beganMs = clock.monoMs()
      const { queue, status } = await producer.send(
        { topic: name, body: Buffer.alloc(size, 0x61) },
        { queueIndex: i },
      )
      const tookMs = Math.round((clock.monoMs() - beganMs) * 1000) / 1000
      rows.push({ broker: queue.brokerName, queue: queue.queueId, status, tookMs })
    }
    const average = rows.reduce((sum, row) => sum + Number(row.tookMs), 0) / Math.max(rows.length, 1)
    return table(rows, ['broker', 'queue', 'status', 'tookMs'], `average ${average.toFixed(3)} ms`)
  },
})

export const messageVerbs: readonly Verb[] = [send, get, byKey, at, print, entries, probe]

/** Messages of a reader up to the end of its queue. */
export async function* messagesOf(reader: QueueReader, signal: AbortSignal): AsyncGenerator<MessageExt> {
  while (!signal.aborted) {
    const messages = await reader.next()
    if (messages.length === 0) return
    yield* messages
  }
}

/** Messages whose index entry fits a key, or a unique id, over all brokers of the topic. */
export async function queryMessages(
  cluster: Cluster,
  query: { topic: string; key: string; from: number; to: number; max: number; isUnique?: boolean },
): Promise<MessageExt[]> {
  const found: MessageExt[] = []
  for (const { address } of await cluster.mastersOf(query.topic)) {
    const fields = {
      ...{
        topic: query.topic,
        key: query.key,
        maxNum: query.max,
        beginTimestamp: query.from,
        endTimestamp: query.to,
      },
      ...(query.isUnique && { _UNIQUE_KEY_QUERY: true }),
    }
    try {
      found.push(...decodeMessages((await cluster.broker(address, RequestCode.QUERY_MESSAGE, fields)).body))
    } catch (error) {
      if (!(error instanceof ClientError) || error.code !== 'notFound') throw error
    }
  }
  return found.toSorted((one, other) => one.storeTimestamp - other.storeTimestamp)
}

async function byUniqueKey(cluster: Cluster, name: string, id: string): Promise<MessageExt | undefined> {
  const query = { topic: name, key: id, from: 0, to: TIME_MAX, max: 32, isUnique: true }
  const found = await queryMessages(cluster, query)
  return found.find(({ properties }) => properties.get(PropertyName.UNIQ_KEY) === id)
}

async function byOffsetId(cluster: Cluster, id: string): Promise<MessageExt | undefined> {
  try {
    const { host, offset } = parseOffsetMessageId(id)
    const { body } = await cluster.broker(`${host.ip}:${host.port}`, RequestCode.VIEW_MESSAGE_BY_ID, {
      offset,
    })
    return decodeMessages(body)[0]
  } catch (error) {
    // unique ids look the same, and lead nowhere
    if (error instanceof MqError) return undefined
    throw error
  }
}

async function sendOne(
  cluster: Cluster,
  input: {
    readonly topic: string
    readonly body: string
    readonly tag: string | undefined
    readonly keys: string | undefined
    readonly property: string | undefined
    readonly delayLevel: number | undefined
    readonly broker: string | undefined
    readonly queue: number | undefined
  },
): Promise<SendResult> {
  const { tag, keys, property, delayLevel, broker, queue } = input
  const message = {
    ...{ topic: input.topic, body: input.body },
    ...(tag !== undefined && { tag }),
    ...(keys !== undefined && { keys: keys.split(' ') }),
    ...(property !== undefined && { properties: propertiesOf(property) }),
    ...(delayLevel !== undefined && { delayLevel }),
  }
  const producer = cluster.client.producer({ group: 'ternmq-cli' })
  if (queue === undefined) return producer.send(message)
  const queues = await cluster.client.admin.queues(input.topic)
  const chosen = queues.find(
    (each) => each.queueId === queue && (broker === undefined || each.brokerName === broker),
  )
  if (!chosen) throw new ClientError('notFound', `topic ${input.topic} has no queue ${queue}`)
  return producer.send(message, { queue: chosen })
}

function propertiesOf(pairs: string): Record<string, string> {
  return Object.fromEntries(
    pairs.split(',').map((pair) => {
      const at = pair.indexOf('=')
      if (at <= 0) throw new ClientError('invalidParameter', `property wants name=value, not "${pair}"`)
      return [pair.slice(0, at), pair.slice(at + 1)]
    }),
  )
}

function keysOf(properties: ReadonlyMap<string, string>): string[] {
  return (properties.get(PropertyName.KEYS) ?? '').split(' ')
}

function windowOf(
  input: { from: string | undefined; to: string | undefined },
  nowMs: number,
): { from: number; to: number } {
  return {
    from: input.from === undefined ? 0 : timeMs(input.from, { name: 'from', nowMs }),
    to: input.to === undefined ? TIME_MAX : timeMs(input.to, { name: 'to', nowMs }),
  }
}
