import assert from 'node:assert/strict'
import type { FaultyDisk } from '../base/host/faulty-disk.ts'
import type { AppendOutcome } from './pending-appends.ts'
import type { QueueEntry } from './queue-entry.ts'
import type { TestMessage, TestStore } from './test-store.ts'

/** A message that a scenario has appended, and what it was told of it before its process died. */
export interface Sent {
  readonly topic: string
  readonly queueId: number
  readonly body: string
  readonly keys: string
  readonly waitsForDisk: boolean
  outcome: AppendOutcome | undefined
  queueOffset: number
  physicalOffset: number
  /** Monotonic time of the answer. */
  answeredMs: number
  /** Whether its topic was deleted afterwards, and that call has returned; undefined when it was on the way. */
  isDeleted: boolean | undefined
}

/** What a power loss may take beside what nobody was told of. */
export interface Allowance {
  /** Acknowledged messages may be missing at the end of the log: those answered at this time or later. */
  readonly lossFromMs: number
  /** Whether all that was acknowledged has to be there, that is: the process was killed, or the mode is SYNC_FLUSH. */
  readonly isAll: boolean
  /** Whether messages with the answer 'flushTimeout' and those that did not wait for the disk have to be there too. */
  readonly isUnconfirmedToo: boolean
  /** Offset at which the log was damaged: nothing behind it is owed. */
  readonly damagedAt?: number | undefined
}

interface Place {
  readonly queueOffset: number
  readonly physicalOffset: number
}

/** All that was done to a store, over several lives of its process, to be held against what the store says. */
export class History {
  readonly sent = new Map<string, Sent>()
  /** Whether a deletion of expired files has begun. */
  hasRetentionBegun = false

  /** Appends within the present turn. */
  append(test: TestStore, disk: FaultyDisk, message: TestMessage): void {
    const body = String(message.body)
    const sent: Sent = {
      ...{ topic: message.topic, queueId: message.queueId ?? 0, body },
      ...{ keys: message.properties?.KEYS ?? '', waitsForDisk: message.waitsForDisk ?? true },
      ...{ outcome: undefined, queueOffset: -1, physicalOffset: -1, answeredMs: 0, isDeleted: false },
    }
    assert(!this.sent.has(body), 'bodies tell messages apart')
    this.sent.set(body, sent)
    test.append(message, (answer) => {
      // nobody hears what a dead process says
      if (disk.hasCrashed) return
      assert.equal(sent.outcome, undefined, `${body} was answered twice`)
      Object.assign(sent, answer, { answeredMs: test.host.clock.monoMs() })
    })
  }

  /** Deletes the topic's queues. */
  deleteTopic(test: TestStore, topic: string): void {
    const gone = [...this.sent.values()].filter((sent) => sent.topic === topic && sent.isDeleted === false)
    for (const sent of gone) sent.isDeleted = undefined
    test.store.deleteTopic(topic)
    for (const sent of gone) sent.isDeleted = true
  }

  /** Queues that messages went to. */
  get queues(): { topic: string; queueId: number }[] {
    const names = new Set([...this.sent.values()].map(({ topic, queueId }) => `${topic} ${queueId}`))
    return [...names].sort().map((name) => {
      const [topic = '', queueId] = name.split(' ')
      return { topic, queueId: Number(queueId) }
    })
  }

  /**
   * Asserts I1 (what was acknowledged is there, but for what the mode may lose: a suffix), I2 (offsets without a hole, none with another
   * message than before) and I3 (nothing that was not sent, nothing twice).
   */
  async check(test: TestStore, allowance: Allowance): Promise<void> {
    const { log } = test.store
    if (!this.hasRetentionBegun) assert.equal(log.minOffset, 0, 'files were deleted that had not expired')
    const stored = await this.#read(test)
    let firstLost = Number.POSITIVE_INFINITY
    let lastKept = -1
    for (const sent of this.sent.values()) {
      const found = stored.get(sent.body)
      if (found) lastKept = Math.max(lastKept, found.physicalOffset)
      if (found && sent.outcome !== undefined && sent.outcome !== 'notWritable') {
        const { queueOffset, physicalOffset } = sent
        assert.deepEqual(found, { queueOffset, physicalOffset }, `${sent.body} has moved`)
      }
      if (sent.isDeleted === true) assert(!found, `${sent.body} is back, its topic was deleted`)
      const isBehindDamage = sent.physicalOffset >= (allowance.damagedAt ?? Number.POSITIVE_INFINITY)
      if (found || isBehindDamage || !isOwed(sent, log.minOffset)) continue
      assert(mayBeLost(sent, allowance), `${sent.body} is lost: ${JSON.stringify(sent)}`)
      firstLost = Math.min(firstLost, sent.physicalOffset)
    }
    assert(firstLost > lastKept, `a hole: ${firstLost} is lost, ${lastKept} is kept`)
  }

