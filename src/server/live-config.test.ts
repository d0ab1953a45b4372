import assert from 'node:assert/strict'
import { describe, it, type TestContext } from 'node:test'
import { MemoryDisk } from '../base/host/memory-disk.ts'
import { VirtualClock } from '../base/host/virtual-clock.ts'
import { readConfig } from './config.ts'
import { LiveConfig, readDynamicSettings } from './live-config.ts'
import { isSettingName, settingNames, settingOf } from './settings.ts'

const PATH = '/config/dynamic.json'
const quiet = { debug() {}, info() {}, warn() {}, error() {} }

function liveConfig(_: TestContext, file: Record<string, string> = {}) {
  const clock = new VirtualClock(0)
  const disk = new MemoryDisk({ clock })
  disk.mkdirSync('/config')
  const { config, sources } = readConfig(
    { flags: {}, environment: {}, runTime: {}, file, paths: { file: 'broker.conf', 'run time': PATH } },
    quiet,
  )
  const live = new LiveConfig({
    config,
    sources,
    disk,
    clock,
    path: PATH,
    unknown: withoutKnown(file),
    changed: {},
  })
  return { live, disk }
}

function withoutKnown(file: Record<string, string>): Record<string, string> {
  return Object.fromEntries(Object.entries(file).filter(([name]) => !isSettingName(name)))
}

const change = (live: LiveConfig, texts: Record<string, string>): void =>
  live.change(new Map(Object.entries(texts)))

describe('R24: what may be changed at run time', () => {
  it('is typed, and no path, program, class, address or secret (CVE-2023-33246)', () => {
    const dangerous =
      /path|dir|file|home|addr|host|port|class|command|script|url|secret|password|credential|enabled$/i
    const dynamic = settingNames.filter((name) => settingOf(name).isDynamic)
    assert.ok(dynamic.length > 5)
    const allowed = new Set([
      'maxTransferBytesOnMessageInDisk',
      'fileReservedTime',
      'cleanFileForciblyEnable',
    ])
    assert.deepEqual(
      dynamic.filter(
        (name) => dangerous.test(name) && !allowed.has(name) && typeof settingOf(name).fallback === 'string',
      ),
      [],
    )
    assert.deepEqual(
      dynamic.filter((name) => settingOf(name).isSecret),
      [],
    )
  })

  it('is changed all or none', (t) => {
    const { live, disk } = liveConfig(t)
    const before = live.values.maxMessageSize
    for (const texts of [
      { maxMessageSize: '1024', brokerName: 'other' },
      { maxMessageSize: '1024', nothing: '1' },
      { maxMessageSize: '1024', fileReservedTime: '-1' },
      { maxMessageSize: '1024', __proto__x: '1', constructor: 'x' },
    ]) {
      assert.throws(() => change(live, texts))
      assert.equal(live.values.maxMessageSize, before)
      assert.deepEqual(readDynamicSettings(disk, PATH), {})
    }
    change(live, { maxMessageSize: '1024', fileReservedTime: '24' })
    assert.equal(live.values.maxMessageSize, 1024)
    assert.deepEqual(readDynamicSettings(disk, PATH), { maxMessageSize: '1024', fileReservedTime: '24' })
  })

  it('R25: shows no secret, known or not (CVE-2024-23321)', (t) => {
    const { live } = liveConfig(t, {
      ...{ tlsServerKeyPassword: 'hidden-1', initAuthenticationUser: 'hidden-2' },
      ...{ rocketmqAccessKey: 'hidden-3', someSecret: 'hidden-4', harmless: 'shown' },
    })
    const shown = JSON.stringify(live.properties())
    assert.doesNotMatch(shown, /hidden/)
    assert.match(shown, /"harmless":"shown"/)
  })

  it('says of what RocketMQ keeps back that it may not be, by the same code', (t) => {
    const { live } = liveConfig(t)
    for (const name of ['brokerConfigPath', 'configBlackList'])
      assert.throws(() => change(live, { [name]: 'x' }), { kind: 'noPermission' })
    assert.throws(() => change(live, { noSuchSetting: 'x' }), { kind: 'badSetting' })
  })
})
