import { isIP } from 'node:net'
import { networkInterfaces } from 'node:os'
import { MqError } from '../base/errors.ts'
import type { Endpoint } from '../base/host.ts'
import type { Config } from './settings.ts'

/** Whether only this machine can reach an address. */
export function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || /^127(\.\d{1,3}){3}$/.test(host)
}

/**
 * The rule for listeners: beyond loopback only where somebody has said that nobody is kept out, or authentication does it.
 * @throws MqError badSetting that says what to set
 */
export function checkBindAddress(config: Config, isInsecureOpen: boolean): void {
  const { bindAddress, brokerIP1, authenticationEnabled, authorizationEnabled, aclEnable } = config
  const isGuarded = authenticationEnabled ? authorizationEnabled : aclEnable
  if (!isLoopback(bindAddress) && !isInsecureOpen && !isGuarded) {
    throw new MqError(
      'badSetting',
      `bindAddress ${bindAddress} is beyond loopback, and there is no authentication: anybody who reaches it may read, write and ` +
        'delete. Set --insecure-open if that is what you want, or authenticationEnabled and authorizationEnabled',
    )
  }
  if (isLoopback(bindAddress) && brokerIP1 !== '' && !isLoopback(brokerIP1)) {
    throw new MqError(
      'badSetting',
      `brokerIP1 ${brokerIP1} is told to clients, but bindAddress ${bindAddress} can be reached from this machine only. ` +
        'Set bindAddress too',
    )
  }
}

/** `127.0.0.1:9876`, `[::1]:9876` */
export function endpointText({ host, port }: Endpoint): string {
  return `${isIP(host) === 6 ? `[${host}]` : host}:${port}`
}

/** What clients dial to reach a listener: its own address, or one of this machine where it listens on all. */
export function dialText({ host, port }: Endpoint, { brokerIP1 }: Config): string {
  const isWildcard = host === '0.0.0.0' || host === '::'
  return endpointText({ host: isWildcard ? brokerIP1 || (outerAddress() ?? '127.0.0.1') : host, port })
}

/** The host that clients are told. @throws MqError badSetting when none can be found */
export function advertisedHost({ bindAddress, brokerIP1 }: Config): string {
  if (brokerIP1 !== '') return brokerIP1
  if (bindAddress === 'localhost') return '127.0.0.1'
  if (bindAddress !== '0.0.0.0' && bindAddress !== '::') return bindAddress
  const outer = outerAddress()
  if (outer !== undefined) return outer
  throw new MqError(
    'badSetting',
    `bindAddress ${bindAddress} leaves open what clients are told: set brokerIP1`,
  )
}

/** The first address of this machine that others may reach. */
function outerAddress(): string | undefined {
  return Object.values(networkInterfaces())
    .flat()
    .find((one) => one !== undefined && !one.internal && isIP(one.address) === 4)?.address
}
