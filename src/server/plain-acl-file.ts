import type { Document } from 'yaml'
import type { Authority, Principal } from '../auth/authority.ts'
import { type PlainAccount, PlainAccounts } from '../auth/plain-accounts.ts'
import { readFile, replaceFileSync } from '../base/atomic-file.ts'
import { MqError, messageOf } from '../base/errors.ts'
import type { Host, Timer } from '../base/host.ts'
import type { PlainAccountChange, PlainAclPort } from '../gateways/rocketmq/plain-acl-admin.ts'
import { type DataVersion, nextDataVersion } from '../protocol/data-version.ts'
import { JsonFields } from '../protocol/json-fields.ts'

const LOOK_INTERVAL_MS = 10_000

type Yaml = typeof import('yaml')

/**
 * plain_acl.yml, the accounts of RocketMQ's ACL 1.0: read again when it changes, and written when requests change accounts, with its
 * comments kept. A file that cannot be used is logged, and the accounts before go on.
 */
export class PlainAclFile implements Authority, PlainAclPort {
  version: DataVersion
  readonly #host: Host
  readonly #path: string
  readonly #yaml: Yaml
  #accounts: PlainAccounts
  #stamp: string
  #timer: Timer | undefined

  /** @throws MqError badSetting when the file is missing or cannot be used */
  static async open(host: Host, path: string): Promise<PlainAclFile> {
    return new PlainAclFile(host, path, await import('yaml'))
  }

  private constructor(host: Host, path: string, yaml: Yaml) {
    this.#host = host
    this.#path = path
    this.#yaml = yaml
    this.version = { counter: 0, stateVersion: 0, timestamp: host.clock.nowMs() }
    this.#stamp = this.#look()
    this.#accounts = this.#read()
  }

  get accounts(): readonly PlainAccount[] {
    return this.#accounts.accounts
  }

  principal(accessKey: string): Principal | undefined {
    return this.#accounts.principal(accessKey)
  }

  put(accessKey: string, change: PlainAccountChange): void {
    this.#refresh()
    const known = this.accounts.find((account) => account.accessKey === accessKey)
    const given = Object.fromEntries(Object.entries(change).filter(([, value]) => value !== undefined))
    const account: PlainAccount = { ...EMPTY, ...known, ...given, accessKey }
    const others = this.accounts.filter((other) => other !== known)
    this.#write([...others, account], (document) => {
      const index = this.accounts.indexOf(known ?? account)
      const texts = { ...account, admin: String(account.admin) }
      if (index >= 0) document.setIn(['accounts', index], document.createNode(texts))
      else if (this.accounts.length > 0) document.addIn(['accounts'], document.createNode(texts))
      else document.set('accounts', document.createNode([texts]))
    })
  }

  delete(accessKey: string): void {
    this.#refresh()
    const index = this.accounts.findIndex((account) => account.accessKey === accessKey)
    if (index < 0) throw new MqError('notFound', `there is no account ${accessKey.slice(0, 100)}`)
    this.#write(
      this.accounts.filter((_, other) => other !== index),
      (document) => document.deleteIn(['accounts', index]),
    )
  }

  /** Looks for changes from now on. */
  watch(): void {
    this.#timer = this.#host.clock.after(LOOK_INTERVAL_MS, () => {
      this.reload()
      this.watch()
    })
  }

  stop(): void {
    this.#timer?.cancel()
  }

  /** Reads the file where it has changed. */
  reload(): void {
    const stamp = this.#look()
    if (stamp === this.#stamp) return
    this.#stamp = stamp
    const { log } = this.#host
    try {
      this.#accounts = this.#read()
      this.#changed()
      log.info({ path: this.#path, accounts: this.accounts.length }, 'accounts read again')
    } catch (error) {
      log.error({ error: messageOf(error) }, 'changed accounts not used; those before go on')
    }
  }

  /**
   * What is changed next is what the file says now: accounts are known by their places in it.
   * @throws MqError badSetting when it cannot be used
   */
  #refresh(): void {
    this.#accounts = this.#read()
    this.#stamp = this.#look()
  }

  #write(accounts: readonly PlainAccount[], change: (document: Document) => void): void {
    // what would be refused at the next start is refused now
    const changed = new PlainAccounts(accounts)
    const document = this.#parse()
    change(document)
    replaceFileSync(this.#host.disk, this.#path, Buffer.from(String(document)))
    this.#accounts = changed
    this.#accounts = this.#read()
    this.#stamp = this.#look()
    this.#changed()
  }

  #changed(): void {
    this.version = nextDataVersion(this.version, this.#host.clock.nowMs())
  }

  #read(): PlainAccounts {
    const table: unknown = this.#parse().toJS()
    const text = Buffer.from(JSON.stringify(table ?? {}))
    const fields = JsonFields.ofBody(text, this.#path)
    if (listOf(fields, 'globalWhiteRemoteAddresses').length > 0) {
      this.#host.log.warn(
        { path: this.#path },
        'globalWhiteRemoteAddresses have no effect: no address is spared the signature',
      )
    }
    return new PlainAccounts(fields.raw('accounts') === '' ? [] : fields.objects('accounts', readAccount))
  }

  /** Every scalar stays the text that it is: a key of digits is no number. */
  #parse(): Document {
    const content = this.#content()
    if (!content) throw new MqError('badSetting', `${this.#path} is not there (plainAclFile)`)
    const document = this.#yaml.parseDocument(content.toString(), { schema: 'failsafe' })
    const [fault] = document.errors
    if (fault) throw new MqError('badSetting', `${this.#path} is no YAML: ${fault.code}`, { cause: fault })
    return document
  }

  #content(): Buffer | undefined {
    try {
      return readFile(this.#host.disk, this.#path)
    } catch (error) {
      throw new MqError('badSetting', `${this.#path} cannot be read: ${messageOf(error)}`, { cause: error })
    }
  }

  /** Changes when the file does. */
  #look(): string {
    try {
      const stat = this.#host.disk.statSync(this.#path)
      return stat ? `${stat.modifiedMs}:${stat.sizeBytes}` : 'missing'
    } catch (error) {
      // whoever reads the file next is told
      return messageOf(error)
    }
  }
}

const EMPTY: PlainAccount = {
  accessKey: '',
  secretKey: '',
  whiteRemoteAddress: '',
  admin: false,
  defaultTopicPerm: 'DENY',
  defaultGroupPerm: 'DENY',
  topicPerms: [],
  groupPerms: [],
}

function readAccount(fields: JsonFields): PlainAccount {
  return {
    accessKey: fields.text('accessKey', ''),
    secretKey: fields.text('secretKey', ''),
    whiteRemoteAddress: fields.text('whiteRemoteAddress', ''),
    admin: fields.text('admin', 'false').trim() === 'true',
    defaultTopicPerm: fields.text('defaultTopicPerm', 'DENY'),
    defaultGroupPerm: fields.text('defaultGroupPerm', 'DENY'),
    topicPerms: listOf(fields, 'topicPerms'),
    groupPerms: listOf(fields, 'groupPerms'),
  }
}

/** A list with nothing in it is an empty text to the failsafe schema. */
function listOf(fields: JsonFields, name: string): string[] {
  return fields.raw(name) === '' ? [] : fields.texts(name)
}
