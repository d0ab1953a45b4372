import type { FastJson } from './fastjson.ts'
import type { JsonFields } from './json-fields.ts'
import { isLanguageName, type LanguageName } from './language.ts'

/** One client of a group, as a broker sees it. */
export interface ClientConnection {
  readonly clientId: string
  /** `host:port` of the client's end. */
  readonly clientAddr: string
  readonly language: LanguageName
  /** Ordinal of its release. */
  readonly version: number
}

/** The connection as a JSON value, its keys in fastjson's order. */
export function clientConnectionJson(connection: ClientConnection): FastJson {
  const { clientAddr, clientId, language, version } = connection
  return { clientAddr, clientId, language, version }
}

/** @throws MqError badBody when a field is missing or of another type */
export function readClientConnection(fields: JsonFields): ClientConnection {
  return {
    clientId: fields.text('clientId'),
    clientAddr: fields.text('clientAddr', ''),
    language: readLanguage(fields),
    version: fields.int32('version', 0),
  }
}

/**
 * The field `language`; OTHER when it is absent or not known, as a list with one odd client is still a list.
 */
export function readLanguage(fields: JsonFields): LanguageName {
  const name = fields.text('language', 'OTHER')
  return isLanguageName(name) ? name : 'OTHER'
}
