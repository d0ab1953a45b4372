import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { examineAllPoints } from './test-crash.ts'

// outside of the test, whose bookkeeping of promises would take half as long again
const asynchronous = await examineAllPoints({ script: 'troubled', mode: 'ASYNC_FLUSH' })
const synchronous = await examineAllPoints({ script: 'troubled', mode: 'SYNC_FLUSH' })

describe('MessageStore that dies while its disk fails now and then', () => {
  it('keeps its promises under ASYNC_FLUSH', (t) => {
    t.diagnostic(`${asynchronous.pointCount} crash points, ${asynchronous.imageCount} images of the disk`)
    assert.deepEqual(asynchronous.failures, [])
  })

  it('keeps its promises under SYNC_FLUSH', (t) => {
    t.diagnostic(`${synchronous.pointCount} crash points, ${synchronous.imageCount} images of the disk`)
    assert.deepEqual(synchronous.failures, [])
  })
})
