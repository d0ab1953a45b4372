import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { decodeConsumeQueueRange } from '#ternmq/protocol/consume-queue-data.ts'
import { decodeBrokerConsumeStats, decodeConsumeStats } from '#ternmq/protocol/consume-stats.ts'
import { decodeConsumerConnection } from '#ternmq/protocol/consumer-connection.ts'
import { decodeConsumerOffsets } from '#ternmq/protocol/consumer-offsets.ts'
import { decodeKvTable } from '#ternmq/protocol/kv-table.ts'
import { decodeMessages } from '#ternmq/protocol/message-codec.ts'
import { decodeOffsetTable } from '#ternmq/protocol/offset-table.ts'
import { decodeCommand, type RemotingCommand } from '#ternmq/protocol/remoting-command.ts'
import { RequestCode, requestCodeName } from '#ternmq/protocol/request-code.ts'
import { decodeSubscriptionGroupTable } from '#ternmq/protocol/subscription-group-config.ts'
import { decodeTopicConfigTable } from '#ternmq/protocol/topic-config.ts'
import { decodeGroupList } from '#ternmq/protocol/topic-list.ts'
import { decodeTopicStats } from '#ternmq/protocol/topic-stats.ts'
import { AdminReplay } from './admin-replay.ts'
import { shapeOf } from './body-shape.ts'
import { type FrameVector, frameVectors } from './vectors.ts'

/** A request of a tool, and what RocketMQ answered. */
interface Exchange {
  readonly request: FrameVector
  readonly response: FrameVector
}

/** What replays prepare, by request code: the state that the captured answer speaks of. */
type Prepare = (
  replay: AdminReplay,
  captured: Buffer,
  fields: Readonly<Record<string, string>>,
) => void | Promise<void>

const preparations: Readonly<Record<number, Prepare>> = {
  [RequestCode.GET_TOPIC_STATS_INFO]: (replay, captured) => {
    for (const [queue, { maxOffset }] of decodeTopicStats(captured).offsetTable) replay.fill(queue, maxOffset)
  },
  [RequestCode.GET_CONSUME_STATS]: (replay, captured, { consumerGroup = '' }) => {
    for (const [queue, { brokerOffset, consumerOffset }] of decodeConsumeStats(captured).offsetTable) {
      replay.fill(queue, brokerOffset)
      replay.commit(consumerGroup, queue, consumerOffset)
    }
  },
  [RequestCode.GET_BROKER_CONSUME_STATS]: (replay, captured) => {
    for (const [group, ofTopics] of decodeBrokerConsumeStats(captured).consumeStats) {
      replay.broker.groups.forUse(group)
      for (const { offsetTable } of ofTopics) {
        for (const [queue, { brokerOffset, consumerOffset }] of offsetTable) {
          replay.fill(queue, brokerOffset)
          replay.commit(group, queue, consumerOffset)
        }
      }
    }
  },
  [RequestCode.INVOKE_BROKER_TO_RESET_OFFSET]: (replay, captured, { group = '' }) => {
    replay.broker.groups.forUse(group)
    for (const [queue, offset] of decodeOffsetTable(captured)) replay.fill(queue, offset)
  },
  [RequestCode.GET_CONSUMER_CONNECTION_LIST]: (replay, captured, { consumerGroup = '' }) => {
    if (captured.length > 0) replay.connect(consumerGroup, decodeConsumerConnection(captured))
  },
  [RequestCode.GET_CONSUMER_RUNNING_INFO]: (replay, _, fields) => replay.connectOne(fields),
  [RequestCode.CONSUME_MESSAGE_DIRECTLY]: (replay, _, fields) => replay.connectOne(fields),
  [RequestCode.QUERY_TOPIC_CONSUME_BY_WHO]: (replay, captured, { topic = '' }) => {
    for (const group of decodeGroupList(captured)) replay.commit(group, { topic, queueId: 0 }, 0)
  },
  [RequestCode.VIEW_BROKER_STATS_DATA]: async (replay, captured, { statsKey = '' }) => {
    replay.fill({ topic: statsKey.split('@')[0] ?? '', queueId: 0 }, captured.length > 0 ? 26 : 0)
    await replay.test.clock.advance(600_000)
  },
  [RequestCode.QUERY_CONSUME_QUEUE]: (replay, captured, { topic = '', queueId }) => {
    const { maxQueueIndex } = decodeConsumeQueueRange(captured)
    replay.fill({ topic, queueId: Number(queueId) }, maxQueueIndex, { TAGS: 'TagA' })
  },
  [RequestCode.GET_ALL_TOPIC_CONFIG]: (replay, captured) => {
    const { topics } = replay.broker
    for (const config of decodeTopicConfigTable(captured).topicConfigTable.values()) {
      if (!topics.isSystem(config.topicName)) topics.put(config)
    }
  },
  [RequestCode.GET_ALL_SUBSCRIPTIONGROUP_CONFIG]: (replay, captured) => {
    for (const config of decodeSubscriptionGroupTable(captured).subscriptionGroupTable.values())
      replay.broker.groups.put(config)
  },
  [RequestCode.GET_ALL_CONSUMER_OFFSET]: (replay, captured) => replay.broker.offsets.load(captured),
  [RequestCode.VIEW_MESSAGE_BY_ID]: (replay, captured) => replay.store(decodeMessages(captured)),
  [RequestCode.QUERY_MESSAGE]: (replay, captured) => replay.store(decodeMessages(captured)),
  [RequestCode.CONSUMER_SEND_MSG_BACK]: (replay, _, { originTopic = '' }) =>
    replay.fill({ topic: originTopic, queueId: 0 }, 1),
  [RequestCode.DELETE_TOPIC_IN_BROKER]: (replay, _, { topic = '' }) => replay.fill({ topic, queueId: 0 }, 1),
}

