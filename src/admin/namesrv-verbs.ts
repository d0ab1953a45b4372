import { javaPropertiesText, parseJavaProperties } from '../protocol/java-properties.ts'
import { decodeKvTable } from '../protocol/kv-table.ts'
import { RequestCode } from '../protocol/request-code.ts'
import { required } from './option.ts'
import { done, type Row, record, table, type Verb, verb } from './verb.ts'

const broker = required('name', 'name of the broker')
const pair = {
  namespace: required('namespace', 'such as ORDER_TOPIC_CONFIG'),
  key: required('key', 'key in the namespace'),
}

const config = verb('namesrv', 'config', {
  about: 'settings of the NameServers',
  options: {},
  mqadmin: { name: 'getNamesrvConfig', flags: {} },
  async run({ cluster }) {
    const rows: Row[] = []
    for (const [address, { body }] of await cluster.eachNamesrv(RequestCode.GET_NAMESRV_CONFIG))
      for (const [name, value] of parseJavaProperties(body.toString()))
        rows.push({ namesrv: address, name, value })
    return table(rows, ['namesrv', 'name', 'value'])
  },
})

const set = verb('namesrv', 'set', {
  about: 'change a setting of running NameServers',
  options: { name: required('name', 'name of the setting'), value: required('value', 'its new value') },
  positional: ['name', 'value'],
  mqadmin: { name: 'updateNamesrvConfig', flags: { 'k,key': 'name', 'v,value': 'value' } },
  async run({ cluster }, { name, value }) {
    const body = Buffer.from(javaPropertiesText([[name, value]]))
    await cluster.eachNamesrv(RequestCode.UPDATE_NAMESRV_CONFIG, {}, body)
    return done(`${name} is ${value}`, { [name]: value })
  },
})

const putKv = verb('namesrv', 'put', {
  about: 'put a key of a namespace',
  options: { ...pair, value: required('value', 'its value') },
  positional: ['namespace', 'key', 'value'],
  mqadmin: {
    name: 'updateKvConfig',
    flags: { 's,namespace': 'namespace', 'k,key': 'key', 'v,value': 'value' },
  },
  async run({ cluster }, fields) {
    await cluster.eachNamesrv(RequestCode.PUT_KV_CONFIG, fields)
    return done(`${fields.namespace} ${fields.key} is ${fields.value}`, fields)
  },
})

const getKv = verb('namesrv', 'get', {
  about: 'a key of a namespace',
  options: pair,
  positional: ['namespace', 'key'],
  async run({ cluster }, fields) {
    const { extFields } = await cluster.namesrv(RequestCode.GET_KV_CONFIG, fields)
    return record({ ...fields, value: extFields.value })
  },
})

const listKv = verb('namesrv', 'list', {
  about: 'all keys of a namespace',
  options: { namespace: pair.namespace },
  positional: ['namespace'],
  async run({ cluster }, fields) {
    const { body } = await cluster.namesrv(RequestCode.GET_KVLIST_BY_NAMESPACE, fields)
    return table(
      [...decodeKvTable(body)].map(([key, value]) => ({ key, value })),
      ['key', 'value'],
    )
  },
})

const deleteKv = verb('namesrv', 'delete', {
  about: 'remove a key of a namespace',
  options: pair,
  positional: ['namespace', 'key'],
  mqadmin: { name: 'deleteKvConfig', flags: { 's,namespace': 'namespace', 'k,key': 'key' } },
  async run({ cluster }, fields) {
    await cluster.eachNamesrv(RequestCode.DELETE_KV_CONFIG, fields)
    return done(`${fields.namespace} ${fields.key} is gone`, fields)
  },
})

const wipe = verb('namesrv', 'wipe-write', {
  about: 'take the write bit of a broker out of every route, before it is stopped',
  options: { broker },
  positional: ['broker'],
  mqadmin: { name: 'wipeWritePerm', flags: { 'b,brokerName': 'broker' } },
  async run({ cluster }, { broker: brokerName }) {
    const rows: Row[] = []
    for (const [namesrv, { extFields }] of await cluster.eachNamesrv(RequestCode.WIPE_WRITE_PERM_OF_BROKER, {
      brokerName,
    }))
      rows.push({ namesrv, topics: extFields.wipeTopicCount })
    return table(rows)
  },
})

const add = verb('namesrv', 'add-write', {
  about: 'give a broker its write bit back in every route',
  options: { broker },
  positional: ['broker'],
  mqadmin: { name: 'addWritePerm', flags: { 'b,brokerName': 'broker' } },
  async run({ cluster }, { broker: brokerName }) {
    const rows: Row[] = []
    for (const [namesrv, { extFields }] of await cluster.eachNamesrv(RequestCode.ADD_WRITE_PERM_OF_BROKER, {
      brokerName,
    }))
      rows.push({ namesrv, topics: extFields.addTopicCount })
    return table(rows)
  },
})

export const namesrvVerbs: readonly Verb[] = [config, set, putKv, getKv, listKv, deleteKv, wipe, add]
