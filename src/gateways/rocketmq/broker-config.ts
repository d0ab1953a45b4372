import { MqError } from '../../base/errors.ts'
import { type DataVersion, dataVersionJson } from '../../protocol/data-version.ts'
import { writeFastJson } from '../../protocol/fastjson-writer.ts'
import { javaPropertiesText, parseJavaProperties } from '../../protocol/java-properties.ts'
import type { HandlerFamily, Peer } from '../../protocol/request.ts'
import { RequestCode } from '../../protocol/request-code.ts'

/** The configuration of a running broker, as its server keeps it (R24: an allow-list of typed settings). */
export interface BrokerConfigPort {
  /** Changes with every change of a setting. */
  readonly version: DataVersion
  /** All settings by name, without secrets. */
  properties(): Record<string, string>
  /**
   * Changes all or none.
   * @throws MqError badSetting when one is unknown or out of bounds, noPermission when it may only be set at
   * the start
   */
  change(texts: ReadonlyMap<string, string>): void
  /** Whether settings may be changed from there. */
  mayChange(peer: Peer): boolean
}

/** Settings come as a few lines; a longer text is refused before it is read. */
const TEXT_BYTES_MAX = 65_536

/** The broker's configuration, read and changed (protocol/requests.md §7). */
export function brokerConfigHandlers(config: BrokerConfigPort): HandlerFamily {
  return {
    [RequestCode.GET_BROKER_CONFIG]: () => {
      const properties = Object.entries(config.properties()).sort(([one], [other]) => (one < other ? -1 : 1))
      return {
        body: Buffer.from(javaPropertiesText(properties)),
        extFields: { version: writeFastJson(dataVersionJson(config.version)) },
      }
    },
    [RequestCode.UPDATE_BROKER_CONFIG]: ({ body, peer }) => {
      if (!config.mayChange(peer)) {
        throw new MqError(
          'noPermission',
          `settings may not be changed from ${peer.address}: only from loopback while there is no login`,
        )
      }
      if (body.length > TEXT_BYTES_MAX)
        throw new MqError('badSetting', `settings of ${body.length} bytes, more than ${TEXT_BYTES_MAX}`)
      config.change(parseJavaProperties(body.toString()))
      return {}
    },
  }
}
