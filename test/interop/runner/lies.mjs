// The lies that the liar can tell. Each says what it does to a client's request (an answer here keeps the
// request from the target), to an answer, or to what the broker says of itself.

const SEND = [10, 310, 320]
const PULL = [11, 361]
const QUERY_CONSUMER_OFFSET = 14
const UPDATE_CONSUMER_OFFSET = 15
const NOTIFY_CONSUMER_IDS_CHANGED = 40
const SUCCESS = 0

/** Requests that change something: 25 and 318 settings, 100 and 102 KV, the rest deletes and groups. */
const CHANGES = [25, 100, 102, 200, 205, 207, 215, 216, 318, 327]
/** Requests that are answered with tables in JSON or properties. */
const TABLES = [26, 28, 201, 202, 203, 204, 208, 319, 351, 352]

/** Requests that the name server answers with names. */
const ROUTES = [105, 106, 206, 224]

/** Where the fields of a stored message lie that are lied about. */
const BODY_LENGTH_AT = 84
const QUEUE_OFFSET_AT = 20

/** Lie name -> what it does. */
export const lies = {
  // Not a lie: shows what the proxy itself breaks.
  nothing: {},
  'message-lost': pulled((messages) =>
    messages.filter((message) => message.readBigInt64BE(QUEUE_OFFSET_AT) !== 3n),
  ),
  'message-doubled': pulled((messages) => messages.flatMap((message) => [message, message])),
  'messages-swapped': pulled((messages) => messages.toReversed()),
  'body-changed': pulled((messages) => messages.map(changeBody)),
  'queue-silent': { request: (frame) => silentQueue(frame) },
  'send-offset-wrong': answered(SEND, (fields) => ({
    ...fields,
    queueOffset: String(Number(fields.queueOffset) + 1),
  })),
  'send-kept-back': { request: (frame) => keepBack(frame) },
  'offset-forgotten': answered([QUERY_CONSUMER_OFFSET], (fields) => ({ ...fields, offset: '0' })),
  'offset-not-kept': { request: (frame) => deaf(frame, [UPDATE_CONSUMER_OFFSET]) },
  'answers-late': { delayMs: (asked) => (PULL.includes(asked?.code) ? 4000 : 0) },
  'members-not-told': {
    push: ({ header }) => (header.code === NOTIFY_CONSUMER_IDS_CHANGED ? 'nothing' : undefined),
  },
  'errors-hidden': { answer: (frame) => ({ ...frame, header: { ...frame.header, code: SUCCESS } }) },
  'changes-ignored': { request: (frame) => deaf(frame, CHANGES) },
  'tables-wrong': {
    answer: (frame, asked) => (TABLES.includes(asked?.code) ? wrongTable(frame) : undefined),
  },
  'names-wrong': { answer: (frame, asked) => (ROUTES.includes(asked?.code) ? wrongName(frame) : undefined) },
  'numbers-wrong': answered([29, 30, 31, 32], (fields) =>
    mapValues(fields, (value) => String(Number(value) + 1)),
  ),
  'store-forgotten': { forget: true },
}

function answered(codes, change) {
  return {
    answer: ({ header, body }, asked) => {
      if (!codes.includes(asked?.code) || header.code !== SUCCESS) return undefined
      return { header: { ...header, extFields: change(header.extFields) }, body }
    },
  }
}

function pulled(change) {
  return {
    answer: ({ header, body }, asked) => {
      if (!PULL.includes(asked?.code) || header.code !== SUCCESS) return undefined
      return { header, body: Buffer.concat(change(split(body))) }
    },
  }
}

function split(body) {
  const messages = []
  for (let at = 0; at < body.length; at += body.readInt32BE(at)) {
    messages.push(body.subarray(at, at + body.readInt32BE(at)))
  }
  return messages
}

/** Changes the last byte of an IPv4 message's body. */
function changeBody(message) {
  const changed = Buffer.from(message)
  const last = BODY_LENGTH_AT + 4 + changed.readInt32BE(BODY_LENGTH_AT) - 1
  changed[last] ^= 1
  return changed
}

/** Queue 1 looks as if it never got a message. */
function silentQueue({ header }) {
  if (!PULL.includes(header.code) || header.extFields.queueId !== '1') return undefined
  const offset = header.extFields.queueOffset
  const fields = { suggestWhichBrokerId: '0', nextBeginOffset: offset, minOffset: '0', maxOffset: offset }
  return { code: 19, language: 'JAVA', version: 500, extFields: fields, remark: 'NO_NEW_MSG' }
}

let sendCount = 0

/** Every twentieth message is acknowledged and never stored. */
function keepBack({ header }) {
  if (!SEND.includes(header.code)) return undefined
  sendCount += 1
  if (sendCount % 20 !== 0) return undefined
  const { e, queueId } = header.extFields
  const fields = { msgId: '7F00000100002A9F0000000000000000', queueId: e ?? queueId, queueOffset: '0' }
  return { code: SUCCESS, language: 'JAVA', version: 500, extFields: fields }
}

/** Says yes and does nothing. */
function deaf({ header }, codes) {
  if (!codes.includes(header.code)) return undefined
  const fields = { wipeTopicCount: '1', addTopicCount: '1' }
  return { code: SUCCESS, language: 'JAVA', version: 500, extFields: fields }
}

function wrongTable({ header, body }) {
  const text = body
    .toString('utf8')
    .replace(/([:=])"?(\d+)\b/g, (_, sign, number) => `${sign}${Number(number) + 1}`)
  return { header, body: Buffer.from(text) }
}

function wrongName({ header, body }) {
  return { header, body: Buffer.from(body.toString('utf8').replaceAll('DefaultCluster', 'OtherCluster')) }
}

function mapValues(table, change) {
  return Object.fromEntries(Object.entries(table).map(([key, value]) => [key, change(value)]))
}
