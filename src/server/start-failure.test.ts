import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { MqError } from '../base/errors.ts'
import { listenFor } from './listening.ts'
import { startFailureText } from './start-failure.ts'

const use = { what: 'the broker', setting: 'listenPort' } as const
const at = { host: '127.0.0.1', port: 10911 }

function failing(code: string): () => Promise<never> {
  return () => Promise.reject(Object.assign(new Error(`listen ${code}`), { code }))
}

describe('listenFor', () => {
  it('names the setting of a port that is taken, forbidden, or of an address of another machine', async () => {
    await assert.rejects(listenFor(use, at, failing('EADDRINUSE')), {
      kind: 'portTaken',
      message:
        'port 10911 on 127.0.0.1 is in use, and the broker wants it: stop what listens there, or set --listen-port to another port',
    })
    await assert.rejects(listenFor(use, at, failing('EACCES')), {
      kind: 'badSetting',
      message: /--listen-port/,
    })
    await assert.rejects(listenFor(use, at, failing('EADDRNOTAVAIL')), {
      kind: 'badSetting',
      message: /127\.0\.0\.1.*--bind-address/,
    })
    await assert.rejects(listenFor(use, at, failing('EMFILE')), { code: 'EMFILE' })
  })
})

describe('startFailureText', () => {
  it('says in one line what is wrong and what to do', () => {
    const text = startFailureText(new MqError('storeLocked', '/data/lock is locked by process 7'))
    assert.equal(
      text,
      '/data/lock is locked by process 7: stop that process, or choose another folder by --store-path-root-dir',
    )
    const denied = Object.assign(new Error("EACCES: permission denied, mkdir '/data'"), { code: 'EACCES' })
    assert.match(startFailureText(denied), /^the store cannot be used: EACCES.*--store-path-root-dir$/)
    assert.equal(startFailureText(new MqError('badSetting', 'x wants y')), 'x wants y')
  })

  it('shows the stack of what is a fault of ours', () => {
    assert.match(startFailureText(new TypeError('x is undefined')), /TypeError: x is undefined\n +at /)
  })
})
