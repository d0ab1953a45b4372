import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { MqError } from '../../base/errors.ts'
import { parseJavaProperties } from '../../protocol/java-properties.ts'
import { RequestCode } from '../../protocol/request-code.ts'
import { type BrokerConfigPort, brokerConfigHandlers } from './broker-config.ts'
import { ask, bodyOf } from './test-request.ts'

class FakeConfig implements BrokerConfigPort {
  readonly version = { counter: 1, stateVersion: 0, timestamp: 17 }
  readonly values: Record<string, string> = {
    maxMessageSize: '4194304',
    brokerName: 'broker-a',
    storePathRootDir: 'C:\\data',
  }

  properties(): Record<string, string> {
    return { ...this.values }
  }

  change(texts: ReadonlyMap<string, string>): void {
    for (const name of texts.keys())
      if (name !== 'maxMessageSize') throw new MqError('noPermission', `${name} can only be set at the start`)
    Object.assign(this.values, Object.fromEntries(texts))
  }

  mayChange({ address }: { readonly address: string }): boolean {
    return address.startsWith('127.')
  }
}

describe('brokerConfigHandlers', () => {
  it('shows all settings, in the order of their names', async () => {
    const reply = await ask(brokerConfigHandlers(new FakeConfig()), RequestCode.GET_BROKER_CONFIG)
    assert.equal(
      bodyOf(reply).toString(),
      'brokerName=broker-a\nmaxMessageSize=4194304\nstorePathRootDir=C:\\\\data\n',
    )
    assert.equal(parseJavaProperties(bodyOf(reply).toString()).get('storePathRootDir'), 'C:\\data')
    assert.equal(reply.extFields?.version, '{"counter":1,"stateVersion":0,"timestamp":17}')
  })

  it('changes what may be changed (R24)', async () => {
    const config = new FakeConfig()
    const family = brokerConfigHandlers(config)
    await ask(family, RequestCode.UPDATE_BROKER_CONFIG, { body: 'maxMessageSize=1024\n' })
    assert.equal(config.values.maxMessageSize, '1024')
    const refused = ask(family, RequestCode.UPDATE_BROKER_CONFIG, { body: 'storePathRootDir=/elsewhere\n' })
    await assert.rejects(refused, { kind: 'noPermission' })
    await ask(family, RequestCode.UPDATE_BROKER_CONFIG)
  })

  it('changes nothing for somebody from outside (R24, issue apache/rocketmq#7542)', async () => {
    const config = new FakeConfig()
    const peer = { id: 1, address: '10.0.0.7:40000' }
    const asked = ask(brokerConfigHandlers(config), RequestCode.UPDATE_BROKER_CONFIG, {
      body: 'maxMessageSize=1024\n',
      peer,
    })
    await assert.rejects(asked, {
      kind: 'noPermission',
      message: /may not be changed from 10\.0\.0\.7:40000/,
    })
    assert.equal(config.values.maxMessageSize, '4194304')
  })
})
