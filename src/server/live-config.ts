import { readNewest, replaceFileSync } from '../base/atomic-file.ts'
import { MqError } from '../base/errors.ts'
import type { Clock, Disk } from '../base/host.ts'
import { type DataVersion, nextDataVersion } from '../protocol/data-version.ts'
import type { SettingSource } from './config.ts'
import { type Config, isSettingName, type SettingName, settingNames, settingOf } from './settings.ts'

/** RocketMQ's own, which nobody changes at run time there either (configBlackList). */
const BLACK_LIST = ['configBlackList', 'brokerConfigPath', 'rocketmqHome']

/** Keys of files that TernMQ does not know and that hold what nobody is to see. */
const SECRET_NAME = /password|passwd|secret|credential|token|access_?key/i

/**
 * The configuration of a running broker. What `updateBrokerConfig` may change is changed in place, checked by the settings' own
 * types, and kept in `config/dynamic.json` for the next start (R24).
 */
export class LiveConfig {
  readonly values: Config
  /** Where each value came from at the start. */
  readonly sources: ReadonlyMap<SettingName, SettingSource>
  /** Hears of each setting that has changed. */
  onChange: (name: SettingName) => void = () => undefined
  readonly #disk: Disk
  readonly #clock: Clock
  readonly #path: string
  /** Keys of the file that TernMQ does not know: shown to tools, without effect. */
  readonly #unknown: Readonly<Record<string, string>>
  #version: DataVersion
  #changed: Record<string, string> = {}

  constructor(parts: {
    config: Config
    sources: ReadonlyMap<SettingName, SettingSource>
    disk: Disk
    clock: Clock
    path: string
    unknown: Readonly<Record<string, string>>
    changed: Readonly<Record<string, string>>
  }) {
    this.values = { ...parts.config }
    this.sources = parts.sources
    this.#disk = parts.disk
    this.#clock = parts.clock
    this.#path = parts.path
    this.#unknown = parts.unknown
    this.#changed = { ...parts.changed }
    this.#version = { counter: 0, stateVersion: 0, timestamp: parts.clock.nowMs() }
  }

  get version(): DataVersion {
    return this.#version
  }

  /** All settings by name, as a properties file has them; no secrets (R25), nor what is called like one. */
  properties(): Record<string, string> {
    const properties: Record<string, string> = {}
    for (const [name, value] of Object.entries(this.#unknown)) {
      if (!SECRET_NAME.test(name)) properties[name] = value
    }
    for (const name of settingNames) {
      const setting = settingOf(name)
      if (!setting.isSecret) properties[name] = setting.print(this.values[name])
    }
    return properties
  }

  /**
   * Changes settings at run time, all or none.
   * @throws MqError badSetting when one is unknown or out of bounds, noPermission when it may only be set at the start; the disk's error
   *   when they cannot be kept, and then none has changed
   */
  change(texts: ReadonlyMap<string, string>): void {
    const parsed = new Map<SettingName, unknown>()
    const changed = { ...this.#changed }
    for (const [name, text] of texts) {
      if (BLACK_LIST.includes(name)) throw new MqError('noPermission', `${name} can only be set at the start`)
      if (!isSettingName(name)) throw new MqError('badSetting', `unknown setting ${name.slice(0, 100)}`)
      const setting = settingOf(name)
      if (!setting.isDynamic) throw new MqError('noPermission', `${name} can only be set at the start`)
      const value = setting.parse(name, text)
      parsed.set(name, value)
      changed[name] = setting.print(value)
    }
    replaceFileSync(this.#disk, this.#path, Buffer.from(`${JSON.stringify(changed, undefined, 2)}\n`))
    this.#changed = changed
    const values: Partial<Record<SettingName, unknown>> = this.values
    for (const [name, value] of parsed) values[name] = value
    this.#version = nextDataVersion(this.#version, this.#clock.nowMs())
    for (const name of parsed.keys()) this.onChange(name)
  }
}

/** The settings that were changed at run time before this start. */
export function readDynamicSettings(disk: Disk, path: string): Record<string, string> {
  const found = readNewest(disk, path, (content): unknown => JSON.parse(content.toString()))
  const settings: Record<string, string> = {}
  for (const [name, value] of Object.entries(found?.value ?? {})) {
    // a setting that is no longer dynamic, or gone, stays what the file or the default says
    if (typeof value === 'string' && isSettingName(name) && settingOf(name).isDynamic) settings[name] = value
  }
  return settings
}
