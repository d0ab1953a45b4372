import type { Producer } from '#ternmq/client/index.ts'
import type { FeatureDesk } from './feature-desk.ts'
import type { FeatureScenario } from './feature-scenario.ts'
import { FeatureTally } from './feature-tally.ts'
import { type InOrder, OrderedPopQueue } from './ordered-pop-queue.ts'
import { PopPeer, type Popped } from './pop-peer.ts'
import type { Round } from './round.ts'

const QUEUES = { topic: 'crash-pop-order', queueCount: 2 }
const GROUP = 'crash-pop-order-group'
const INVISIBLE_MS = 800
const CONSUMERS = 3

/**
 * Messages that are popped in order: acknowledged one after the other, together, in part or out of turn, put off, or left until their
 * time is up. A queue gives nothing more until all of the last pop is acknowledged or visible, and goes on with the first that is not
 * acknowledged, whatever dies in between.
 */
export class OrderedPopScenario implements FeatureScenario {
  readonly #tally = new FeatureTally('pop in order')
  readonly tallies = [this.#tally]
  readonly topics = [QUEUES]
  readonly #desk: FeatureDesk
  readonly #producer: Producer
  readonly #peer: PopPeer
  readonly #queues: readonly OrderedPopQueue[]
  #isLast = false
  #next = 0

  constructor(desk: FeatureDesk) {
    this.#desk = desk
    this.#producer = desk.client.producer({ retries: 0, group: 'crash-pop-order' })
    this.#peer = new PopPeer(desk, { group: GROUP, topic: QUEUES.topic, isOrdered: true })
    this.#queues = Array.from(
      { length: QUEUES.queueCount },
      (_, queueId) => new OrderedPopQueue(this.#tally, `${QUEUES.topic}/${queueId}`),
    )
  }

  send(round: Round): Promise<void>[] {
    return [round.repeat(() => this.#sendOne(), 5)]
  }

  consume(round: Round): Promise<void>[] {
    return Array.from({ length: CONSUMERS }, () => round.repeat(() => this.#popSome()))
  }

  async lastRound(): Promise<void> {
    this.#isLast = true
  }

  get isSettled(): boolean {
    return this.#queues.every(({ isSettled }) => isSettled)
  }

  async check(): Promise<void> {
    for (const [queueId, queue] of this.#queues.entries()) {
      if (!queue.isSettled) this.#tally.fault('lost', queue.missing)
      const name = { topic: QUEUES.topic, brokerName: 'broker-a', queueId }
      const committed = (await this.#desk.client.admin.committedOffset(GROUP, name)) ?? 0
      if (committed < queue.ackedEnd)
        this.#tally.fault('lost', `${committed} is committed, acknowledged up to ${queue.ackedEnd}`)
    }
  }

  async close(): Promise<void> {
    await this.#producer.close()
  }

  async #sendOne(): Promise<void> {
    const text = String(this.#next++)
    this.#tally.sent++
    const { queue, queueOffset } = await this.#producer.send({ topic: QUEUES.topic, body: text })
    this.#tally.acked++
    this.#queues[queue.queueId]?.sent(queueOffset, text)
  }

  async #popSome(): Promise<void> {
    const popped = await this.#peer.pop({ max: 8, invisibleMs: INVISIBLE_MS, pollMs: 200 })
    await Promise.all(
      this.#queues.map((queue, queueId) =>
        this.#consume(
          queue,
          popped.filter(({ handle }) => handle.queueId === queueId),
        ),
      ),
    )
  }

  async #consume(queue: OrderedPopQueue, popped: readonly Popped[]): Promise<void> {
    const taken = queue.delivered(popped)
    if (taken.length === 0) return
    const fate = this.#isLast ? 0 : this.#desk.pick(0, 100)
    if (fate < 45) await this.#acknowledgeEach(queue, popped, taken)
    else if (fate < 65) await this.#acknowledge(queue, taken, () => this.#together(popped))
    else if (fate < 80) await this.#acknowledgeEach(queue, popped.slice(0, this.#desk.pick(0, 8)), taken)
    else if (fate < 88) await this.#acknowledgeEach(queue, popped.slice(this.#desk.pick(0, 8)), taken)
    else if (fate < 96) await this.#postpone(queue, popped, taken)
  }

  #together(popped: readonly Popped[]): Promise<void> {
    return this.#peer.ackTogether(popped.map(({ handle }) => handle))
  }

  async #acknowledgeEach(
    queue: OrderedPopQueue,
    popped: readonly Popped[],
    taken: readonly InOrder[],
  ): Promise<void> {
    for (const { handle } of popped) {
      const message = taken.find(({ queueOffset }) => queueOffset === handle.queueOffset)
      if (message) await this.#acknowledge(queue, [message], () => this.#peer.ack(handle))
    }
  }

  async #acknowledge(
    queue: OrderedPopQueue,
    messages: readonly InOrder[],
    ask: () => Promise<void>,
  ): Promise<void> {
    const acknowledged = queue.acknowledging(messages)
    await ask()
    acknowledged()
  }

  async #postpone(
    queue: OrderedPopQueue,
    popped: readonly Popped[],
    taken: readonly InOrder[],
  ): Promise<void> {
    const index = this.#desk.pick(0, taken.length)
    const [one, message] = [popped[index], taken[index]]
    if (!one || !message) return
    const delayMs = this.#desk.pick(0, 2 * INVISIBLE_MS)
    const postponed = queue.postponing(message, delayMs)
    const { popTimeMs, invisibleMs } = await this.#peer.changeInvisible(one.handle, delayMs)
    postponed(popTimeMs + invisibleMs)
  }
}
