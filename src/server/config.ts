import { MqError } from '../base/errors.ts'
import type { Logger } from '../base/host.ts'
import { type Config, isSettingName, type SettingName, settingNames, settingOf } from './settings.ts'

/** Where a value came from, for the docs and the error that names it. */
export type SettingSource = 'flag' | 'environment' | 'run time' | 'file' | 'default'

/** What was given, by where it came from; texts as they were written. */
export interface GivenSettings {
  readonly flags: Readonly<Record<string, string>>
  readonly environment: Readonly<Record<string, string>>
  readonly runTime: Readonly<Record<string, string>>
  readonly file: Readonly<Record<string, string>>
}

/**
 * Puts the settings together: the first source that has one counts. Unknown keys of a file are named once and kept for those
 * who ask for the configuration; elsewhere they stop the start.
 * @throws MqError badSetting that names the first setting which is unknown or out of bounds, and where it was given
 */
export function readConfig(
  given: GivenSettings,
  log: Logger,
): { config: Config; sources: ReadonlyMap<SettingName, SettingSource> } {
  const sources: readonly (readonly [SettingSource, Readonly<Record<string, string>>])[] = [
    ['flag', given.flags],
    ['environment', given.environment],
    ['run time', given.runTime],
    ['file', given.file],
  ]
  const unknown = Object.keys(given.file).filter((name) => !isSettingName(name))
  if (unknown.length > 0)
    log.warn({ unknown }, 'settings of the file that TernMQ does not know: kept, without effect')
  for (const name of Object.keys(given.flags)) {
    if (!isSettingName(name)) throw new MqError('badSetting', `unknown setting ${name}`)
  }
  const config: Partial<Record<SettingName, unknown>> = {}
  const found = new Map<SettingName, SettingSource>()
  for (const name of settingNames) {
    const setting = settingOf(name)
    const source = sources.find(([, values]) => values[name] !== undefined)
    found.set(name, source?.[0] ?? 'default')
    config[name] = source ? parsed(name, source[1][name] ?? '', source[0]) : setting.fallback
  }
  return { config: config as Config, sources: found }
}

function parsed(name: SettingName, text: string, source: SettingSource): unknown {
  try {
    return settingOf(name).parse(name, text.trim())
  } catch (error) {
    if (!(error instanceof MqError) || source === 'flag') throw error
    throw new MqError(error.kind, `${error.message} (given by the ${source})`, { cause: error })
  }
}

/** The environment variable of a setting: TERNMQ_ and the name in capitals, words joined by underscores. */
export function environmentName(name: string): string {
  return `TERNMQ_${wordsOf(name).join('_').toUpperCase()}`
}

/** The flag of a setting: words joined by dashes. */
export function flagName(name: string): string {
  return wordsOf(name).join('-').toLowerCase()
}

/** Settings in the environment; NAMESRV_ADDR counts as the setting namesrvAddr, as RocketMQ has it. */
export function environmentSettings(
  environment: Readonly<Record<string, string | undefined>>,
): Record<string, string> {
  const found: Record<string, string> = {}
  const namesrvAddr = environment.NAMESRV_ADDR
  if (namesrvAddr !== undefined) found.namesrvAddr = namesrvAddr
  for (const name of settingNames) {
    const value = environment[environmentName(name)]
    if (value !== undefined) found[name] = value
  }
  return found
}

/** `brokerIP1` is broker, ip1; `maxHashSlotNum` is max, hash, slot, num. */
function wordsOf(name: string): string[] {
  return name.replace(/([a-z\d])([A-Z])/g, '$1 $2').split(' ')
}
