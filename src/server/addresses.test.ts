import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { advertisedHost, dialText, endpointText, isLoopback } from './addresses.ts'
import { type Config, settingNames, settingOf } from './settings.ts'

function configOf(given: Partial<Config>): Config {
  const defaults = Object.fromEntries(settingNames.map((name) => [name, settingOf(name).fallback]))
  return { ...defaults, ...given } as Config
}

describe('addresses', () => {
  it('are loopback or not', () => {
    for (const host of ['localhost', '127.0.0.1', '127.8.9.10', '::1']) assert(isLoopback(host), host)
    for (const host of ['0.0.0.0', '::', '10.0.0.1', '127.evil.example', '']) assert(!isLoopback(host), host)
  })

  it('are written so that they can be dialled', () => {
    assert.equal(endpointText({ host: '::1', port: 9876 }), '[::1]:9876')
    assert.equal(dialText({ host: '127.0.0.1', port: 1 }, configOf({})), '127.0.0.1:1')
    assert.equal(dialText({ host: '0.0.0.0', port: 1 }, configOf({ brokerIP1: '10.1.2.3' })), '10.1.2.3:1')
    assert.doesNotMatch(dialText({ host: '0.0.0.0', port: 1 }, configOf({})), /^0\.0\.0\.0/)
  })

  it('that clients are told: what is set, else what is listened on', () => {
    assert.equal(advertisedHost(configOf({ bindAddress: '10.0.0.1' })), '10.0.0.1')
    assert.equal(advertisedHost(configOf({ bindAddress: 'localhost' })), '127.0.0.1')
    assert.equal(advertisedHost(configOf({ bindAddress: '0.0.0.0', brokerIP1: 'mq.example' })), 'mq.example')
  })
})
