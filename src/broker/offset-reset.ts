import { MqError } from '../base/errors.ts'
import type { MessageQueue } from '../protocol/message-queue.ts'
import type { OffsetChange, PreviewedMove, QueueMove } from '../protocol/offset-moves.ts'
import type { OffsetTable } from '../protocol/offset-table.ts'
import type { Broker } from './broker.ts'

/** Where an admin wants a group to be in a topic (INVOKE_BROKER_TO_RESET_OFFSET). */
export interface ResetRequest {
  readonly group: string
  readonly topic: string
  /** The first message stored at this time or later; negative: the end of the queue. */
  readonly timestampMs: number
  /**
   * Whether the group may be moved forward too; else a queue in which it has not come that far stays as it
   * is.
   */
  readonly isForced: boolean
  /** Negative: all queues. */
  readonly queueId: number
  /** In one queue, the offset itself; undefined: by time. */
  readonly offset: number | undefined
}

/** Moves groups to a time or an offset, shows before what that would do, and undoes it after. */
export class OffsetReset {
  readonly #broker: Broker

  constructor(broker: Broker) {
    this.#broker = broker
  }

  /**
   * Where the group would be in each queue.
   * @throws MqError topicNotExist, groupNotExist, invalidParameter
   */
  plan(request: ResetRequest): Map<MessageQueue, number> {
    const { group, queueId, topic } = request
    const { groups, settings, topics } = this.#broker
    const { readQueueNums } = topics.require(topic).config
    if (!groups.get(group)) throw new MqError('groupNotExist', `subscription group ${group} does not exist`)
    if (queueId >= readQueueNums) {
      throw new MqError(
        'invalidParameter',
        `queueId ${queueId} of topic ${topic}: it has ${readQueueNums} to read`,
      )
    }
    const [first, last] = queueId < 0 ? [0, readQueueNums - 1] : [queueId, queueId]
    const table = new Map<MessageQueue, number>()
    for (let id = first; id <= last; id++) {
      const queue = { topic, brokerName: settings.brokerName, queueId: id }
      table.set(queue, this.#target(queue, request))
    }
    return table
  }

  /** What `plan` would do, queue by queue. @throws as `plan` */
  preview(request: ResetRequest): PreviewedMove[] {
    const { queries } = this.#broker
    return [...this.plan(request)].map(([queue, after]) => ({
      queueId: queue.queueId,
      before: this.#current(request.group, queue),
      after,
      minOffset: queries.min(queue),
      maxOffset: queries.max(queue),
    }))
  }

  /** Takes the group there: its next pull of each queue is sent to the new offset, whatever it asks for. */
  apply(request: ResetRequest, table: OffsetTable): void {
    const { offsets } = this.#broker
    const { group, isForced } = request
    this.note(request, table)
    for (const [{ topic, queueId }, offset] of table) {
      if (!isForced && offset === offsets.find(group, topic)?.get(queueId)) continue
      offsets.reset(group, topic, queueId, offset)
    }
  }

  /** Keeps the offsets before a reset that clients are told to make themselves. */
  note({ group, topic }: ResetRequest, table: OffsetTable): void {
    const moves = [...table].flatMap(([queue, after]): QueueMove[] => {
      const before = this.#current(group, queue)
      return before === after ? [] : [{ queueId: queue.queueId, before, after }]
    })
    this.#broker.offsetChanges.note({ kind: 'reset', group, topic, moves })
  }

  /**
   * Takes a group back to where it was before a change, in the queues that the change has moved, however far it has come since. That is a
   * change too, and can be undone.
   * @throws MqError notFound, topicNotExist
   */
  undo(id: number): OffsetChange {
    const { offsetChanges, offsets, queries, topics } = this.#broker
    const change = offsetChanges.find(id)
    if (!change) throw new MqError('notFound', `no change of offsets has the number ${id}`)
    const { group, topic } = change
    topics.require(topic)
    const moves = change.moves.map(({ queueId, before }) => {
      // a topic that was made anew since does not reach as far
      const after = before === undefined ? undefined : Math.min(before, queries.max({ topic, queueId }))
      return { queueId, before: offsets.find(group, topic)?.get(queueId), after }
    })
    for (const { queueId, after } of moves) {
      if (after === undefined) offsets.forget(group, topic, queueId)
      else offsets.reset(group, topic, queueId, after)
    }
    return offsetChanges.note({ kind: 'undo', group, topic, moves })
  }

  #current(group: string, { topic, queueId }: MessageQueue): number | undefined {
    return this.#broker.offsets.find(group, topic)?.get(queueId)
  }

  #target(queue: MessageQueue, request: ResetRequest): number {
    const wanted = this.#wanted(queue, request)
    const current = this.#current(request.group, queue)
    return request.isForced || current === undefined || wanted < current ? wanted : current
  }

  #wanted(queue: MessageQueue, { offset, queueId, timestampMs }: ResetRequest): number {
    const { queries } = this.#broker
    if (queueId < 0 || offset === undefined) {
      return timestampMs < 0 ? queries.max(queue) : queries.byTime(queue, timestampMs, 'LOWER')
    }
    const [min, max] = [queries.min(queue), queries.max(queue)]
    if (offset >= min && offset <= max) return offset
    throw new MqError(
      'invalidParameter',
      `offset ${offset} of queue ${queueId} of topic ${queue.topic}, which reaches from ${min} to ${max}`,
    )
  }
}
