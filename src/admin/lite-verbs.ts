import { RequestCode } from '../protocol/request-code.ts'
import { rowOfBody } from './json-rows.ts'
import { flag, integer, required, text } from './option.ts'
import { namesOf } from './rows.ts'
import { choice } from './topic-verbs.ts'
import { done, type Output, record, table, type Verb, type VerbContext, verb } from './verb.ts'

const needs =
  'that wants a RocketMQ broker with lite topics (5.5 or newer); TernMQ has none: a topic of it costs little, 50,000 queues are no burden'

const parent = required('topic', 'the parent topic')
const group = required('group', 'name of the consumer group')

/** Asks every master that holds the parent topic. @returns a row a broker, or the one record there is */
async function ofEach(
  { cluster }: VerbContext,
  topic: string,
  { code, fields }: { code: number; fields: Readonly<Record<string, string | number | undefined>> },
): Promise<Output> {
  const rows = []
  for (const { address, brokerName } of await cluster.mastersOf(topic))
    rows.push({ broker: brokerName, ...rowOfBody((await cluster.broker(address, code, fields)).body) })
  const [only, ...others] = rows
  return only && others.length === 0 ? record(only) : table(rows)
}

const broker = verb('lite', 'broker', {
  about: 'how many lite topics brokers have',
  options: { ...choice, detail: flag('with the counts of each topic and group') },
  needs,
  mqadmin: {
    name: 'getBrokerLiteInfo',
    flags: { 'b,brokerAddr': 'broker', 'c,cluster': 'cluster', 'd,showDetail': 'detail' },
  },
  async run({ cluster }, input) {
    const rows = []
    for (const { address, brokerName } of await cluster.masters(input)) {
      const { topicMeta, groupMeta, ...counts } = rowOfBody(
        (await cluster.broker(address, RequestCode.GET_BROKER_LITE_INFO)).body,
      )
      rows.push({ broker: brokerName, ...counts, ...(input.detail && { topicMeta, groupMeta }) })
    }
    return table(rows)
  },
})

const ofParent = verb('lite', 'parent', {
  about: 'the lite topics below a topic',
  options: { parent },
  positional: ['parent'],
  needs,
  mqadmin: { name: 'getParentTopicInfo', flags: { 'p,parentTopic': 'parent' } },
  run: (context, input) =>
    ofEach(context, input.parent, {
      code: RequestCode.GET_PARENT_TOPIC_INFO,
      fields: { topic: input.parent },
    }),
})

const topic = verb('lite', 'topic', {
  about: 'a lite topic: who subscribes to it, how far it reaches',
  options: { parent, topic: required('topic', 'the lite topic') },
  positional: ['parent', 'topic'],
  needs,
  mqadmin: {
    name: 'getLiteTopicInfo',
    flags: { 'p,parentTopic': 'parent', 'l,liteTopic': 'topic', 's,showClientId': '' },
  },
  run: (context, input) =>
    ofEach(context, input.parent, {
      code: RequestCode.GET_LITE_TOPIC_INFO,
      fields: { parentTopic: input.parent, liteTopic: input.topic },
    }),
})

const client = verb('lite', 'client', {
  about: 'the lite topics of a client',
  options: {
    parent,
    group,
    client: required('clientId', 'the client'),
    max: integer(1000, { min: 1, max: 1_000_000 }, 'most lite topics'),
  },
  positional: ['parent', 'group', 'client'],
  needs,
  mqadmin: {
    name: 'getLiteClientInfo',
    flags: { 'p,parentTopic': 'parent', 'g,group': 'group', 'c,clientId': 'client', 's,showDetail': '' },
  },
  run: (context, input) =>
    ofEach(context, input.parent, {
      code: RequestCode.GET_LITE_CLIENT_INFO,
      fields: { parentTopic: input.parent, group: input.group, clientId: input.client, maxCount: input.max },
    }),
})

const ofGroup = verb('lite', 'group', {
  about: 'how far a group is behind in lite topics',
  options: {
    parent,
    group,
    topic: text('topic', 'this lite topic only'),
    top: integer(20, { min: 1, max: 10_000 }, 'lite topics that are farthest behind'),
  },
  positional: ['parent', 'group'],
  needs,
  mqadmin: {
    name: 'getLiteGroupInfo',
    flags: { 'p,parentTopic': 'parent', 'g,group': 'group', 'l,liteTopic': 'topic', 'k,topK': 'top' },
  },
  run: (context, input) =>
    ofEach(context, input.parent, {
      code: RequestCode.GET_LITE_GROUP_INFO,
      fields: { group: input.group, liteTopic: input.topic, topK: input.top },
    }),
})

const dispatch = verb('lite', 'dispatch', {
  about: 'have brokers tell clients of a group again which lite topics have messages',
  options: { parent, group, client: text('clientId', 'this client only'), broker: choice.broker },
  positional: ['parent', 'group'],
  needs,
  mqadmin: {
    name: 'triggerLiteDispatch',
    flags: {
      'p,parentTopic': 'parent',
      'g,group': 'group',
      'c,clientId': 'client',
      'b,brokerName': 'broker',
    },
  },
  async run({ cluster }, input) {
    const all = await cluster.mastersOf(input.parent)
    const meant = all.filter(({ brokerName }) => input.broker === undefined || input.broker === brokerName)
    for (const { address } of meant) {
      const fields = { group: input.group, clientId: input.client }
      await cluster.broker(address, RequestCode.TRIGGER_LITE_DISPATCH, fields)
    }
    return done(`clients of ${input.group} are told again by ${namesOf(meant)}`)
  },
})

export const liteVerbs: readonly Verb[] = [broker, ofParent, topic, client, ofGroup, dispatch]