/** What is compared beyond the body's shape, by request code. */
const comparisons: Readonly<Record<number, (ours: Buffer, theirs: Buffer) => void>> = {
  [RequestCode.GET_TOPIC_STATS_INFO]: (ours, theirs) => {
    const bounds = (body: Buffer): unknown[] =>
      inOrder(
        [...decodeTopicStats(body).offsetTable].map(([queue, { minOffset, maxOffset }]) => ({
          ...queue,
          minOffset,
          maxOffset,
        })),
      )
    assert.deepEqual(bounds(ours), bounds(theirs))
  },
  [RequestCode.GET_CONSUME_STATS]: (ours, theirs) => {
    const progress = (body: Buffer): unknown[] =>
      inOrder(
        [...decodeConsumeStats(body).offsetTable].map(([queue, offsets]) => ({
          ...queue,
          ...offsets,
          lastTimestamp: 0,
        })),
      )
    assert.deepEqual(progress(ours), progress(theirs))
  },
  [RequestCode.GET_BROKER_CONSUME_STATS]: (ours, theirs) => {
    const [our, their] = [decodeBrokerConsumeStats(ours), decodeBrokerConsumeStats(theirs)]
    for (const group of their.consumeStats.keys()) {
      assert.equal(our.consumeStats.get(group)?.length, their.consumeStats.get(group)?.length, group)
    }
    assert.equal(our.totalDiff, their.totalDiff)
    assert.equal(our.brokerAddr, their.brokerAddr)
  },
  [RequestCode.INVOKE_BROKER_TO_RESET_OFFSET]: (ours, theirs) => {
    const offsets = (body: Buffer): unknown[] =>
      inOrder([...decodeOffsetTable(body)].map(([queue, offset]) => ({ ...queue, offset })))
    assert.deepEqual(offsets(ours), offsets(theirs))
  },
  [RequestCode.GET_CONSUMER_CONNECTION_LIST]: (ours, theirs) => {
    assert.deepEqual(decodeConsumerConnection(ours), decodeConsumerConnection(theirs))
  },
  [RequestCode.QUERY_TOPIC_CONSUME_BY_WHO]: (ours, theirs) => {
    assert.deepEqual(decodeGroupList(ours).sort(), decodeGroupList(theirs).sort())
  },
  [RequestCode.QUERY_CONSUME_QUEUE]: (ours, theirs) => {
    const tags = (body: Buffer): unknown[] =>
      decodeConsumeQueueRange(body).queueData.map(({ tagsCode }) => tagsCode)
    assert.deepEqual(tags(ours), tags(theirs))
    assert.equal(decodeConsumeQueueRange(ours).maxQueueIndex, decodeConsumeQueueRange(theirs).maxQueueIndex)
  },
  [RequestCode.GET_ALL_TOPIC_CONFIG]: (ours, theirs) => {
    const our = decodeTopicConfigTable(ours).topicConfigTable
    for (const [name, config] of decodeTopicConfigTable(theirs).topicConfigTable) {
      // topics of timers and pop, which this broker does not have yet
      if (name.startsWith('rmq_sys_') || name === 'CHECKPOINT_TOPIC') continue
      assert.deepEqual(our.get(name), config, name)
    }
  },
  [RequestCode.GET_ALL_SUBSCRIPTIONGROUP_CONFIG]: (ours, theirs) => {
    const our = decodeSubscriptionGroupTable(ours).subscriptionGroupTable
    for (const [name, config] of decodeSubscriptionGroupTable(theirs).subscriptionGroupTable)
      assert.deepEqual(our.get(name), config)
  },
  [RequestCode.GET_ALL_CONSUMER_OFFSET]: (ours, theirs) => {
    const [our, their] = [decodeConsumerOffsets(ours), decodeConsumerOffsets(theirs)]
    assert.deepEqual(our.offsetTable, their.offsetTable)
    // RocketMQ passes over the offsets that its proxy keeps for broadcasting, `topic@group@broadcast`
    for (const [group, topics] of their.groupTopicMap) {
      assert.deepEqual([...(our.groupTopicMap.get(group) ?? [])].sort(), [...topics].sort(), group)
    }
  },
  [RequestCode.GET_BROKER_RUNTIME_INFO]: (ours, theirs) => {
    const names = (body: Buffer): string[] => {
      const all = [...decodeKvTable(body).keys()].map((name) =>
        name.replace(/^(commitLogDiskRatio_).*/, '$1'),
      )
      // offsets of delay levels, of which this broker has delivered none
      return all.filter((name) => !name.startsWith('scheduleMessageOffset_')).sort()
    }
    assert.deepEqual(names(ours), names(theirs))
  },
  [RequestCode.VIEW_MESSAGE_BY_ID]: sameMessages,
  [RequestCode.QUERY_MESSAGE]: sameMessages,
  [RequestCode.GET_TIMER_CHECK_POINT]: (ours, theirs) => assert.equal(ours.length, theirs.length),
}

