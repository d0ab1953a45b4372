import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import {
  decodeBrokerMemberGroup,
  decodeClusterInfo,
  encodeBrokerMemberGroup,
  encodeClusterInfo,
} from './cluster-info.ts'

describe('ClusterInfo', () => {
  const broker = {
    cluster: 'C',
    brokerName: 'b',
    brokerAddrs: new Map([[0, 'a:1']]),
    enableActingMaster: false,
  }

  it('is written with bare broker ids and comes back', () => {
    const info = { brokerAddrTable: new Map([['b', broker]]), clusterAddrTable: new Map([['C', ['b']]]) }
    const bytes = encodeClusterInfo(info)
    assert.equal(
      String(bytes),
      '{"brokerAddrTable":{"b":{"brokerAddrs":{0:"a:1"},"brokerName":"b","cluster":"C",' +
        '"enableActingMaster":false}},"clusterAddrTable":{"C":["b"]}}',
    )
    assert.deepEqual(decodeClusterInfo(bytes), info)
  })

  it('knows the members of one broker name', () => {
    const group = { cluster: 'C', brokerName: 'b', brokerAddrs: broker.brokerAddrs }
    assert.deepEqual(decodeBrokerMemberGroup(encodeBrokerMemberGroup(group)), group)
    assert.throws(() => decodeBrokerMemberGroup(Buffer.from('{}')), { kind: 'badBody' })
  })
})
