import { createSecureContext, type SecureContext, type SecureContextOptions } from 'node:tls'
import { MqError, messageOf } from '../errors.ts'
import type { TlsCredentials } from '../host.ts'

/** Older versions of TLS are refused, whatever Node.js was told. */
export const TLS_VERSION_MIN = 'TLSv1.2'

/**
 * What Node.js makes of credentials.
 * @throws MqError badSetting when they are no PEM, the key does not open, or it is not that of the certificate
 */
export function secureContextOf(credentials: TlsCredentials): SecureContext {
  try {
    return createSecureContext(secureContextOptions(credentials))
  } catch (error) {
    throw new MqError('badSetting', `certificate or key cannot be used: ${messageOf(error)}`, {
      cause: error,
    })
  }
}

export function secureContextOptions(credentials: TlsCredentials): SecureContextOptions {
  const { certificate, privateKey, passphrase, trusted } = credentials
  return {
    minVersion: TLS_VERSION_MIN,
    ...(certificate !== undefined && { cert: certificate }),
    ...(privateKey !== undefined && { key: privateKey }),
    ...(passphrase !== undefined && { passphrase }),
    ...(trusted !== undefined && { ca: trusted }),
  }
}
