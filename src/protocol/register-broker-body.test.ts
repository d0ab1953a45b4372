import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { deflateSync } from 'node:zlib'
import { bodyCrc } from './crc32.ts'
import { DATA_VERSION_ZERO } from './data-version.ts'
import {
  decodeRegisterBrokerBody,
  encodeRegisterBrokerBody,
  type RegisterBrokerBody,
} from './register-broker-body.ts'
import { topicConfig } from './topic-config.ts'

const body: RegisterBrokerBody = {
  topics: {
    topicConfigTable: new Map(['T', 'TBW102'].map((name) => [name, topicConfig(name)])),
    dataVersion: { counter: 3, stateVersion: 0, timestamp: 1_795_223_411_726 },
    mappingDataVersion: DATA_VERSION_ZERO,
    topicQueueMappingInfoMap: new Map(),
    topicQueueMappingDetailMap: new Map(),
  },
  filterServerList: ['127.0.0.1:1'],
}
const form = { bodyCrc32: 0, brokerVersion: 479 }

describe('RegisterBrokerBody', () => {
  it('comes back plain and compressed', () => {
    for (const compressed of [false, true]) {
      const bytes = encodeRegisterBrokerBody(body, compressed)
      assert.deepEqual(
        decodeRegisterBrokerBody(bytes, { ...form, compressed, bodyCrc32: bodyCrc(bytes) }),
        body,
      )
    }
  })

  it('carries queue mappings from 5.0.0 on', () => {
    const mapping = { bname: 'broker-a', topic: 'S', totalQueues: 4 }
    const topics = { ...body.topics, topicQueueMappingInfoMap: new Map([['S', mapping]]) }
    const bytes = encodeRegisterBrokerBody({ ...body, topics }, true)
    const mappings = (brokerVersion: number) =>
      decodeRegisterBrokerBody(bytes, { ...form, compressed: true, brokerVersion }).topics
        .topicQueueMappingInfoMap
    assert.deepEqual([...mappings(413).keys()], ['S'])
    assert.equal(mappings(409).size, 0)
  })

  it('takes an empty body for a broker without topics', () => {
    for (const compressed of [false, true]) {
      const { topics } = decodeRegisterBrokerBody(Buffer.alloc(0), { ...form, compressed })
      assert.deepEqual([topics.topicConfigTable.size, topics.dataVersion], [0, DATA_VERSION_ZERO])
    }
    assert.equal(
      decodeRegisterBrokerBody(Buffer.from('{}'), { ...form, compressed: false }).filterServerList.length,
      0,
    )
  })

  it('refuses a body whose CRC does not match', () => {
    const bytes = encodeRegisterBrokerBody(body, false)
    assert.throws(() => decodeRegisterBrokerBody(bytes, { ...form, compressed: false, bodyCrc32: 1 }), {
      kind: 'badBody',
      message: /crc32/,
    })
  })

  it('refuses a compressed body that is cut, lies about its lengths, or is a bomb', () => {
    const compressed = { ...form, compressed: true }
    const bytes = encodeRegisterBrokerBody(body, true)
    for (let end = 1; end < bytes.length; end++) {
      assert.throws(() => decodeRegisterBrokerBody(bytes.subarray(0, end), compressed), { kind: 'badBody' })
    }
    const lies = [
      '7fffffff',
      'ffffffff',
      '00000002',
      '000000027b7d7fffffff',
      '000000027b7dffffffff',
      '000000027b7d00000001',
    ]
    for (const hex of lies) {
      const lying = deflateSync(Buffer.from(hex, 'hex'))
      assert.throws(() => decodeRegisterBrokerBody(lying, compressed), { kind: 'badBody' }, hex)
    }
    const bomb = deflateSync(Buffer.alloc(64 * 1024 * 1024))
    assert.throws(() => decodeRegisterBrokerBody(bomb, compressed), { kind: 'badBody', message: /inflated/ })
  })
})
