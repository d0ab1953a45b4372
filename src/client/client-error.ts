import { type ErrorKind, MqError, messageOf } from '../base/errors.ts'
import { ResponseCode, responseCodeName } from '../protocol/response-code.ts'

/** What went wrong, in words that a program can compare; docs/errors.md has a line for each. */
export type ClientErrorCode = ErrorKind

/** Failures after which the same call may succeed later, unchanged. */
const retriableCodes: ReadonlySet<ClientErrorCode> = new Set([
  'connectionLost',
  'timeout',
  'busy',
  'notWritable',
  'shuttingDown',
])

/** What the answers of a server mean to a caller; what is not here is 'refused'. */
const codesOfResponses: ReadonlyMap<number, ClientErrorCode> = new Map([
  [ResponseCode.SYSTEM_BUSY, 'busy'],
  [ResponseCode.FLOW_CONTROL, 'busy'],
  [ResponseCode.REQUEST_CODE_NOT_SUPPORTED, 'notSupported'],
  [ResponseCode.VERSION_NOT_SUPPORTED, 'notSupported'],
  [ResponseCode.MESSAGE_ILLEGAL, 'messageIllegal'],
  [ResponseCode.SERVICE_NOT_AVAILABLE, 'notWritable'],
  [ResponseCode.NO_PERMISSION, 'noPermission'],
  [ResponseCode.TOPIC_NOT_EXIST, 'topicNotExist'],
  [ResponseCode.QUERY_NOT_FOUND, 'notFound'],
  [ResponseCode.SUBSCRIPTION_PARSE_FAILED, 'subscriptionParseFailed'],
  [ResponseCode.SUBSCRIPTION_NOT_EXIST, 'subscriptionNotExist'],
  [ResponseCode.SUBSCRIPTION_NOT_LATEST, 'subscriptionNotLatest'],
  [ResponseCode.SUBSCRIPTION_GROUP_NOT_EXIST, 'groupNotExist'],
  [ResponseCode.INVALID_PARAMETER, 'invalidParameter'],
  [ResponseCode.GO_AWAY, 'shuttingDown'],
])

export interface ClientErrorOptions extends ErrorOptions {
  /** RocketMQ's number for it, when a server answered with one. */
  readonly responseCode?: number
}

/** Every failure that the client reports: what it was, and whether trying again makes sense. */
export class ClientError extends MqError {
  readonly code: ClientErrorCode
  /** Whether the same call may succeed later, unchanged. */
  readonly retriable: boolean
  /** RocketMQ's number for it, when a server answered with one. */
  readonly responseCode: number | undefined

  constructor(code: ClientErrorCode, message: string, options?: ClientErrorOptions) {
    super(code, message, options)
    this.name = 'ClientError'
    this.code = code
    this.retriable = retriableCodes.has(code)
    this.responseCode = options?.responseCode
  }
}

/** What a server's answer with an error code means. */
export function refusalOf(
  response: { code: number; remark?: string | undefined },
  from: string,
): ClientError {
  const { code, remark = '' } = response
  const name = responseCodeName(code) ?? 'unknown'
  return new ClientError(codesOfResponses.get(code) ?? 'refused', `${from}: ${remark} (${name}, ${code})`, {
    responseCode: code,
  })
}

/** Whatever was thrown as the client reports it; its cause is kept. */
export function clientErrorOf(error: unknown): ClientError {
  if (error instanceof ClientError) return error
  const code = error instanceof MqError ? error.kind : 'internal'
  return new ClientError(code, messageOf(error), { cause: error })
}
