import { MqError } from '../base/errors.ts'
import type { FastJsonObject } from '../protocol/fastjson.ts'
import { JsonFields } from '../protocol/json-fields.ts'

export const USER_TYPES = ['Super', 'Normal'] as const
export const USER_STATUSES = ['enable', 'disable'] as const

/** Somebody who may sign requests (RocketMQ User). His name is his access key. */
export interface User {
  readonly username: string
  readonly password: string
  /** A super user may do everything. */
  readonly userType: (typeof USER_TYPES)[number]
  readonly userStatus: (typeof USER_STATUSES)[number]
}

/** What a request says of a user (UserInfo); what is left out stays, or is the default. */
export type UserChange = { readonly [Name in Exclude<keyof User, 'username'>]?: User[Name] | undefined }

/** Names go into JSON, logs and access keys. */
const NAME = /^[^\p{Cc}\s]{1,128}$/u

/** @throws MqError invalidParameter */
export function checkUsername(username: string): void {
  if (NAME.test(username)) return
  throw new MqError('invalidParameter', 'a user name wants 1 to 128 characters without white space')
}

/** Reads a UserInfo body. @throws MqError badBody */
export function decodeUserChange(body: Buffer): UserChange {
  const fields = JsonFields.ofBody(body, 'user')
  const text = (name: string): string | undefined => fields.optionalText(name) || undefined
  return {
    password: text('password'),
    userType: wordOf(USER_TYPES, text('userType')),
    userStatus: wordOf(USER_STATUSES, text('userStatus')),
  }
}

/** A UserInfo body, without the password: secrets go in and never out (R25). */
export function userInfoJson({ username, userType, userStatus }: User): FastJsonObject {
  return { userStatus, userType, username }
}

function wordOf<Word extends string>(words: readonly Word[], text: string | undefined): Word | undefined {
  if (text === undefined) return undefined
  const word = words.find((candidate) => candidate.toLowerCase() === text.toLowerCase())
  if (word !== undefined) return word
  throw new MqError('badBody', `"${text.slice(0, 40)}" is none of ${words.join(', ')}`)
}
