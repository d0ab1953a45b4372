import type { Pull, PullStatus } from '../../broker/message-puller.ts'
import type { ByteView } from '../../protocol/byte-view.ts'
import { ResponseCode } from '../../protocol/response-code.ts'
import type { RemotingConnection } from '../../remoting/remoting-connection.ts'
import type { MessageReader } from '../../store/message-reader.ts'
import { ascii } from './ascii.ts'
import { fieldName, ReplyHeader } from './reply-header.ts'

/** Most bytes of a pull's answer around its messages. */
const HEADER_BYTES_MAX = 512

/** Response code of a read's outcome (protocol/requests.md §3, the table of store statuses). */
export function pullCodeOf(status: PullStatus, queueOffset: number): number {
  switch (status) {
    case 'FOUND':
      return ResponseCode.SUCCESS
    case 'NO_MATCHED_MESSAGE':
    case 'MESSAGE_WAS_REMOVING':
      return ResponseCode.PULL_RETRY_IMMEDIATELY
    case 'OFFSET_OVERFLOW_ONE':
    case 'loading':
      return ResponseCode.PULL_NOT_FOUND
    case 'NO_MESSAGE_IN_QUEUE':
      return queueOffset === 0 ? ResponseCode.PULL_NOT_FOUND : ResponseCode.PULL_OFFSET_MOVED
    case 'OFFSET_OVERFLOW_BADLY':
    case 'OFFSET_TOO_SMALL':
    case 'OFFSET_RESET':
      return ResponseCode.PULL_OFFSET_MOVED
  }
}

/** Writes the answers to pulls: header, then the messages' bytes as they stand in the log. */
export class PullReplies {
  readonly #header = new ReplyHeader()
  readonly #reader: MessageReader

  constructor(reader: MessageReader) {
    this.#reader = reader
  }

  /** Answers with what the reader found just now. */
  send(connection: RemotingConnection, opaque: number, pull: Pull, status: PullStatus): void {
    const reader = this.#reader
    const { output } = connection
    const bodyBytes = status === 'FOUND' ? reader.slices.bytes : 0
    output.reserve(HEADER_BYTES_MAX + bodyBytes)
    const header = this.#header
    const code = pullCodeOf(status, pull.request.queueOffset)
    header.begin(output.buffer, output.at, { code, opaque, serializeType: connection.serializeType })
    header.text(SUGGEST_BROKER, MASTER)
    header.number(GROUP_SYS_FLAG, pull.groupSysFlag)
    header.number(NEXT_OFFSET, reader.nextBeginOffset)
    header.number(MAX_OFFSET, reader.maxOffset)
    header.number(MIN_OFFSET, reader.minOffset)
    header.number(TOPIC_SYS_FLAG, pull.topic.config.topicSysFlag)
    header.end(remarks[status], bodyBytes)
    output.at = bodyBytes > 0 ? reader.slices.copyTo(output.buffer, header.at) : header.at
    connection.markDirty()
  }
}

const remarks: Readonly<Record<PullStatus, ByteView>> = {
  FOUND: ascii('FOUND'),
  NO_MATCHED_MESSAGE: ascii('NO_MATCHED_MESSAGE'),
  MESSAGE_WAS_REMOVING: ascii('MESSAGE_WAS_REMOVING'),
  OFFSET_OVERFLOW_ONE: ascii('OFFSET_OVERFLOW_ONE'),
  OFFSET_OVERFLOW_BADLY: ascii('OFFSET_OVERFLOW_BADLY'),
  OFFSET_TOO_SMALL: ascii('OFFSET_TOO_SMALL'),
  NO_MESSAGE_IN_QUEUE: ascii('NO_MESSAGE_IN_QUEUE'),
  OFFSET_RESET: ascii('OFFSET_RESET'),
  loading: ascii('NO_MESSAGE_IN_QUEUE'),
}

const MASTER = ascii('0')
const SUGGEST_BROKER = fieldName('suggestWhichBrokerId')
const GROUP_SYS_FLAG = fieldName('groupSysFlag')
const NEXT_OFFSET = fieldName('nextBeginOffset')
const MAX_OFFSET = fieldName('maxOffset')
const MIN_OFFSET = fieldName('minOffset')
const TOPIC_SYS_FLAG = fieldName('topicSysFlag')
