import { RequestCode } from '../protocol/request-code.ts'
import { rowOfBody } from './json-rows.ts'
import { moment, oneOf, text, timeMs } from './option.ts'
import { namesOf } from './rows.ts'
import { choice } from './topic-verbs.ts'
import { done, type Row, table, type Verb, verb } from './verb.ts'

const needs =
  'that wants a RocketMQ broker that keeps things in RocksDB; TernMQ keeps queues, timers and tables in files of its own, which need no such care'

const brokerFlags = { 'b,brokerAddr': 'broker', 'c,clusterName': 'cluster' } as const

/** By the number of RocketMQ's CheckRocksdbCqWriteResult. */
const states = ['the same', 'different', 'being compared', 'failed'] as const

const queues = verb('rocksdb', 'queues', {
  about: 'compare ConsumeQueues in RocksDB with those in files, before files are given up',
  options: {
    topic: text('topic', 'this topic only'),
    from: moment('messages stored at this time or later'),
    ...choice,
  },
  needs,
  mqadmin: {
    name: 'checkRocksdbCqWriteProgress',
    flags: { 'c,cluster': 'cluster', 't,topic': 'topic', 'cf,checkFrom': 'from' },
  },
  async run({ cluster, clock }, input) {
    const checkStoreTime =
      input.from === undefined ? 0 : timeMs(input.from, { name: 'from', nowMs: clock.nowMs() })
    const rows: Row[] = []
    for (const { address, brokerName } of await cluster.masters(input)) {
      const fields = { topic: input.topic, checkStoreTime }
      const { body } = await cluster.broker(address, RequestCode.CHECK_ROCKSDB_CQ_WRITE_PROGRESS, fields)
      const { checkStatus, ...rest } = rowOfBody(body)
      rows.push({ broker: brokerName, state: states[Number(checkStatus)] ?? 'unknown', ...rest })
    }
    return table(rows)
  },
})

const tables = verb('rocksdb', 'export-tables', {
  about: 'have brokers write the tables that they keep in RocksDB as JSON files',
  options: {
    types: text('types', 'of topics;subscriptionGroups;consumerOffsets; all unless given'),
    ...choice,
  },
  needs,
  mqadmin: {
    name: 'rocksDBConfigToJson',
    flags: {
      ...{ 'b,brokerAddr': 'broker', 'c,cluster': 'cluster', 't,configType': 'types' },
      ...{ 'p,configPath': '', 'e,exportFile': '', 'j,jsonEnable': '' },
    },
  },
  async run({ cluster }, input) {
    const configType = input.types ?? 'topics;subscriptionGroups;consumerOffsets'
    const masters = await cluster.masters(input)
    for (const { address } of masters)
      await cluster.broker(address, RequestCode.EXPORT_ROCKSDB_CONFIG_TO_JSON, { configType })
    return done(`${configType} are JSON files now on ${namesOf(masters)}, in config/ of their stores`)
  },
})

const engines = { rocksdb: 'R', file: 'F', R: 'R', F: 'F' } as const

const timers = verb('rocksdb', 'timer-engine', {
  about: 'choose where timer messages are kept',
  options: {
    engine: oneOf('file', ['file', 'rocksdb', 'F', 'R'], 'the time wheel in files, or RocksDB'),
    ...choice,
  },
  positional: ['engine'],
  needs,
  mqadmin: { name: 'switchTimerEngine', flags: { ...brokerFlags, 'e,engineType': 'engine' } },
  async run({ cluster }, input) {
    const masters = await cluster.masters(input)
    for (const { address } of masters)
      await cluster.broker(address, RequestCode.SWITCH_TIMER_ENGINE, { E_T: engines[input.engine] })
    return done(`timers are kept by ${input.engine} on ${namesOf(masters)}`)
  },
})

const popRecords = verb('rocksdb', 'export-pops', {
  about: 'have brokers write what has been popped and not acknowledged into the log, as before RocksDB',
  options: choice,
  needs,
  mqadmin: { name: 'exportPopRecord', flags: { ...brokerFlags, 'd,dryRun': '' } },
  async run({ cluster }, input) {
    const masters = await cluster.masters(input)
    for (const { address } of masters) await cluster.broker(address, RequestCode.POP_ROLLBACK)
    return done(`pops are in the log on ${namesOf(masters)}`)
  },
})

export const rocksdbVerbs: readonly Verb[] = [queues, tables, timers, popRecords]
