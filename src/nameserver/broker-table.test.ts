import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { DATA_VERSION_ZERO } from '../protocol/data-version.ts'
import { type BrokerMember, BrokerTable } from './broker-table.ts'

function member(brokerId: number): BrokerMember {
  const address = `127.0.0.1:${1000 + brokerId}`
  return {
    brokerId,
    address,
    haServerAddr: '',
    dataVersion: DATA_VERSION_ZERO,
    peerId: 1,
    timeoutMs: 1,
    seenMs: 0,
  }
}

describe('BrokerTable', () => {
  it('keeps brokers by name and by cluster', () => {
    const table = new BrokerTable()
    const [a, b] = [table.open('a', 'C'), table.open('b', 'C')]
    assert.equal(table.open('a', 'D'), a)
    assert.deepEqual(table.clusters(), new Map([['C', new Set(['a', 'b'])]]))
    table.moveTo(a, 'D')
    assert.deepEqual(
      table.clusters(),
      new Map([
        ['C', new Set(['b'])],
        ['D', new Set(['a'])],
      ]),
    )
    table.remove(b)
    assert.deepEqual(table.clusters(), new Map([['D', new Set(['a'])]]))
    assert.deepEqual([...table.all()], [a])
  })

  it('shows the addresses of a broker in the order of the ids', () => {
    const broker = new BrokerTable().open('a', 'C')
    assert.equal(broker.brokerIdMin, undefined)
    for (const brokerId of [12, 3, 5]) broker.members.set(brokerId, member(brokerId))
    assert.deepEqual([...broker.addresses().keys()], [3, 5, 12])
    assert.equal(broker.brokerIdMin, 3)
    assert.equal(broker.hasMaster, false)
    assert.equal(broker.memberAt('127.0.0.1:1005')?.brokerId, 5)
  })

  it('has room for so many brokers and processes of one', () => {
    const table = new BrokerTable({ brokersMax: 1, membersMax: 2 })
    const broker = table.open('a', 'C')
    assert.throws(() => table.open('b', 'C'), { kind: 'busy' })
    for (const brokerId of [0, 1, 0]) table.putMember(broker, member(brokerId))
    assert.throws(() => table.putMember(broker, member(2)), { kind: 'busy' })
    table.remove(broker)
    assert.equal(table.open('b', 'C').name, 'b')
  })
})
