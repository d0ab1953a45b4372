import type { Endpoint } from '../base/host.ts'
import { dialText, endpointText } from './addresses.ts'
import type { Config } from './settings.ts'
import { packageVersion } from './version.ts'

/** What has been started. */
export interface Started {
  readonly config: Config
  readonly namesrv: Endpoint | undefined
  readonly broker: Endpoint | undefined
  readonly http: Endpoint | undefined
  /** From the start of the process to the open ports. */
  readonly startMs: number
}

/** What people see when everything is started: what listens where, and what to do next. */
export function readyText({ broker, config, http, namesrv, startMs }: Started): string {
  const { brokerClusterName, brokerName, flushDiskType, storePathRootDir } = config
  const rows: (readonly [string, string])[] = []
  if (namesrv) rows.push(['NameServer', endpointText(namesrv)])
  if (broker) {
    rows.push(['broker', `${endpointText(broker)} (${brokerName} of ${brokerClusterName}, ${flushDiskType})`])
    rows.push(['store', storePathRootDir])
  }
  if (http) rows.push(['HTTP', `http://${endpointText(http)}/healthz, /readyz, /metrics`])
  const next = namesrv
    ? `Clients find it by NAMESRV_ADDR=${dialText(namesrv, config)}. Ctrl+C stops it.`
    : `It is registered with ${config.namesrvAddr || 'no NameServer'}. Ctrl+C stops it.`
  return [
    `TernMQ ${packageVersion()} is ready (${startMs} ms)`,
    ...rows.map(([name, value]) => `  ${name.padEnd(12)}${value}`),
    next,
    '',
  ].join('\n')
}