/** Codes whose bodies are not JSON. */
const withoutShape: ReadonlySet<number> = new Set([
  ...[RequestCode.VIEW_MESSAGE_BY_ID, RequestCode.QUERY_MESSAGE, RequestCode.GET_TIMER_CHECK_POINT],
  ...[RequestCode.GET_BROKER_CONFIG, RequestCode.GET_BROKER_RUNTIME_INFO],
])

/** Requests to brokers that are not of the admin families, and why. */
const leftOut: Readonly<Record<number, string>> = {
  ...reasonFor(
    'replayed in server-replay.test.ts',
    [10, 11, 14, 15, 29, 30, 31, 32, 34, 35, 38, 41, 42, 46, 310, 320, 361],
  ),
  ...reasonFor('replayed in transaction-replay.test.ts', [37]),
  ...reasonFor('replayed in reply-replay.test.ts', [325]),
  ...reasonFor('replayed in pop-replay.test.ts', [400, 401, 402, 200050, 200051, 200053]),
  ...reasonFor('pop in a binary header: 16 bits of code 200050, which RocketMQ does not know either', [3442]),
}

function reasonFor(reason: string, codes: readonly number[]): Record<number, string> {
  return Object.fromEntries(codes.map((code) => [code, reason]))
}

/** Requests to brokers with their answers, in the order of the capture. */
function exchanges(): Exchange[] {
  const byPair = new Map<number, Partial<Record<FrameVector['part'], FrameVector>>>()
  for (const vector of frameVectors()) {
    const [from = '', to = ''] = vector.direction.split('->')
    if ((vector.part === 'request' ? to : from) !== 'broker') continue
    byPair.set(vector.pair, { ...byPair.get(vector.pair), [vector.part]: vector })
  }
  const pairs = [...byPair].sort(([one], [other]) => one - other)
  return pairs.flatMap(([, { request, response }]) => (request && response ? [{ request, response }] : []))
}

