import { AclTable } from '../auth/acl-table.ts'
import { Authorities, type Authority, type Principal, UserAuthority } from '../auth/authority.ts'
import { SecretBox } from '../auth/secret-box.ts'
import { UserTable } from '../auth/user-table.ts'
import { MqError, messageOf } from '../base/errors.ts'
import type { Host, Random } from '../base/host.ts'
import type { Turn } from '../base/turn.ts'
import { Metadata } from '../broker/metadata.ts'
import { authAdminHandlers, withoutAuthHandlers } from '../gateways/rocketmq/auth-admin.ts'
import { JsonFields } from '../protocol/json-fields.ts'
import type { HandlerFamily } from '../protocol/request.ts'
import { type Credentials, RequestSigner } from '../protocol/signature.ts'
import { PlainAclFile } from './plain-acl-file.ts'
import type { Config } from './settings.ts'

/** Who may sign requests to this process, and how it signs its own. */
export class Auth {
  /** Undefined where requests need not be signed. */
  readonly authority: Authority | undefined
  /** Signs what the broker asks of NameServers. */
  readonly signer: RequestSigner | undefined
  /** Requests that manage users and policies. */
  readonly handlers: HandlerFamily
  /** Accounts of ACL 1.0, where there are any. */
  readonly plainAcl: PlainAclFile | undefined
  readonly #metadata: Metadata | undefined

  /**
   * Opens users, policies and accounts, where there are to be any.
   * @param dir where users and policies are kept
   * @throws MqError badSetting, storeUnreadable, badBody
   */
  static async open(host: Host, turn: Turn, config: Config, dir: string): Promise<Auth> {
    if (config.authorizationEnabled && !config.authenticationEnabled) {
      throw new MqError(
        'badSetting',
        'authorizationEnabled wants authenticationEnabled: nobody would be known',
      )
    }
    const plainAcl = config.aclEnable ? await PlainAclFile.open(host, config.plainAclFile) : undefined
    return new Auth({ host, turn, config, dir, plainAcl })
  }

  private constructor(parts: {
    host: Host
    turn: Turn
    config: Config
    dir: string
    plainAcl: PlainAclFile | undefined
  }) {
    const { host, turn, config, dir, plainAcl } = parts
    this.plainAcl = plainAcl
    plainAcl?.watch()
    if (!config.authenticationEnabled && !plainAcl) {
      this.handlers = withoutAuthHandlers()
      return
    }
    const inner = innerCredentials(config) ?? passingCredentials(host.random)
    this.signer = new RequestSigner(inner)
    const authorities: Authority[] = [new InnerAuthority(inner)]
    if (plainAcl) authorities.push(plainAcl)
    this.authority = new Authorities(authorities)
    if (!config.authenticationEnabled) {
      this.handlers = withoutAuthHandlers()
      return
    }
    host.disk.mkdirSync(dir)
    const users = new UserTable(SecretBox.open(host.disk, `${dir}/secret.key`, host.random))
    const acls = new AclTable()
    const store = { rootDir: dir, flushDiskType: config.flushDiskType }
    this.#metadata = new Metadata({ host, turn, store, tables: [users, acls] })
    this.#metadata.open()
    addSuperUsers(users, config)
    authorities.push(new UserAuthority(users, acls, config.authorizationEnabled))
    this.handlers = authAdminHandlers({ users, acls, authority: this.authority })
  }

  /** Stops, with everything on disk. */
  async close(): Promise<void> {
    this.plainAcl?.stop()
    await this.#metadata?.close()
  }
}

/** The process itself. */
class InnerAuthority implements Authority {
  readonly #principal: Principal

  constructor({ accessKey, secretKey }: Credentials) {
    this.#principal = {
      name: accessKey,
      secret: secretKey,
      isSuper: true,
      mayDo: () => true,
      refusal: () => undefined,
    }
  }

  principal(accessKey: string): Principal | undefined {
    return accessKey === this.#principal.name ? this.#principal : undefined
  }
}

/** Credentials for the NameServer in this process, where none are set. */
function passingCredentials(random: Random): Credentials {
  return {
    accessKey: `inner-${random.bytes(12).toString('hex')}`,
    secretKey: random.bytes(24).toString('base64'),
  }
}

function innerCredentials({ innerClientAuthenticationCredentials: text }: Config): Credentials | undefined {
  if (text === '') return undefined
  const fields = fieldsOf('innerClientAuthenticationCredentials', text)
  return {
    accessKey: required('innerClientAuthenticationCredentials', fields, 'accessKey'),
    secretKey: required('innerClientAuthenticationCredentials', fields, 'secretKey'),
  }
}

/** Super users of the settings, where they are missing: one that is there keeps his password. */
function addSuperUsers(users: UserTable, config: Config): void {
  const { initAuthenticationUser } = config
  if (initAuthenticationUser === '') return
  const fields = fieldsOf('initAuthenticationUser', initAuthenticationUser)
  const username = required('initAuthenticationUser', fields, 'username')
  const password = required('initAuthenticationUser', fields, 'password')
  if (!users.get(username)) users.create(username, { password, userType: 'Super' })
}

/** @throws MqError badSetting that does not show the text: it is secret */
function fieldsOf(setting: string, text: string): JsonFields {
  try {
    return JsonFields.ofBody(Buffer.from(text), setting)
  } catch (error) {
    throw new MqError('badSetting', `${setting} is no JSON object: ${messageOf(error).slice(0, 60)}`, {
      cause: error,
    })
  }
}

function required(setting: string, fields: JsonFields, name: string): string {
  const text = fields.optionalText(name)
  if (text) return text
  throw new MqError('badSetting', `${setting} has no ${name}`)
}
