import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { parseJavaProperties } from '../protocol/java-properties.ts'
import { NamesrvConfig } from './namesrv-config.ts'

const change = (config: NamesrvConfig, text: string) => config.change(Buffer.from(text))

describe('NamesrvConfig', () => {
  it('shows settings and facts under the names of RocketMQ, sorted', () => {
    const text = new NamesrvConfig(
      { orderMessageEnable: true },
      { listenPort: '9876', kvConfigPath: '/x/kv' },
    ).text()
    const shown = parseJavaProperties(text)
    assert.equal(shown.get('listenPort'), '9876')
    assert.equal(shown.get('orderMessageEnable'), 'true')
    assert.equal(shown.get('waitSecondsForService'), '45')
    assert.deepEqual([...shown.keys()], [...shown.keys()].sort())
  })

  it('changes what is on the list', () => {
    const config = new NamesrvConfig()
    const { values } = config
    const changed = change(config, 'orderMessageEnable=TRUE\nscanNotActiveBrokerInterval= 1000\n')
    assert.equal(values.orderMessageEnable, true)
    assert.equal(values.scanNotActiveBrokerInterval, 1000)
    assert.deepEqual([...changed.keys()], ['orderMessageEnable', 'scanNotActiveBrokerInterval'])
    assert.equal(change(config, '').size, 0)
  })

  it('changes nothing when one of them is refused', () => {
    const config = new NamesrvConfig()
    const before = config.text()
    const refused = [
      'orderMessageEnable=yes',
      'waitSecondsForService=-1',
      'waitSecondsForService=3601',
      'waitSecondsForService=1e1',
      'waitSecondsForService=',
      'noSuchThing=1',
      'constructor=1',
      '__proto__=1',
    ]
    for (const line of refused) {
      assert.throws(() => change(config, `enableTopicList=false\n${line}`), { kind: 'badSetting' }, line)
    }
    assert.equal(config.text(), before)
  })

  it('lets nobody change a path or what only a restart changes (R24, CVE-2023-37582)', () => {
    const config = new NamesrvConfig({}, { listenPort: '9876' })
    const names = [
      'configStorePath',
      'kvConfigPath',
      'rocketmqHome',
      'configBlackList',
      'listenPort',
      'productEnvName',
    ]
    for (const name of names) {
      assert.throws(() => change(config, `${name}=/tmp/x`), { kind: 'noPermission' }, name)
    }
  })

  it('does not read long texts', () => {
    assert.throws(() => change(new NamesrvConfig(), '#'.repeat(100_000)), { kind: 'badSetting' })
  })
})