  /** Asserts that the index knows every message that is there by its key. */
  async checkIndex(test: TestStore): Promise<void> {
    if (test.store.index?.failure !== undefined) return
    for (const { topic, queueId } of this.queues) {
      for (const { body, physicalOffset } of await test.records(topic, queueId)) {
        const keys = this.sent.get(body)?.keys ?? ''
        const offsets = keys === '' ? [physicalOffset] : await keyOffsets(test, topic, keys)
        assert(offsets.includes(physicalOffset), `the index does not find ${body} by ${topic}#${keys}`)
      }
    }
  }

  /** All messages of all queues by body, checked against what was sent. */
  async #read(test: TestStore): Promise<Map<string, Place>> {
    const stored = new Map<string, Place>()
    for (const { topic, queueId } of this.queues) {
      const queue = test.store.queues.existing(topic, queueId)
      if (!queue) continue
      let next = queue.minOffset
      for (const { body, queueOffset, physicalOffset } of await test.records(topic, queueId)) {
        const name = `${topic}/${queueId}/${queueOffset}`
        assert.equal(queueOffset, next++, `the offsets of ${topic}/${queueId} have a hole`)
        const sent = this.sent.get(body)
        assert(sent, `a ghost: ${name} holds ${body}`)
        assert.deepEqual(
          [sent.topic, sent.queueId],
          [topic, queueId],
          `${body} stands in another queue: ${name}`,
        )
        assert(!stored.has(body), `${body} is there twice: ${name}`)
        assert.notEqual(sent.outcome, 'notWritable', `${body} was refused and is there: ${name}`)
        stored.set(body, { queueOffset, physicalOffset })
      }
      assert.equal(next, queue.maxOffset, `${topic}/${queueId} does not end where it says`)
    }
    return stored
  }
}

/** Whether the store owes a message to somebody. */
function isOwed(sent: Sent, logMinOffset: number): boolean {
  if (sent.outcome === undefined || sent.outcome === 'notWritable') return false
  return sent.isDeleted === false && sent.physicalOffset >= logMinOffset
}

function mayBeLost(sent: Sent, { isAll, isUnconfirmedToo, lossFromMs }: Allowance): boolean {
  const isConfirmed = sent.outcome === 'stored' && sent.waitsForDisk
  return isConfirmed || isUnconfirmedToo ? !isAll && sent.answeredMs >= lossFromMs : true
}

/** Everything that a store holds, to be compared with what it holds after another start. */
export interface Dump {
  readonly minOffset: number
  readonly end: number
  readonly queues: Record<string, { min: number; max: number; entries: (QueueEntry | undefined)[] }>
  /** What the index finds for each key. */
  readonly found: Record<string, number[]>
}

export async function dump(test: TestStore, history: History): Promise<Dump> {
  const { store } = test
  const queues: Dump['queues'] = {}
  for (const { topic, queueId } of history.queues) {
    const queue = store.queues.existing(topic, queueId)
    if (!queue) continue
    const entries: (QueueEntry | undefined)[] = []
    for (let offset = queue.minOffset; offset < queue.maxOffset; offset++)
      entries.push(queue.entrySync(offset))
    queues[`${topic}/${queueId}`] = { min: queue.minOffset, max: queue.maxOffset, entries }
  }
  const found: Record<string, number[]> = {}
  for (const { topic, keys } of history.sent.values()) {
    if (keys !== '') found[`${topic}#${keys}`] = await keyOffsets(test, topic, keys)
  }
  const { minOffset, end } = store.log
  return { minOffset, end, queues, found }
}

/** Where the index says that messages with a key are, as far as the log has them. */
export async function keyOffsets(test: TestStore, topic: string, key: string): Promise<number[]> {
  const range = { beginMs: 0, endMs: Number.MAX_SAFE_INTEGER, countMax: 64 }
  const hits = (await test.store.index?.query({ topic, key, ...range })) ?? []
  const offsets = hits.map(({ physicalOffset }) => physicalOffset)
  return offsets.filter((offset) => offset >= test.store.log.minOffset)
}
