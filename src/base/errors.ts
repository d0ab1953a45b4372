/**
 * What can go wrong, in the broker's own words. Every door owns one exhaustive table from these kinds to its codes, so a
 * new kind does not compile until every door has an answer. `docs/errors.md` has a line for each.
 */
export const errorKinds = {
  badFrame: 'the bytes of a connection are not a frame: the stream is lost and the connection is closed',
  badHeader: 'the header of a frame cannot be read: the connection is closed',
  badBody: 'the body of a request cannot be read as what its code says',
  badRecord: 'bytes of the log are not a message',
  notSupported: 'the request code is not known or not offered',
  invalidParameter: 'a field is missing, malformed or out of its bounds',
  messageIllegal: 'the message itself breaks a limit: size, topic length, properties',
  topicNotExist: 'the topic does not exist and may not be created',
  groupNotExist: 'the consumer group does not exist and may not be created',
  noPermission: 'topic, group, broker or system rule forbids it',
  notFound: 'the thing asked for is not there (offset, key, message)',
  noMessage: 'an acknowledgement or a change of visibility for an offset that the queue does not have',
  subscriptionNotExist: 'the group has sent no heartbeat with this subscription',
  subscriptionNotLatest: 'the group has a newer subscription than the heartbeat brought',
  subscriptionParseFailed: 'the filter expression cannot be parsed',
  filterDataNotExist: 'the group has no filter expression for the topic here: what it sent cannot be parsed',
  filterDataNotLatest: 'the group has a newer filter expression than the heartbeat brought',
  filterNotSupported:
    'messages are filtered by tags only: enablePropertyFilter is off, or the language is unknown',
  consumerNotOnline: 'no client of the group is connected',
  transactionRefused: 'there is no such transaction, or it has ended or is ending in another way',
  badHandle: 'the recall handle is malformed, or of another topic or broker',
  tooLate: 'the time in which it could be asked for is over',
  busy: 'more work than the broker takes on: try again, here or elsewhere',
  notWritable: 'the store takes no messages now: disk full, disk failed or shutting down',
  shuttingDown: 'the server is on its way out',
  flushTimeout: 'stored, but the disk did not confirm in time',
  storeLocked: 'another process owns the store directory',
  storeUnreadable: 'the store directory holds something that is not a store of ours or of RocketMQ',
  portTaken: 'a listening port is in use',
  badSetting: 'a setting is unknown, malformed or out of its bounds',
  connectionLost: 'the peer went away before it answered',
  timeout: 'the peer did not answer in time',
  refused: 'the peer answered with an error code',
  closed: 'the client, producer or consumer has been closed',
  internal: 'a fault of the broker itself',
} as const

export type ErrorKind = keyof typeof errorKinds

export interface MqErrorOptions extends ErrorOptions {
  /** Header fields that a door's error reply carries beside the code. */
  readonly fields?: Readonly<Record<string, string>>
}

/** An expected failure: `kind` decides what a door answers, `message` names the thing and the value. */
export class MqError extends Error {
  readonly kind: ErrorKind
  readonly fields: Readonly<Record<string, string>> | undefined

  constructor(kind: ErrorKind, message: string, options?: MqErrorOptions) {
    super(message, options)
    this.name = 'MqError'
    this.kind = kind
    this.fields = options?.fields
  }
}

/** The text of whatever was thrown, for logs and remarks. */
export function messageOf(error: unknown): string {
  return isError(error) ? error.message : String(error)
}

/** The errno name of a failed file or socket call (`ENOSPC`, `EADDRINUSE`), real or simulated; undefined for other errors. */
export function errnoOf(error: unknown): string | undefined {
  if (!isError(error) || !('code' in error)) return undefined
  return typeof error.code === 'string' ? error.code : undefined
}

/** Also one of another world of objects: jest makes one for tests, and the errors of Node.js come from outside of it. */
function isError(error: unknown): error is Error {
  return error instanceof Error || Object.prototype.toString.call(error) === '[object Error]'
}
