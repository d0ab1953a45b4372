import { javaPropertiesText } from '../protocol/java-properties.ts'
import { RequestCode } from '../protocol/request-code.ts'
import { rowOfBody } from './json-rows.ts'
import { oneOf, required, requiredInteger } from './option.ts'
import { namesOf } from './rows.ts'
import { choice } from './topic-verbs.ts'
import { done, type Row, table, type Verb, verb } from './verb.ts'

const needs =
  'TernMQ has no throttle for cold reads: it reads old messages off the loop and within bounds of memory, and its quotas bound groups in messages and bytes a second (ternmq broker set quotas)'

const brokerFlags = { 'b,brokerAddr': 'broker', 'c,clusterName': 'cluster' } as const
const group = required('group', 'name of the consumer group')

const show = verb('cold-read', 'show', {
  about: 'how much groups read that is no longer in memory, and their limits',
  options: choice,
  needs,
  mqadmin: { name: 'getColdDataFlowCtrInfo', flags: brokerFlags },
  async run({ cluster }, input) {
    const rows: Row[] = []
    for (const { address, brokerName } of await cluster.masters(input)) {
      const { body } = await cluster.broker(address, RequestCode.GET_COLD_DATA_FLOW_CTR_INFO)
      for (const [name, value] of Object.entries(rowOfBody(body)))
        rows.push({ broker: brokerName, name, value })
    }
    return table(rows, ['broker', 'name', 'value'])
  },
})

const limit = verb('cold-read', 'limit', {
  about: 'limit how many bytes a second a group reads that are no longer in memory',
  options: {
    group,
    bytes: requiredInteger({ min: 0, max: Number.MAX_SAFE_INTEGER }, 'bytes a second'),
    ...choice,
  },
  positional: ['group', 'bytes'],
  needs,
  mqadmin: {
    name: 'updateColdDataFlowCtrGroupConfig',
    flags: { ...brokerFlags, 'g,consumerGroup': 'group', 'v,threshold': 'bytes' },
  },
  async run({ cluster }, input) {
    const masters = await cluster.masters(input)
    const body = Buffer.from(javaPropertiesText([[input.group, String(input.bytes)]]))
    for (const { address } of masters)
      await cluster.broker(address, RequestCode.UPDATE_COLD_DATA_FLOW_CTR_CONFIG, {}, body)
    return done(
      `group ${input.group} reads at most ${input.bytes} cold bytes a second on ${namesOf(masters)}`,
    )
  },
})

const unlimit = verb('cold-read', 'unlimit', {
  about: 'take such a limit away',
  options: { group, ...choice },
  positional: ['group'],
  needs,
  mqadmin: {
    name: 'removeColdDataFlowCtrGroupConfig',
    flags: { ...brokerFlags, 'g,consumerGroup': 'group' },
  },
  async run({ cluster }, input) {
    const masters = await cluster.masters(input)
    for (const { address } of masters)
      await cluster.broker(
        address,
        RequestCode.REMOVE_COLD_DATA_FLOW_CTR_CONFIG,
        {},
        Buffer.from(input.group),
      )
    return done(`group ${input.group} has no limit of its own on ${namesOf(masters)}`)
  },
})

/** Linux's advice for mapped files, by the numbers that RocketMQ passes on. */
const advices = { normal: '0', random: '1' } as const

const readAhead = verb('cold-read', 'read-ahead', {
  about: 'whether the kernel reads ahead in mapped CommitLog files',
  options: {
    mode: oneOf('normal', ['normal', 'random', '0', '1'], 'as the kernel likes, or not at all'),
    ...choice,
  },
  positional: ['mode'],
  needs: 'TernMQ maps no files: it reads ahead by itself where a reader goes forward',
  mqadmin: {
    name: 'setCommitLogReadAheadMode',
    flags: { ...brokerFlags, 'm,commitLogReadAheadMode': 'mode' },
  },
  async run({ cluster }, input) {
    const masters = await cluster.masters(input)
    const { mode } = input
    const fields = { READ_AHEAD_MODE: mode === 'normal' || mode === 'random' ? advices[mode] : mode }
    for (const { address } of masters)
      await cluster.broker(address, RequestCode.SET_COMMITLOG_READ_MODE, fields)
    return done(`read-ahead is ${mode} on ${namesOf(masters)}`)
  },
})

export const coldReadVerbs: readonly Verb[] = [show, limit, unlimit, readAhead]
