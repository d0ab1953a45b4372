import { MqError } from '../base/errors.ts'

/**
 * Most characters of a topic's name. Longer than any that a broker makes: a pop retry topic holds a group of
 * 255 and a topic of 127.
 */
export const TOPIC_NAME_LENGTH_MAX = 512

/** Most characters of every other name: cluster, broker, address, zone, namespace, key. */
export const NAME_LENGTH_MAX = 255

/**
 * Checks a name that is going to be kept. Which letters it may hold is the broker's business; blank and
 * control characters are nobody's.
 * @param what names it in the error
 * @throws MqError invalidParameter when it is blank, longer than `lengthMax` or holds a control character
 */
export function checkName(what: string, name: string, lengthMax: number = NAME_LENGTH_MAX): void {
  if (name.length > lengthMax) {
    const shown = JSON.stringify(name.slice(0, 40))
    throw new MqError(
      'invalidParameter',
      `${what} ${shown}... has ${name.length} characters, more than ${lengthMax}`,
    )
  }
  if (name.trim() === '' || /\p{Cc}/u.test(name)) {
    throw new MqError(
      'invalidParameter',
      `${what} ${JSON.stringify(name)} is blank or holds control characters`,
    )
  }
}

/**
 * Checks an address that routes will carry. The Go client cuts routes at commas and colons without reading
 * them as JSON, so whatever means something there is refused.
 * @throws MqError invalidParameter when it is not `host:port`
 */
export function checkAddress(address: string): void {
  checkName('broker address', address)
  if (!/^[^\s"'`,;\\{}]+:\d{1,5}$/.test(address)) {
    throw new MqError('invalidParameter', `broker address ${JSON.stringify(address)} is not host:port`)
  }
}
