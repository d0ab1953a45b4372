import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { environmentName, environmentSettings, flagName, type GivenSettings, readConfig } from './config.ts'
import { settingHeadings, settingNames, settingOf } from './settings.ts'

class WarningLog {
  readonly warnings: string[] = []

  debug(): void {}

  info(): void {}

  error(): void {}

  warn(fields: object, text: string): void {
    this.warnings.push(`${text} ${JSON.stringify(fields)}`)
  }
}

const nothing: GivenSettings = {
  flags: {},
  environment: {},
  runTime: {},
  file: {},
  paths: { file: 'broker.conf', 'run time': 'data/config/dynamic.json' },
}

describe('readConfig', () => {
  it('takes each value from the first source that has it', () => {
    const given = {
      ...nothing,
      flags: { listenPort: '1' },
      environment: { listenPort: '2', namesrvPort: '2' },
      runTime: { fileReservedTime: '3', listenPort: '3' },
      file: { fileReservedTime: '4', deleteWhen: '05', listenPort: '4' },
    }
    const { config, sources } = readConfig(given, new WarningLog())
    assert.equal(config.listenPort, 1)
    assert.equal(config.namesrvPort, 2)
    assert.equal(config.fileReservedTime, 3)
    assert.equal(config.deleteWhen, '05')
    assert.equal(config.brokerName, 'broker-a')
    assert.deepEqual(
      ['listenPort', 'namesrvPort', 'fileReservedTime', 'deleteWhen', 'brokerName'].map((name) =>
        sources.get(name as 'listenPort'),
      ),
      ['flag', 'environment', 'run time', 'file', 'default'],
    )
  })

  it('names a value out of bounds, what it may be, and where it was given', () => {
    const cases: [Partial<GivenSettings>, RegExp][] = [
      [
        { flags: { listenPort: '65536' } },
        /listenPort wants an integer from 0 to 65535, not "65536" \(given by --listen-port\)/,
      ],
      [{ environment: { listenPort: '1e3' } }, /not "1e3" \(given by TERNMQ_LISTEN_PORT\)/],
      [{ environment: { namesrvAddr: 'a b' } }, /\(given by TERNMQ_NAMESRV_ADDR or NAMESRV_ADDR\)/],
      [{ runTime: { deleteWhen: '24' } }, /not "24" \(given in data\/config\/dynamic\.json\)/],
      [
        { file: { flushDiskType: 'SYNC' } },
        /one of ASYNC_FLUSH, SYNC_FLUSH, not "SYNC" \(given in broker\.conf\)/,
      ],
      [{ file: { traceOn: 'yes' } }, /traceOn wants true or false, not "yes"/],
    ]
    for (const [given, message] of cases) {
      const read = (): unknown => readConfig({ ...nothing, ...given }, new WarningLog())
      assert.throws(read, { kind: 'badSetting', message })
    }
  })

  it('names unknown keys of a file once, and refuses unknown flags', () => {
    const log = new WarningLog()
    readConfig({ ...nothing, file: { flushCommitLogLeastPages: '4', brokerIp2: 'x' } }, log)
    assert.equal(log.warnings.length, 1)
    assert.match(log.warnings[0] ?? '', /flushCommitLogLeastPages.*brokerIp2/)
    assert.throws(() => readConfig({ ...nothing, flags: { nonsense: '1' } }, log), { kind: 'badSetting' })
  })

  it('accepts every default as if it had been given', () => {
    for (const name of settingNames) {
      const { fallback, parse, print } = settingOf(name)
      assert.deepEqual(parse(name, print(fallback)), fallback, name)
    }
  })
})

describe('names of settings', () => {
  it('become flags and variables of their words, each of one setting', () => {
    assert.equal(flagName('mappedFileSizeCommitLog'), 'mapped-file-size-commit-log')
    assert.equal(environmentName('brokerIP1'), 'TERNMQ_BROKER_IP1')
    assert.equal(new Set(settingNames.map(flagName)).size, settingNames.length)
  })

  it('stand below a heading', () => {
    assert(settingNames[0] !== undefined && settingHeadings[settingNames[0]] !== undefined)
  })
})

describe('environmentSettings', () => {
  it('reads TERNMQ_ variables, and NAMESRV_ADDR where there is none of ours', () => {
    const log = new WarningLog()
    assert.deepEqual(
      environmentSettings({ NAMESRV_ADDR: 'a:1', TERNMQ_LISTEN_PORT: '7', PATH: '/bin' }, log),
      {
        namesrvAddr: 'a:1',
        listenPort: '7',
      },
    )
    assert.deepEqual(environmentSettings({ NAMESRV_ADDR: 'a:1', TERNMQ_NAMESRV_ADDR: 'b:2' }, log), {
      namesrvAddr: 'b:2',
    })
    assert.deepEqual(log.warnings, [])
  })

  it('names variables that give no setting', () => {
    const log = new WarningLog()
    environmentSettings({ TERNMQ_LISTN_PORT: '1', TERNMQ_LISTEN_PORT: '1' }, log)
    assert.deepEqual(log.warnings, [
      'environment variables that name no setting: without effect {"unknown":["TERNMQ_LISTN_PORT"]}',
    ])
  })
})
