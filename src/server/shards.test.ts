import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { VirtualClock } from '../base/host/virtual-clock.ts'
import { readConfig } from './config.ts'
import { Shards } from './shards.ts'

const log = { debug() {}, info() {}, warn() {}, error() {} }

describe('Shards', () => {
  it('fail to start, and do not end their supervisor, where the machine has no process for them', async (t) => {
    const { execPath } = process
    t.after(() => {
      process.execPath = execPath
    })
    process.execPath = '/no/such/node'
    const given = { flags: {}, environment: {}, runTime: {}, file: {} }
    const { config } = readConfig({ ...given, paths: { file: '', 'run time': '' } }, log)
    const shards = new Shards({
      ...{ count: 2, config, log, clock: new VirtualClock(0), namesrvAddr: '127.0.0.1:9876' },
      line: { flags: {}, file: undefined, isInsecureOpen: false, environment: {} },
    })
    await assert.rejects(shards.start(), { kind: 'internal' })
    assert.equal(shards.areRunning, false)
  })
})
