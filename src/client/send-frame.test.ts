import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { decodeCommand } from '../protocol/remoting-command.ts'
import { RequestCode } from '../protocol/request-code.ts'
import { BufferPool } from '../remoting/buffer-pool.ts'
import { Output } from '../remoting/output.ts'
import type { PreparedMessage } from './prepared-message.ts'
import { SendFrameWriter, sendTargetFields } from './send-frame.ts'

const queue = { topic: 'täglich', brokerName: 'broker-ä', queueId: 123 }
const message: PreparedMessage = {
  ...{ topic: queue.topic, body: Buffer.from('body'), sysFlag: 0, flag: 0, properties: 'A\u0001ü€🚀\u0002' },
  ...{ ids: ['1'], kind: 'message', isTimed: false, reconsumeTimes: 0, reconsumeTimesMax: -1 },
}

function framesOf(...messages: PreparedMessage[]): Buffer {
  const output = new Output(new BufferPool())
  const writer = new SendFrameWriter()
  const targetFields = sendTargetFields('group', queue)
  for (const [index, one] of messages.entries()) {
    writer.write(output, one, { opaque: index + 1, flag: 0, nowMs: 1_795_000_000_000 + index, targetFields })
  }
  const written: Buffer[] = []
  const nowhere = { host: '', port: 0 }
  const nothing = (): void => undefined
  output.flush({
    ...{ remote: nowhere, local: nowhere, bufferedBytes: 0, start: nothing, pause: nothing, resume: nothing },
    ...{ end: nothing, destroy: nothing, write: (bytes) => written.push(Buffer.from(bytes)) > 0 },
  })
  return Buffer.concat(written)
}

describe('SendFrameWriter', () => {
  it('writes what any RocketMQ reads as a send request', () => {
    const command = decodeCommand(framesOf(message))
    assert.equal(command.code, RequestCode.SEND_MESSAGE_V2)
    assert.equal(command.opaque, 1)
    assert.equal(command.flag, 0)
    assert.deepEqual(command.body, Buffer.from('body'))
    assert.deepEqual(
      { ...command.extFields },
      {
        ...{ a: 'group', b: 'täglich', c: 'TBW102', d: '4', e: '123', f: '0', g: '1795000000000', h: '0' },
        ...{ i: 'A\u0001ü€🚀\u0002', j: '0', k: 'false', n: 'broker-ä' },
      },
    )
  })

  it('writes the fields of messages that are sent again, and of batches', () => {
    const again = { ...message, flag: -5, sysFlag: 0x301, reconsumeTimes: 3, reconsumeTimesMax: 16 }
    const { extFields } = decodeCommand(framesOf(again))
    assert.equal(extFields.h, '-5')
    assert.equal(extFields.f, '769')
    assert.equal(extFields.j, '3')
    assert.equal(extFields.l, '16')
    const batch = decodeCommand(framesOf({ ...message, kind: 'batch', properties: '' }))
    assert.equal(batch.code, RequestCode.SEND_BATCH_MESSAGE)
    assert.equal(batch.extFields.m, 'true')
    assert.equal(batch.extFields.i, undefined)
  })

  it('puts many frames of all sizes behind one another', () => {
    const bodies = [1, 100, 65_000, 70_000, 10, 300_000, 65_530, 5].map((bytes) => Buffer.alloc(bytes, bytes))
    const frames = framesOf(...bodies.map((body) => ({ ...message, body })))
    let at = 0
    for (const body of bodies) {
      const end = at + 4 + frames.readInt32BE(at)
      assert.deepEqual(decodeCommand(frames.subarray(at, end)).body, body)
      at = end
    }
    assert.equal(at, frames.length)
  })

  it('has room for the longest properties', () => {
    const properties = `A\u0001${'€'.repeat(10_900)}\u0002`
    assert.equal(decodeCommand(framesOf({ ...message, properties })).extFields.i, properties)
  })
})
