import { messageOf } from '../base/errors.ts'
import type { Clock } from '../base/host.ts'
import { decompressBody } from '../protocol/message-body.ts'
import type { MessageExt } from '../protocol/message-codec.ts'
import { offsetMessageIdText } from '../protocol/message-id.ts'
import { PropertyName } from '../protocol/message-properties.ts'
import { localText } from './rows.ts'
import type { Row, Value } from './verb.ts'

const BODY_BYTES_MAX = 16 * 1024 * 1024
const SHOWN_MAX = 100

/** A message in one row: where it lies, who sent it when, and its body as text. */
export function messageRow(message: MessageExt, clock: Clock, { isWhole = false } = {}): Row {
  const { topic, queueId, queueOffset, properties, reconsumeTimes } = message
  const text = bodyText(message)
  return {
    topic,
    queue: queueId,
    offset: queueOffset,
    id: properties.get(PropertyName.UNIQ_KEY) ?? '',
    tag: properties.get(PropertyName.TAGS) ?? '',
    keys: properties.get(PropertyName.KEYS) ?? '',
    stored: localText(clock.localTime(message.storeTimestamp)),
    ...(reconsumeTimes > 0 && { retries: reconsumeTimes }),
    body: isWhole || text.length <= SHOWN_MAX ? text : `${text.slice(0, SHOWN_MAX)}...`,
  }
}

/** A row of a message as one line, for what is printed on the way. */
export function lineOf({ queue, offset, stored, tag, keys, body }: Row, ...more: readonly Value[]): string {
  const marks = [tag, keys].filter((mark) => mark !== '').join(' ')
  const shown = String(body).replace(/\p{Cc}/gu, '.')
  const said = [stored, ...more].join(' ')
  return `${queue}@${offset} ${said}${marks === '' ? '' : ` [${marks}]`} ${shown}`
}

/** A message with all that is known of it. */
export function messageRecord(message: MessageExt, clock: Clock): Row {
  const { bornHost, storeHost, bornTimestamp, properties } = message
  return {
    ...messageRow(message, clock, { isWhole: true }),
    offsetId: offsetMessageIdText({ host: storeHost, offset: message.commitLogOffset }),
    born: localText(clock.localTime(bornTimestamp)),
    bornHost: `${bornHost.ip}:${bornHost.port}`,
    storeHost: `${storeHost.ip}:${storeHost.port}`,
    sizeBytes: message.storeSizeBytes,
    sysFlag: message.sysFlag,
    flag: message.flag,
    reconsumeTimes: message.reconsumeTimes,
    properties: [...properties].map(([name, value]) => `${name}=${value}`).join(' '),
  }
}

/** The body as UTF-8, decompressed; what cannot be read says why. */
function bodyText({ body, sysFlag }: MessageExt): string {
  try {
    return decompressBody(body, sysFlag, BODY_BYTES_MAX).toString()
  } catch (error) {
    return `<${messageOf(error)}>`
  }
}
