import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { parseRecallHandle, recallHandleText } from './recall-handle.ts'

describe('recall handle', () => {
  it('is read and written as RocketMQ 5.3.3 did', () => {
    const text =
      'djEgVF9HT0xEIGJyb2tlci1hIDE3OTUyMjM0MTYwMDEgRkQwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDIwMTUyMzA5NDZFMDk2NzNGN0QxQzAwMEE='
    const handle = {
      topic: 'T_GOLD',
      brokerName: 'broker-a',
      deliverMs: 1_795_223_416_001,
      messageId: 'FD000000000000000000000000000002015230946E09673F7D1C000A',
    }
    assert.deepEqual(parseRecallHandle(text), handle)
    assert.equal(recallHandleText(handle), text)
  })

  it('is refused when it is none', () => {
    for (const text of ['', '!', 'djIgdCBiIDEgaQ==', 'djEgdCBiIDE=', 'x'.repeat(10_000)]) {
      assert.throws(() => parseRecallHandle(text), { kind: 'badHandle' }, text.slice(0, 20))
    }
    assert.equal(parseRecallHandle(Buffer.from('v1 t b soon id').toString('base64')).deliverMs, -1)
  })
})
