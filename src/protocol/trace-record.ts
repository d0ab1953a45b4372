/** Between the fields of a trace record, and at its end. */
const FIELD_SEPARATOR = '\u0001'
const RECORD_END = '\u0002'

/** Kinds of messages by their number in a trace record (MessageType). */
const messageTypes = { normal: 0, half: 1, commit: 2, delay: 3, order: 4 } as const

/** A message was sent. */
export interface PublishTrace {
  readonly kind: 'Pub'
  readonly timeMs: number
  readonly region: string
  readonly group: string
  readonly topic: string
  readonly messageId: string
  readonly tags: string
  readonly keys: string
  readonly storeHost: string
  readonly bodyBytes: number
  readonly costMs: number
  readonly messageType: keyof typeof messageTypes
  readonly offsetMessageId: string
  readonly isSuccess: boolean
}

/** A handler begins. */
export interface ConsumeStartTrace {
  readonly kind: 'SubBefore'
  readonly timeMs: number
  readonly region: string
  readonly group: string
  /** Links beginning and end. */
  readonly requestId: string
  readonly messageId: string
  readonly retryTimes: number
  readonly keys: string
}

/** A handler has ended. */
export interface ConsumeEndTrace {
  readonly kind: 'SubAfter'
  readonly requestId: string
  readonly messageId: string
  readonly costMs: number
  readonly isSuccess: boolean
  readonly keys: string
  /** ConsumeReturnType: 0 success, 1 timeout, 2 exception, 3 null, 4 failed. */
  readonly contextCode: number
  readonly timeMs: number
  readonly group: string
}

export type TraceRecord = PublishTrace | ConsumeStartTrace | ConsumeEndTrace

/** Writes a record of RocketMQ's message trace (protocol/semantics.md §13, TraceDataEncoder). */
export function encodeTraceRecord(record: TraceRecord): string {
  return fieldsOf(record).join(FIELD_SEPARATOR) + RECORD_END
}

/** Reads the body of a trace message; records of kinds that are not known, and those cut short, are left out. */
export function decodeTraceRecords(body: string): TraceRecord[] {
  return body.split(RECORD_END).flatMap((text) => {
    const record = recordOf(text.split(FIELD_SEPARATOR))
    return record ? [record] : []
  })
}

function recordOf([kind, ...fields]: readonly string[]): TraceRecord | undefined {
  const [a = '', b = '', c = '', d = '', e = '', f = '', g = '', h = ''] = fields
  if (kind === 'Pub' && fields.length >= 12) {
    const messageType = Object.entries(messageTypes).find(([, number]) => String(number) === fields[10])?.[0]
    return {
      ...{
        kind,
        timeMs: Number(a),
        region: b,
        group: c,
        topic: d,
        messageId: e,
        tags: f,
        keys: g,
        storeHost: h,
      },
      ...{ bodyBytes: Number(fields[8]), costMs: Number(fields[9]), offsetMessageId: fields[11] ?? '' },
      messageType: isMessageType(messageType) ? messageType : 'normal',
      // clients before 4.5 say nothing of it
      isSuccess: fields[12] !== 'false',
    }
  }
  if (kind === 'SubBefore' && fields.length >= 7)
    return {
      kind,
      timeMs: Number(a),
      region: b,
      group: c,
      requestId: d,
      messageId: e,
      retryTimes: Number(f),
      keys: g,
    }
  if (kind === 'SubAfter' && fields.length >= 5) {
    const when = { timeMs: Number(g || 0), group: h }
    return {
      kind,
      requestId: a,
      messageId: b,
      costMs: Number(c),
      isSuccess: d === 'true',
      keys: e,
      contextCode: Number(f || 0),
      ...when,
    }
  }
  return undefined
}

function isMessageType(name: string | undefined): name is keyof typeof messageTypes {
  return name !== undefined && name in messageTypes
}

function fieldsOf(record: TraceRecord): (string | number | boolean)[] {
  switch (record.kind) {
    case 'Pub':
      return [
        ...[record.kind, record.timeMs, record.region, record.group, record.topic, record.messageId],
        ...[record.tags, record.keys, record.storeHost, record.bodyBytes, record.costMs],
        ...[messageTypes[record.messageType], record.offsetMessageId, record.isSuccess],
      ]
    case 'SubBefore':
      return [
        ...[record.kind, record.timeMs, record.region, record.group, record.requestId, record.messageId],
        ...[record.retryTimes, record.keys],
      ]
    case 'SubAfter':
      return [
        ...[record.kind, record.requestId, record.messageId, record.costMs, record.isSuccess, record.keys],
        ...[record.contextCode, record.timeMs, record.group],
      ]
  }
}
