import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { hostAddressText, ipBytesOf, ipV6TextAt, parseHostAddress } from './host-address.ts'

describe('HostAddress', () => {
  it('turns addresses into bytes and back', () => {
    assert.deepEqual([...ipBytesOf('127.0.0.2')], [127, 0, 0, 2])
    for (const ip of [
      '::',
      '::1',
      'fd00::2',
      '1::',
      '2001:db8::1:0:0:1',
      '1:2:3:4:5:6:7:8',
      '::ffff:a00:1',
    ]) {
      assert.equal(ipV6TextAt(ipBytesOf(ip), 0), ip)
    }
    assert.equal(ipV6TextAt(ipBytesOf('0:0:1:0:0:0:0:0'), 0), '0:0:1::')
    assert.equal(ipV6TextAt(ipBytesOf('::FFFF:10.0.0.1'), 0), '::ffff:a00:1')
    assert.equal(ipV6TextAt(ipBytesOf('1:0:3:4:5:6:7:8'), 0), '1:0:3:4:5:6:7:8')
  })

  it('refuses what is no address', () => {
    const wrong = [
      '',
      'localhost',
      '1.2.3',
      '1.2.3.256',
      '01.2.3.4',
      '1:2',
      '1::2::3',
      '1:2:3:4:5:6:7:8:9',
      'g::',
      '::1.2.3',
    ]
    for (const ip of wrong) assert.throws(() => ipBytesOf(ip), { kind: 'invalidParameter' }, ip)
  })

  it('reads what it writes, with a port', () => {
    for (const text of ['10.0.0.1:10911', '[fd00::2]:0', '[::1]:65535']) {
      assert.equal(hostAddressText(parseHostAddress(text)), text)
    }
    for (const text of [
      '',
      ':1',
      '10.0.0.1',
      '10.0.0.1:65536',
      '10.0.0.1:x',
      'fd00::2:1',
      '[10.0.0.1]:1',
      'a:1',
    ]) {
      assert.throws(() => parseHostAddress(text), { kind: 'invalidParameter' }, text)
    }
  })
})
