import { decodeMessages, type MessageExt } from '../../protocol/message-codec.ts'
import { ORDER_REVIVE_QUEUE_ID } from '../../protocol/pop-handle.ts'
import type { TestBroker } from '../test-broker.ts'
import type { ChangedHandle, HeldMessage } from './pop-acks.ts'
import type { PopRequest, PopResult } from './pop-request.ts'

/** A message as a test holds it. */
export interface TestHeld extends HeldMessage {
  readonly body: string
  readonly message: MessageExt
}

/** One group that pops from one topic of a test's broker. */
export class TestPops {
  readonly test: TestBroker
  readonly request: PopRequest

  constructor(test: TestBroker, request: Partial<PopRequest> = {}) {
    this.test = test
    this.request = {
      ...{ group: 'billing', topic: 'orders', queueId: -1, countMax: 32, invisibleMs: 10_000 },
      ...{ isFromEnd: false, isOrdered: false, attemptId: undefined, expressionType: 'TAG', expression: '*' },
      ...request,
    }
  }

  /** Pops once. @returns what may be handed out; undefined when the log has not taken it */
  async pop(request: Partial<PopRequest> = {}): Promise<TestHeld[] | undefined> {
    const { pops, store } = this.test.broker
    const pop = pops.popper.begin({ ...this.request, ...request })
    let stored: boolean | undefined
    let result: PopResult
    for (;;) {
      const done = (_: PopResult, isStored: boolean): void => {
        stored = isStored
      }
      result = pops.pop(pop, done)
      while (result.isUnfinished) pops.pop(pop, done, result)
      if (!result.isLoading) break
      await store.reader.load()
    }
    await this.test.clock.settle()
    if (result.count === 0) return []
    return stored ? this.#heldOf(result, pop.request.isOrdered) : undefined
  }

  /** Bodies of one pop. */
  async bodies(request: Partial<PopRequest> = {}): Promise<string[]> {
    return ((await this.pop(request)) ?? []).map(({ body }) => body)
  }

  /** Acknowledges. @returns whether the log has taken it */
  async ack(message: HeldMessage): Promise<boolean | undefined> {
    let stored: boolean | undefined
    this.test.broker.pops.acks.ack(message, (isStored) => {
      stored = isStored
    })
    await this.test.clock.settle()
    return stored
  }

  /** Asks for more time. @returns the message with its new handle; undefined when the log has not taken it */
  async change<Held extends HeldMessage>(message: Held, invisibleMs: number): Promise<Held | undefined> {
    let changed: ChangedHandle | undefined
    this.test.broker.pops.acks.changeInvisible(message, invisibleMs, (handle) => {
      changed = handle
    })
    await this.test.clock.settle()
    return changed && { ...message, popTimeMs: changed.popTimeMs, reviveQueueId: changed.reviveQueueId }
  }

  #heldOf(result: PopResult, isOrdered: boolean): TestHeld[] {
    const messages = result.bodies.flatMap((body) => decodeMessages(body))
    const places = result.queues.flatMap(({ queueId, queueOffsets, topic }) =>
      queueOffsets.map((queueOffset) => ({ topic, queueId, queueOffset })),
    )
    return messages.map((message, index) => ({
      group: this.request.group,
      ...(places[index] ?? { topic: '', queueId: -1, queueOffset: -1 }),
      popTimeMs: result.popTimeMs,
      reviveQueueId: isOrdered ? ORDER_REVIVE_QUEUE_ID : 0,
      body: message.body.toString(),
      message,
    }))
  }
}
