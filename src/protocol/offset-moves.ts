import { JsonFields } from './json-fields.ts'

/** Where a group is in one queue, and where a reset takes it, or has taken it. */
export interface QueueMove {
  readonly queueId: number
  /** undefined: nowhere yet. */
  readonly before: number | undefined
  /** undefined: to where it was before its first offset. */
  readonly after: number | undefined
}

/** As a preview shows it: with the bounds of the queue. */
export interface PreviewedMove extends QueueMove {
  readonly minOffset: number
  readonly maxOffset: number
}

/** A change of a group's offsets that an admin has made, by which it can be undone. */
export interface OffsetChange {
  /** Counts the changes of a broker. */
  readonly id: number
  readonly kind: 'reset' | 'clone' | 'undo'
  /** When, in ms since 1970. */
  readonly timestampMs: number
  readonly group: string
  readonly topic: string
  readonly moves: readonly QueueMove[]
}

/** The answer to TERN_PREVIEW_OFFSET_RESET. */
export function encodePreview(moves: readonly PreviewedMove[]): Buffer {
  return Buffer.from(JSON.stringify({ moves }))
}

/** @throws MqError badBody */
export function decodePreview(body: Buffer): PreviewedMove[] {
  return JsonFields.ofBody(body, 'preview of a reset').objects('moves', (fields) => ({
    ...readMove(fields),
    minOffset: fields.integer('minOffset'),
    maxOffset: fields.integer('maxOffset'),
  }))
}

/** The answer to TERN_LIST_OFFSET_CHANGES and TERN_UNDO_OFFSET_CHANGE; also what is kept of changes. */
export function encodeOffsetChanges(changes: readonly OffsetChange[]): Buffer {
  return Buffer.from(JSON.stringify({ changes }))
}

/** @throws MqError badBody */
export function decodeOffsetChanges(body: Buffer): OffsetChange[] {
  return JsonFields.ofBody(body, 'changes of offsets').objects('changes', readChange)
}

/** One change, as the journal has it. @throws MqError badBody */
export function decodeOffsetChange(body: Buffer): OffsetChange {
  return readChange(JsonFields.ofBody(body, 'change of offsets'))
}

function readChange(fields: JsonFields): OffsetChange {
  return {
    id: fields.integer('id'),
    kind: fields.word('kind', ['reset', 'clone', 'undo']),
    timestampMs: fields.integer('timestampMs'),
    group: fields.text('group'),
    topic: fields.text('topic'),
    moves: fields.objects('moves', readMove),
  }
}

function readMove(fields: JsonFields): QueueMove {
  return {
    queueId: fields.integer('queueId'),
    before: fields.optionalInteger('before'),
    after: fields.optionalInteger('after'),
  }
}
