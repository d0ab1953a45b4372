import { readFileSync, statSync } from 'node:fs'
import { MqError, messageOf } from '../base/errors.ts'
import { secureContextOf } from '../base/host/tls-credentials.ts'
import type { Clock, Logger, NetSecurity, Timer, TlsCredentials } from '../base/host.ts'
import type { Config } from './settings.ts'

const LOOK_INTERVAL_MS = 10_000

/** Where the parts of credentials stand; '' for what there is not. */
interface CredentialPaths {
  readonly certificate: string
  readonly privateKey: string
  readonly passphrase: string
  readonly trusted: string
}

/**
 * The certificates and keys that the settings name. They are read again when a file changes, and when told to; connections from
 * then on use them. Files that cannot be used are logged, and what was there before goes on.
 */
export class TlsFiles {
  readonly #config: Config
  readonly #clock: Clock
  readonly #log: Logger
  readonly #server: CredentialFiles | undefined
  readonly #client: CredentialFiles | undefined
  #timer: Timer | undefined

  /** @throws MqError badSetting when a file is missing or cannot be used, or settings contradict each other */
  constructor(config: Config, parts: { readonly clock: Clock; readonly log: Logger }) {
    this.#config = config
    this.#clock = parts.clock
    this.#log = parts.log
    const { tlsServerMode, tlsServerCertPath, tlsServerKeyPath, tlsServerTrustCertPath } = config
    if (tlsServerMode === 'enforcing' && (tlsServerCertPath === '' || tlsServerKeyPath === '')) {
      throw new MqError('badSetting', 'tlsServerMode enforcing wants tlsServerCertPath and tlsServerKeyPath')
    }
    if (config.tlsServerNeedClientAuth !== 'none' && tlsServerTrustCertPath === '') {
      throw new MqError(
        'badSetting',
        `tlsServerNeedClientAuth ${config.tlsServerNeedClientAuth} wants tlsServerTrustCertPath: who vouches for clients`,
      )
    }
    if (tlsServerMode !== 'disabled' && tlsServerCertPath !== '') {
      this.#server = new CredentialFiles({
        certificate: tlsServerCertPath,
        privateKey: tlsServerKeyPath,
        passphrase: config.tlsServerKeyPassword,
        trusted: tlsServerTrustCertPath,
      })
      this.#warnOfOpenKey(tlsServerKeyPath)
    }
    if (config.tlsEnable) {
      this.#client = new CredentialFiles({
        certificate: config.tlsClientCertPath,
        privateKey: config.tlsClientKeyPath,
        passphrase: config.tlsClientKeyPassword,
        trusted: config.tlsClientTrustCertPath,
      })
      this.#warnOfOpenKey(config.tlsClientKeyPath)
    }
  }

  /** What a network is to be secured with; undefined where nothing is. */
  get security(): NetSecurity | undefined {
    const { tlsServerMode, tlsServerNeedClientAuth, tlsClientAuthServer } = this.#config
    const [server, client] = [this.#server, this.#client]
    if (!server && !client) return undefined
    return {
      server: server && {
        mode: tlsServerMode === 'enforcing' ? 'enforcing' : 'permissive',
        clientAuth: tlsServerNeedClientAuth,
        get credentials() {
          return server.credentials
        },
      },
      client: client && {
        verifiesServer: tlsClientAuthServer,
        get credentials() {
          return client.credentials
        },
      },
    }
  }

  /** Looks for changed files from now on. */
  watch(): void {
    if (!this.#server && !this.#client) return
    this.#timer = this.#clock.after(LOOK_INTERVAL_MS, () => {
      this.reload()
      this.watch()
    })
  }

  stop(): void {
    this.#timer?.cancel()
  }

  /** Reads the files that have changed. */
  reload(): void {
    for (const files of [this.#server, this.#client]) {
      try {
        if (files?.reload())
          this.#log.info({ certificate: files.paths.certificate }, 'certificate read again')
      } catch (error) {
        this.#log.error(
          { error: messageOf(error) },
          'changed certificate or key not used; the one before goes on',
        )
      }
    }
  }

  #warnOfOpenKey(path: string): void {
    if (path === '') return
    const { mode } = statSync(path)
    if ((mode & 0o077) !== 0)
      this.#log.warn({ path, mode: (mode & 0o777).toString(8) }, 'private key may be read by others')
  }
}

/** One set of files, as it was last read. */
class CredentialFiles {
  readonly paths: CredentialPaths
  credentials: TlsCredentials
  #stamp: string

  /** @throws MqError badSetting */
  constructor(paths: CredentialPaths) {
    this.paths = paths
    this.#stamp = this.#look()
    this.credentials = this.#read()
  }

  /** @returns whether something had changed @throws MqError badSetting; asked again, it says so once for each change */
  reload(): boolean {
    const stamp = this.#look()
    if (stamp === this.#stamp) return false
    this.#stamp = stamp
    this.credentials = this.#read()
    return true
  }

  #read(): TlsCredentials {
    const { certificate, privateKey, passphrase, trusted } = this.paths
    const credentials = {
      certificate: textOf(certificate),
      privateKey: textOf(privateKey),
      passphrase: passphrase || undefined,
      trusted: textOf(trusted),
    }
    secureContextOf(credentials)
    return credentials
  }

  /** Changes when a file does. */
  #look(): string {
    const { certificate, privateKey, trusted } = this.paths
    return [certificate, privateKey, trusted].map(stampOf).join(' ')
  }
}

function stampOf(path: string): string {
  if (path === '') return ''
  try {
    const { mtimeMs, size, ino } = statSync(path)
    return `${mtimeMs}:${size}:${ino}`
  } catch (error) {
    // whoever reads the file next is told
    return messageOf(error)
  }
}

function textOf(path: string): string | undefined {
  if (path === '') return undefined
  try {
    return readFileSync(path, 'utf8')
  } catch (error) {
    throw new MqError('badSetting', `${path} cannot be read: ${messageOf(error)}`, { cause: error })
  }
}
