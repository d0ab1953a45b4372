import { createHmac, type Hmac, timingSafeEqual } from 'node:crypto'
import type { HeaderScan } from './header-scan.ts'

/** Fields of a signed request (RocketMQ SessionCredentials). */
export const ACCESS_KEY = 'AccessKey'
export const SIGNATURE = 'Signature'
const SECURITY_TOKEN = 'SecurityToken'

/** Bytes of an HMAC-SHA1, and of its Base64 text. */
const DIGEST_BYTES = 20
export const SIGNATURE_LENGTH = 28

/** Some releases sign this field, others do not (AclUtils of 4.9.8 and 5.x); it changes nothing that a right depends on. */
const UNSIGNED_FIELD = '_UNIQUE_KEY_QUERY'

/** Begins the signature of RocketMQ's remoting protocol: HMAC-SHA1, kept because clients send it (protocol/remoting.md §4). */
export function beginSignature(secret: string): Hmac {
  return createHmac('sha1', secret)
}

/** Who signs requests: an access key, and the secret that goes with it. */
export interface Credentials {
  readonly accessKey: string
  readonly secretKey: string
  /** Of accounts that exist for a time. */
  readonly securityToken?: string | undefined
}

/** Signs requests of our own. */
export class RequestSigner {
  readonly credentials: Credentials
  readonly #fields: Readonly<Record<string, string>>

  constructor(credentials: Credentials) {
    this.credentials = credentials
    const { accessKey, securityToken } = credentials
    this.#fields = {
      [ACCESS_KEY]: accessKey,
      ...(securityToken !== undefined && { [SECURITY_TOKEN]: securityToken }),
    }
  }

  /** What goes in front of all other fields: their names begin with small letters. */
  get ownFields(): readonly (readonly [string, string])[] {
    return Object.entries(this.#fields)
  }

  /** Begins the signature of a request whose caller feeds in the values of its other fields, in the order of their names, and its body. */
  begin(): Hmac {
    const hmac = beginSignature(this.credentials.secretKey)
    for (const [, value] of this.ownFields) hmac.update(value, 'utf8')
    return hmac
  }

  /** The fields of a request with the signer's own: the values in the order of their names are signed, then the body. */
  signed(extFields: Readonly<Record<string, string>> = {}, body?: Buffer): Record<string, string> {
    const fields = { ...extFields, ...this.#fields }
    const hmac = beginSignature(this.credentials.secretKey)
    for (const name of Object.keys(fields).sort()) hmac.update(fields[name] ?? '', 'utf8')
    if (body) hmac.update(body)
    return { ...fields, [SIGNATURE]: hmac.digest('base64') }
  }
}

/**
 * Whether the request whose header was just scanned is signed with the secret. It takes equally long whatever differs.
 * @param header one with plain names
 */
export function isSigned(header: HeaderScan, bodyAt: number, bodyEnd: number, secret: string): boolean {
  const given = Buffer.alloc(DIGEST_BYTES)
  const text = header.optionalText(SIGNATURE) ?? ''
  const isWhole = text.length === SIGNATURE_LENGTH && given.write(text, 'base64') === DIGEST_BYTES
  const isEqual = timingSafeEqual(given, digestOf(header, bodyAt, bodyEnd, { secret }))
  if (isEqual || header.find(UNSIGNED_FIELD) < 0) return isEqual && isWhole
  return (
    timingSafeEqual(given, digestOf(header, bodyAt, bodyEnd, { secret, without: UNSIGNED_FIELD })) && isWhole
  )
}

function digestOf(
  header: HeaderScan,
  bodyAt: number,
  bodyEnd: number,
  { secret, without }: { readonly secret: string; readonly without?: string },
): Buffer {
  const hmac = beginSignature(secret)
  const names = Array.from({ length: header.fieldCount }, (_, index) => header.name(index))
  const order = Array.from(names.keys()).sort((one, other) =>
    (names[one] ?? '') < (names[other] ?? '') ? -1 : 1,
  )
  let before: string | undefined
  for (const index of order) {
    const name = names[index]
    // what is given twice, with one value, is signed once
    if (name === SIGNATURE || name === without || name === before) continue
    before = name
    if (header.isEscaped(index)) hmac.update(header.text(index), 'utf8')
    else hmac.update(header.buffer.subarray(header.valueAt(index), header.valueEnd(index)))
  }
  return hmac.update(header.buffer.subarray(bodyAt, bodyEnd)).digest()
}
