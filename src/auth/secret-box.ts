import { createCipheriv, createDecipheriv } from 'node:crypto'
import { readFile, replaceFileSync } from '../base/atomic-file.ts'
import { MqError } from '../base/errors.ts'
import type { Disk, Random } from '../base/host.ts'

const KEY_BYTES = 32
const NONCE_BYTES = 12
const TAG_BYTES = 16
const CIPHER = 'aes-256-gcm'

/** Names the form, so that another may follow. */
const PREFIX = 'gcm1:'

/**
 * Keeps secrets from those who see only the tables they stand in: backups, journals, copies of a file. The key lies in a file of
 * its own; whoever has both has the secrets, because a signature can be checked with the secret itself only.
 */
export class SecretBox {
  readonly #key: Buffer
  readonly #random: Random

  constructor(key: Buffer, random: Random) {
    this.#key = key
    this.#random = random
  }

  /** The box whose key is in a file, which is made when missing. @throws MqError storeUnreadable when the file is none of ours */
  static open(disk: Disk, path: string, random: Random): SecretBox {
    const text = readFile(disk, path)?.toString().trim()
    if (text === undefined) {
      const key = random.bytes(KEY_BYTES)
      replaceFileSync(disk, path, Buffer.from(`${key.toString('base64')}\n`))
      return new SecretBox(key, random)
    }
    const key = Buffer.from(text, 'base64')
    if (key.length === KEY_BYTES) return new SecretBox(key, random)
    throw new MqError('storeUnreadable', `${path} holds no key of ${KEY_BYTES} bytes`)
  }

  seal(secret: string): string {
    const nonce = this.#random.bytes(NONCE_BYTES)
    const cipher = createCipheriv(CIPHER, this.#key, nonce)
    const sealed = Buffer.concat([cipher.update(secret, 'utf8'), cipher.final()])
    return PREFIX + Buffer.concat([nonce, cipher.getAuthTag(), sealed]).toString('base64')
  }

  /** @throws MqError badBody when it was not sealed with this key, or has been changed */
  open(sealed: string): string {
    const bytes = Buffer.from(sealed.slice(PREFIX.length), 'base64')
    try {
      if (!sealed.startsWith(PREFIX)) throw new RangeError('another form')
      const decipher = createDecipheriv(CIPHER, this.#key, bytes.subarray(0, NONCE_BYTES), {
        authTagLength: TAG_BYTES,
      })
      decipher.setAuthTag(bytes.subarray(NONCE_BYTES, NONCE_BYTES + TAG_BYTES))
      const secret = decipher.update(bytes.subarray(NONCE_BYTES + TAG_BYTES))
      return Buffer.concat([secret, decipher.final()]).toString('utf8')
    } catch (cause) {
      throw new MqError('badBody', 'a secret cannot be opened with the key beside it', { cause })
    }
  }
}
