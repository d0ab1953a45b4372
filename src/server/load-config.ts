import { readFileSync } from 'node:fs'
import { errnoOf, MqError, messageOf } from '../base/errors.ts'
import type { Host } from '../base/host.ts'
import { checkBindAddress, isLoopback } from './addresses.ts'
import { environmentSettings, readConfig } from './config.ts'
import { LiveConfig, readDynamicSettings } from './live-config.ts'
import { isSettingName, settings } from './settings.ts'

/** What the command line gave. */
export interface CommandLine {
  /** Settings by name. */
  readonly flags: Readonly<Record<string, string>>
  /** The file of `-c`. */
  readonly file: string | undefined
  readonly isInsecureOpen: boolean
  readonly environment: Readonly<Record<string, string | undefined>>
}

/**
 * Reads the configuration from all its sources.
 * @throws MqError badSetting
 */
export async function loadConfig(host: Host, line: CommandLine): Promise<LiveConfig> {
  const file = line.file === undefined ? {} : await readSettingsFile(line.file)
  const environment = environmentSettings(line.environment, host.log)
  const rootDir =
    line.flags.storePathRootDir ??
    environment.storePathRootDir ??
    file.storePathRootDir ??
    settings.storePathRootDir.fallback
  const path = `${rootDir}/config/dynamic.json`
  const runTime = readDynamicSettings(host.disk, path)
  const paths = { file: line.file ?? '', 'run time': path }
  const { config, sources } = readConfig({ flags: line.flags, environment, runTime, file, paths }, host.log)
  checkBindAddress(config, line.isInsecureOpen)
  const isOpen = !isLoopback(config.bindAddress)
  const mayCreate =
    config.autoCreateTopicEnable && (!isOpen || sources.get('autoCreateTopicEnable') !== 'default')
  if (isOpen && !mayCreate)
    host.log.info({}, 'autoCreateTopicEnable is off: the broker listens beyond loopback')
  const unknown = Object.fromEntries(Object.entries(file).filter(([name]) => !isSettingName(name)))
  const { disk, clock } = host
  return new LiveConfig({
    config: { ...config, autoCreateTopicEnable: mayCreate },
    sources,
    disk,
    clock,
    path,
    unknown,
    changed: runTime,
  })
}

/** Reads broker.conf: properties, or YAML if the name ends so. Values are texts either way. */
async function readSettingsFile(path: string): Promise<Record<string, string>> {
  let content: string
  try {
    content = readFileSync(path, 'utf8')
  } catch (error) {
    const isMissing = errnoOf(error) === 'ENOENT'
    const reason = isMissing ? 'does not exist' : `cannot be read: ${messageOf(error)}`
    throw new MqError('badSetting', `the settings file ${path} ${reason} (given by -c)`, { cause: error })
  }
  const values = /\.ya?ml$/.test(path) ? await parseYaml(path, content) : await parseProperties(content)
  const texts: Record<string, string> = {}
  for (const [name, value] of Object.entries(values)) {
    if (typeof value === 'object' && value !== null) {
      throw new MqError('badSetting', `${name} wants one value (given in ${path})`)
    }
    texts[settingNameOf(name)] = String(value)
  }
  return texts
}

/** RocketMQ's settings of TLS are named `tls.server.certPath` and so on: here without dots, as all others are. */
function settingNameOf(name: string): string {
  return name.startsWith('tls.')
    ? name.replace(/\.([a-z])/g, (_, letter: string) => letter.toUpperCase())
    : name
}

async function parseProperties(content: string): Promise<Record<string, unknown>> {
  const { parse } = await import('dot-properties')
  return parse(content)
}

async function parseYaml(path: string, content: string): Promise<Record<string, unknown>> {
  const { parse } = await import('yaml')
  let values: unknown
  try {
    values = parse(content)
  } catch (error) {
    const [reason] = messageOf(error).split('\n')
    throw new MqError('badSetting', `the settings file ${path} is no YAML: ${reason}`, { cause: error })
  }
  if (values === null) return {} // nothing but comments
  if (typeof values === 'object' && !Array.isArray(values)) return { ...values }
  throw new MqError('badSetting', `the settings file ${path} is no table of names and values`)
}
