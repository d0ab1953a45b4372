import { MqError } from '../base/errors.ts'
import type { Logger } from '../base/host.ts'
import { type Config, isSettingName, type SettingName, settingNames, settingOf } from './settings.ts'

/** Where a value came from, for the docs and the error that names it. */
export type SettingSource = 'flag' | 'environment' | 'run time' | 'file' | 'default'

/** What was given, by where it came from; texts as they were written. */
export interface GivenSettings {
  /** Names of the two files, for errors. */
  readonly paths: Readonly<Record<'run time' | 'file', string>>
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
    config[name] = source
      ? parsed(name, source[1][name] ?? '', placeOf(name, source[0], given.paths))
      : setting.fallback
  }
  return { config: config as Config, sources: found }
}

function parsed(name: SettingName, text: string, place: string): unknown {
  try {
    return settingOf(name).parse(name, text.trim())
  } catch (error) {
    if (!(error instanceof MqError)) throw error
    throw new MqError(error.kind, `${error.message} (${place})`, { cause: error })
  }
}

/** Where a value was given, as its user would look for it. */
function placeOf(name: SettingName, source: SettingSource, paths: GivenSettings['paths']): string {
  switch (source) {
    case 'flag':
      return `given by --${flagName(name)}`
    case 'environment':
      return `given by ${environmentNames(name).join(' or ')}`
    case 'run time':
    case 'file':
      return `given in ${paths[source]}`
    case 'default':
      return 'the default'
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

/** Variables that give a setting, the stronger first; NAMESRV_ADDR gives namesrvAddr, as RocketMQ has it. */
function environmentNames(name: SettingName): string[] {
  const own = environmentName(name)
  return name === 'namesrvAddr' ? [own, 'NAMESRV_ADDR'] : [own]
}

/** Settings in the environment. Variables that begin with TERNMQ_ and give none are named once: a name may be misspelt. */
export function environmentSettings(
  environment: Readonly<Record<string, string | undefined>>,
  log: Logger,
): Record<string, string> {
  const found: Record<string, string> = {}
  const given = Object.keys(environment).filter(
    (name) => name.startsWith('TERNMQ_') || name === 'NAMESRV_ADDR',
  )
  if (given.length === 0) return found
  const known = new Set<string>()
  for (const name of settingNames) {
    for (const variable of environmentNames(name)) {
      known.add(variable)
      const value = environment[variable]
      if (value !== undefined) found[name] ??= value
    }
  }
  const unknown = given.filter((name) => !known.has(name))
  if (unknown.length > 0) log.warn({ unknown }, 'environment variables that name no setting: without effect')
  return found
}

/** `brokerIP1` is broker, ip1; `maxHashSlotNum` is max, hash, slot, num. */
function wordsOf(name: string): string[] {
  return name.replace(/([a-z\d])([A-Z])/g, '$1 $2').split(' ')
}
