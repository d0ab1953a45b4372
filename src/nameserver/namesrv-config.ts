import { MqError } from '../base/errors.ts'
import { javaPropertiesText, parseJavaProperties } from '../protocol/java-properties.ts'

/** One setting of the name server that may change at run time. */
interface Setting<Value> {
  readonly fallback: Value
  readonly about: string
  readonly parse: (name: string, text: string) => Value
}

/**
 * The settings of a name server that callers with the right to may change (UPDATE_NAMESRV_CONFIG), with
 * RocketMQ's names and defaults. This list is the whole of it (rule R24): nothing that names a path, a class
 * or a command can be set this way.
 */
export const namesrvSettings = {
  orderMessageEnable: flag(false, 'adds the order configuration of a topic to its route'),
  returnOrderTopicConfigToBroker: flag(
    true,
    'answers registrations with the order configuration of all topics',
  ),
  enableAllTopicList: flag(true, 'lists all topics when asked'),
  enableTopicList: flag(true, 'lists topics of a cluster, and of units, when asked'),
  supportActingMaster: flag(false, 'shows a slave as master while the master is gone'),
  deleteTopicWithBrokerRegistration: flag(false, 'deletes topics that a registration does not mention'),
  needWaitForService: flag(false, 'answers no routes in the first seconds after the start'),
  waitSecondsForService: integer(45, 0, 3600, 'how many seconds these are'),
  scanNotActiveBrokerInterval: integer(
    5000,
    100,
    600_000,
    'ms between two looks for brokers that fell silent',
  ),
}

/** Values of all settings. */
export type NamesrvSettings = {
  readonly [Name in keyof typeof namesrvSettings]: (typeof namesrvSettings)[Name]['fallback']
}

/** What tools expect to see beside the settings and what holds here: read only. */
const FACTS: Readonly<Record<string, string>> = {
  clusterTest: 'false',
  configBlackList: 'configBlackList;configStorePath;kvConfigPath',
  enableControllerInNamesrv: 'false',
  notifyMinBrokerIdChanged: 'false',
  productEnvName: 'center',
}

/** Names of RocketMQ's that only a restart changes, there as here. */
const RESTART_ONLY = ['configBlackList', 'configStorePath', 'kvConfigPath', 'rocketmqHome']

/** Settings come as a few lines; a longer text is refused before it is read. */
const TEXT_BYTES_MAX = 65_536

/** The settings of a name server as they are now. */
export class NamesrvConfig {
  readonly #facts: Readonly<Record<string, string>>
  readonly #values: { -readonly [Name in keyof NamesrvSettings]: NamesrvSettings[Name] }

  /**
   * @param given settings that differ from the defaults
   * @param facts more to show, which nobody changes at run time (`listenPort`, `kvConfigPath`)
   */
  constructor(given: Partial<NamesrvSettings> = {}, facts: Readonly<Record<string, string>> = {}) {
    const values: Record<string, unknown> = {}
    for (const [name, { fallback }] of Object.entries(namesrvSettings)) values[name] = fallback
    this.#values = { ...(values as NamesrvSettings), ...given }
    this.#facts = { ...FACTS, ...facts }
  }

  /** Always the same object, which changes with the settings. */
  get values(): NamesrvSettings {
    return this.#values
  }

  /**
   * Changes the settings that a properties text names, all or none.
   * @returns them, as text
   * @throws MqError noPermission for one that only a restart changes, badSetting for one that is unknown,
   *   malformed or out of its bounds
   */
  change(properties: Buffer): Map<string, string> {
    if (properties.length > TEXT_BYTES_MAX)
      throw new MqError('badSetting', `settings of ${properties.length} bytes`)
    const texts = parseJavaProperties(properties.toString('utf8'))
    const values: Record<string, unknown> = {}
    for (const [name, text] of texts) values[name] = this.#parse(name, text)
    Object.assign(this.#values, values)
    return texts
  }

  /** All settings as a properties text, sorted by name, as GET_NAMESRV_CONFIG answers it. */
  text(): string {
    const texts = new Map<string, string>(Object.entries(this.#facts))
    for (const [name, value] of Object.entries(this.#values)) texts.set(name, String(value))
    return javaPropertiesText([...texts].sort(([one], [other]) => (one < other ? -1 : 1)))
  }

  #parse(name: string, text: string): unknown {
    if (Object.hasOwn(namesrvSettings, name)) {
      return namesrvSettings[name as keyof NamesrvSettings].parse(name, text.trim())
    }
    const shown = name.slice(0, 80)
    if (RESTART_ONLY.includes(name) || Object.hasOwn(this.#facts, name)) {
      throw new MqError('noPermission', `setting ${shown} cannot be changed at run time`)
    }
    throw new MqError('badSetting', `unknown setting "${shown}"`)
  }
}

function flag(fallback: boolean, about: string): Setting<boolean> {
  const parse = (name: string, text: string): boolean => {
    const word = text.toLowerCase()
    if (word === 'true' || word === 'false') return word === 'true'
    throw new MqError('badSetting', `${name} wants true or false, not "${text.slice(0, 80)}"`)
  }
  return { fallback, about, parse }
}

function integer(fallback: number, min: number, max: number, about: string): Setting<number> {
  const parse = (name: string, text: string): number => {
    const value = /^\d{1,15}$/.test(text) ? Number(text) : Number.NaN
    if (min <= value && value <= max) return value
    throw new MqError(
      'badSetting',
      `${name} wants an integer from ${min} to ${max}, not "${text.slice(0, 80)}"`,
    )
  }
  return { fallback, about, parse }
}
