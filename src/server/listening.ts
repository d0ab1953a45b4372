import { errnoOf, MqError } from '../base/errors.ts'
import type { Endpoint } from '../base/host.ts'
import { flagName } from './config.ts'
import type { SettingName } from './settings.ts'

/** What a port is for, and the setting that says which. */
export interface PortUse {
  /** As an error names it: `the NameServer`. */
  readonly what: string
  readonly setting: SettingName
}

/**
 * Listens, and says which setting is to blame where that fails.
 * @throws MqError portTaken; badSetting when the address is not of this machine, or the port is not for this user
 */
export async function listenFor<Result>(
  { what, setting }: PortUse,
  { host, port }: Endpoint,
  listen: () => Promise<Result>,
): Promise<Result> {
  try {
    return await listen()
  } catch (error) {
    const errno = errnoOf(error)
    if (errno === 'EADDRINUSE' || (error instanceof MqError && error.kind === 'portTaken')) {
      throw new MqError(
        'portTaken',
        `port ${port} on ${host} is in use, and ${what} wants it: stop what listens there, or set --${flagName(setting)} to another port`,
        { cause: error },
      )
    }
    if (errno === 'EADDRNOTAVAIL' || errno === 'ENOTFOUND') {
      throw new MqError(
        'badSetting',
        `bindAddress ${host} is no address of this machine: set --bind-address to one that is`,
        { cause: error },
      )
    }
    if (errno === 'EACCES') {
      throw new MqError(
        'badSetting',
        `port ${port} may not be listened on by this user: set --${flagName(setting)} to a port from 1024 on`,
        { cause: error },
      )
    }
    throw error
  }
}
