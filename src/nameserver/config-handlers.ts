import { MqError } from '../base/errors.ts'
import type { Logger } from '../base/host.ts'
import type { HandlerFamily, Peer } from '../protocol/request.ts'
import { RequestCode } from '../protocol/request-code.ts'
import type { NamesrvConfig } from './namesrv-config.ts'

/** What requests about settings need. */
export interface ConfigPort {
  readonly config: NamesrvConfig
  /**
   * Whether this caller may change settings: one on the same machine, or one with the right to (rule R24).
   */
  readonly mayChangeConfig: (peer: Peer) => boolean
  /** Keeps changed settings for the next start. */
  readonly keepSettings: (changed: ReadonlyMap<string, string>) => void | Promise<void>
  readonly log: Logger
}

/** The name server's own settings. */
export function configHandlers({ config, mayChangeConfig, keepSettings, log }: ConfigPort): HandlerFamily {
  return {
    [RequestCode.UPDATE_NAMESRV_CONFIG]: async ({ peer, body }) => {
      if (!mayChangeConfig(peer)) throw new MqError('noPermission', `${peer.address} may not change settings`)
      const changed = config.change(body)
      log.info({ settings: Object.fromEntries(changed), from: peer.address }, 'settings changed')
      await keepSettings(changed)
      return {}
    },
    [RequestCode.GET_NAMESRV_CONFIG]: () => ({ body: Buffer.from(config.text()) }),
  }
}
