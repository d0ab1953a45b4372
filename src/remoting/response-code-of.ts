import type { ErrorKind } from '../base/errors.ts'
import { ResponseCode } from '../protocol/response-code.ts'

/** The remoting protocol's answer to each kind of failure (protocol/remoting.md §7). */
const responseCodes: Readonly<Record<ErrorKind, number>> = {
  badFrame: ResponseCode.SYSTEM_ERROR,
  badHeader: ResponseCode.SYSTEM_ERROR,
  badBody: ResponseCode.SYSTEM_ERROR,
  badRecord: ResponseCode.SYSTEM_ERROR,
  notSupported: ResponseCode.REQUEST_CODE_NOT_SUPPORTED,
  invalidParameter: ResponseCode.INVALID_PARAMETER,
  messageIllegal: ResponseCode.MESSAGE_ILLEGAL,
  topicNotExist: ResponseCode.TOPIC_NOT_EXIST,
  groupNotExist: ResponseCode.SUBSCRIPTION_GROUP_NOT_EXIST,
  noPermission: ResponseCode.NO_PERMISSION,
  notFound: ResponseCode.QUERY_NOT_FOUND,
  noMessage: ResponseCode.NO_MESSAGE,
  subscriptionNotExist: ResponseCode.SUBSCRIPTION_NOT_EXIST,
  subscriptionNotLatest: ResponseCode.SUBSCRIPTION_NOT_LATEST,
  subscriptionParseFailed: ResponseCode.SUBSCRIPTION_PARSE_FAILED,
  filterDataNotExist: ResponseCode.FILTER_DATA_NOT_EXIST,
  filterDataNotLatest: ResponseCode.FILTER_DATA_NOT_LATEST,
  filterNotSupported: ResponseCode.SYSTEM_ERROR,
  consumerNotOnline: ResponseCode.CONSUMER_NOT_ONLINE,
  transactionRefused: ResponseCode.SYSTEM_ERROR,
  badHandle: ResponseCode.ILLEGAL_OPERATION,
  tooLate: ResponseCode.ILLEGAL_OPERATION,
  busy: ResponseCode.SYSTEM_BUSY,
  notWritable: ResponseCode.SERVICE_NOT_AVAILABLE,
  shuttingDown: ResponseCode.GO_AWAY,
  flushTimeout: ResponseCode.FLUSH_DISK_TIMEOUT,
  storeLocked: ResponseCode.SYSTEM_ERROR,
  storeUnreadable: ResponseCode.SYSTEM_ERROR,
  portTaken: ResponseCode.SYSTEM_ERROR,
  badSetting: ResponseCode.INVALID_PARAMETER,
  connectionLost: ResponseCode.SYSTEM_ERROR,
  timeout: ResponseCode.SYSTEM_ERROR,
  refused: ResponseCode.SYSTEM_ERROR,
  closed: ResponseCode.SYSTEM_ERROR,
  internal: ResponseCode.SYSTEM_ERROR,
}

export function responseCodeOf(kind: ErrorKind): number {
  return responseCodes[kind]
}
