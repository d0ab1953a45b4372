import { MqError } from '../base/errors.ts'
import type { FastJson } from '../protocol/fastjson.ts'
import { prettyFastJson, writeFastJson } from '../protocol/fastjson-writer.ts'
import { JsonFields } from '../protocol/json-fields.ts'
import type { SecretBox } from './secret-box.ts'
import { checkUsername, USER_STATUSES, USER_TYPES, type User, type UserChange } from './user.ts'

/** A cap on what requests can make grow (R20). */
const USERS_MAX = 10_000

/** All users, as RocketMQ's AuthenticationMetadataManager has them; a table of the metadata, its passwords sealed. */
export class UserTable {
  readonly fileName = 'users.json'
  readonly journalKind = 'u'
  readonly isVital = true
  onChange: (text: string) => void = () => undefined
  readonly #box: SecretBox
  readonly #users = new Map<string, User>()

  constructor(box: SecretBox) {
    this.#box = box
  }

  get(username: string): User | undefined {
    return this.#users.get(username)
  }

  /** Users whose name holds the text. */
  list(filter = ''): User[] {
    return [...this.#users.values()].filter(({ username }) => username.includes(filter))
  }

  /** @throws MqError noPermission when he is there already, invalidParameter */
  create(username: string, given: UserChange): void {
    checkUsername(username)
    if (given.password === undefined) throw new MqError('noPermission', 'password can not be blank')
    if (this.#users.has(username)) throw new MqError('noPermission', 'the user is existed')
    if (this.#users.size >= USERS_MAX) throw new MqError('busy', `there are ${USERS_MAX} users`)
    const { password, userType = 'Normal', userStatus = 'enable' } = given
    this.#put({ username, password, userType, userStatus })
  }

  /** @throws MqError noPermission when there is no such user */
  update(username: string, given: UserChange): void {
    const user = this.#users.get(username)
    if (!user) throw new MqError('noPermission', 'the user is not exist')
    this.#put({
      username,
      password: given.password ?? user.password,
      userType: given.userType ?? user.userType,
      userStatus: given.userStatus ?? user.userStatus,
    })
  }

  /** @returns whether he was there */
  delete(username: string): boolean {
    if (!this.#users.delete(username)) return false
    this.onChange(`-${username}`)
    return true
  }

  load(content: Buffer): void {
    this.#users.clear()
    for (const user of JsonFields.ofBody(content, 'users').objects('users', (fields) => this.#read(fields))) {
      this.#users.set(user.username, user)
    }
  }

  replay(text: string): void {
    if (text.startsWith('-')) {
      this.#users.delete(text.slice(1))
      return
    }
    const user = this.#read(JsonFields.ofBody(Buffer.from(text.slice(1)), 'user'))
    this.#users.set(user.username, user)
  }

  encode(): Buffer {
    return Buffer.from(prettyFastJson({ users: [...this.#users.values()].map((user) => this.#json(user)) }))
  }

  #put(user: User): void {
    this.#users.set(user.username, user)
    this.onChange(`+${writeFastJson(this.#json(user))}`)
  }

  #json({ username, password, userType, userStatus }: User): FastJson {
    return { username, userType, userStatus, sealedPassword: this.#box.seal(password) }
  }

  #read(fields: JsonFields): User {
    return {
      username: fields.text('username'),
      password: this.#box.open(fields.text('sealedPassword')),
      userType: fields.word('userType', USER_TYPES),
      userStatus: fields.word('userStatus', USER_STATUSES),
    }
  }
}