function inOrder<Item>(items: readonly Item[]): Item[] {
  return [...items].sort((one, other) => (JSON.stringify(one) < JSON.stringify(other) ? -1 : 1))
}

function sameMessages(ours: Buffer, theirs: Buffer): void {
  const texts = (body: Buffer): unknown[] =>
    decodeMessages(body).map(({ body: bytes, flag, properties, sysFlag, topic }) => {
      return { topic, sysFlag, flag, body: bytes.toString('hex'), properties: [...properties].sort() }
    })
  assert.deepEqual(texts(ours), texts(theirs))
}

async function check({ request, response }: Exchange): Promise<void> {
  const command = decodeCommand(request.frame)
  const { code } = command
  const replay = new AdminReplay()
  try {
    const { topic } = command.extFields
    const isMissing = response.decoded.code === 17 || code === RequestCode.UPDATE_AND_CREATE_TOPIC
    if (topic !== undefined && !isMissing) replay.topic(topic)
    await preparations[code]?.(replay, response.body, command.extFields)
    const reply = await replay.ask(command)
    assert.equal(reply.code ?? 0, response.decoded.code, reply.remark)
    assert.deepEqual(
      Object.keys(reply.extFields ?? {}).sort(),
      Object.keys(response.decoded.extFields ?? {}).sort(),
    )
    const ours = reply.body ?? Buffer.alloc(0)
    assert.equal(ours.length > 0, response.body.length > 0, 'a body where RocketMQ has one')
    if (ours.length === 0) return
    if (!withoutShape.has(code)) assert.deepEqual(shapeOf(ours), shapeOf(response.body))
    comparisons[code]?.(ours, response.body)
  } finally {
    await replay.close()
  }
}

describe('what tools and replicas asked a broker', () => {
  const all = exchanges()

  it('is answered as RocketMQ answered it', async () => {
    const { codes } = AdminReplay
    const ofFamilies = all.filter(({ request }) => codes.has(request.decoded.code))
    assert.ok(ofFamilies.length >= 50, `${ofFamilies.length} exchanges`)
    for (const exchange of ofFamilies) {
      const name = `${exchange.request.name}: ${requestCodeName(exchange.request.decoded.code)}`
      await check(exchange).catch((error: unknown) => assert.fail(new Error(name, { cause: error })))
    }
  })

  it('leaves nothing out without a reason', () => {
    const unknown = all.filter(
      ({ request: { decoded } }) => !AdminReplay.codes.has(decoded.code) && !(decoded.code in leftOut),
    )
    assert.deepEqual([...new Set(unknown.map(({ request }) => request.decoded.code))], [])
  })

  it('reaches clients as RocketMQ reaches them', async () => {
    const toClients = frameVectors().filter(({ direction, part, requestCode }) => {
      return part === 'request' && direction === 'broker->client' && [220, 307, 309].includes(requestCode)
    })
    assert.equal(toClients.length, 5)
    for (const { frame, name } of toClients) await checkTold(name, decodeCommand(frame))
  })
})

async function checkTold(name: string, captured: RemotingCommand): Promise<void> {
  const { code, extFields = {}, body = Buffer.alloc(0) } = await AdminReplay.told(captured)
  assert.equal(code, captured.code)
  assert.deepEqual(Object.keys(extFields).sort(), Object.keys(captured.extFields).sort(), name)
  if (code === RequestCode.RESET_CONSUMER_CLIENT_OFFSET)
    assert.deepEqual(shapeOf(body), shapeOf(captured.body))
  if (code === RequestCode.CONSUME_MESSAGE_DIRECTLY) sameMessages(body, captured.body)
}
