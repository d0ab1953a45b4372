import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { fastJsonBytes } from './fastjson-writer.ts'
import {
  decodeMessageRequestMode,
  decodeMessageRequestModeTable,
  encodeMessageRequestMode,
  messageRequestModeTableJson,
} from './message-request-mode.ts'

describe('MessageRequestModeSetting', () => {
  const setting = { topic: 'T', consumerGroup: 'G', mode: 'POP', popShareQueueNum: 2 } as const

  it('comes back alone and in a table', () => {
    assert.deepEqual(decodeMessageRequestMode(encodeMessageRequestMode(setting)), setting)
    const table = new Map([['T', new Map([['G', setting]])]])
    assert.deepEqual(decodeMessageRequestModeTable(fastJsonBytes(messageRequestModeTableJson(table))), table)
  })
})
