import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { VirtualClock } from '../base/host/virtual-clock.ts'
import { ConsumerOffsets } from './consumer-offsets.ts'

const GROUPS = ['billing', 'audit']
const TOPICS = ['orders', '%RETRY%billing']
const QUEUES = 3

const place = {
  group: fc.constantFrom(...GROUPS),
  topic: fc.constantFrom(...TOPICS),
  queueId: fc.nat(QUEUES - 1),
}

const step = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({ do: fc.constant('commit' as const), ...place, offset: fc.nat(50) }),
  },
  { weight: 2, arbitrary: fc.record({ do: fc.constantFrom('reset' as const, 'forget' as const), ...place }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('pull' as const), ...place }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('deleteGroup' as const), group: place.group }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('deleteTopic' as const), topic: place.topic }) },
  {
    weight: 5,
    arbitrary: fc.constantFrom({ do: 'turn' as const }, { do: 'snapshot' as const }, { do: 'kill' as const }),
  },
)

type Step = typeof step extends fc.Arbitrary<infer Value> ? Value : never

/** What clients and admins have been told: offsets, and resets that wait, by place. */
class Told {
  readonly offsets = new Map<string, number>()
  readonly resets = new Map<string, number>()

  copy(): Told {
    const copy = new Told()
    for (const [key, offset] of this.offsets) copy.offsets.set(key, offset)
    for (const [key, offset] of this.resets) copy.resets.set(key, offset)
    return copy
  }

  forgetWhere(isGone: (key: string) => boolean): void {
    for (const map of [this.offsets, this.resets])
      for (const key of [...map.keys()]) if (isGone(key)) map.delete(key)
  }
}

/** Offsets between a file, a journal and turns of the event loop, beside what they have to be. */
class OffsetsRun {
  #work: (() => void)[] = []
  #offsets = this.#opened()
  /** The last snapshot, lines that the journal has behind it, and those of this turn, which it has not. */
  #snapshot: Buffer | undefined
  #journal: string[] = []
  #lines: string[] = []
  #now = new Told()
  /** As of the end of the last turn: answers leave behind the journal. */
  #answered = new Told()

  run(steps: readonly Step[]): void {
    for (const each of steps) {
      this.#step(each)
      this.#check()
    }
    this.#kill()
    this.#check()
  }

  #step(each: Step): void {
    switch (each.do) {
      case 'commit':
        if (this.#offsets.hasReset(each.group, each.topic, each.queueId)) return
        this.#offsets.of(each.group, each.topic).commit(each.queueId, each.offset)
        this.#now.offsets.set(keyOf(each), each.offset)
        return
      case 'reset':
        this.#offsets.reset(each.group, each.topic, each.queueId, 7)
        this.#now.offsets.set(keyOf(each), 7)
        this.#now.resets.set(keyOf(each), 7)
        return
      case 'forget':
        this.#offsets.forget(each.group, each.topic, each.queueId)
        this.#now.offsets.delete(keyOf(each))
        this.#now.resets.delete(keyOf(each))
        return
      case 'pull':
        assert.equal(
          this.#offsets.takeReset(each.group, each.topic, each.queueId),
          this.#now.resets.get(keyOf(each)),
        )
        this.#now.resets.delete(keyOf(each))
        return
      case 'deleteGroup':
        this.#offsets.deleteGroup(each.group)
        this.#now.forgetWhere((key) => key.startsWith(`${each.group} `))
        return
      case 'deleteTopic':
        this.#offsets.deleteTopic(each.topic)
        this.#now.forgetWhere((key) => key.split(' ')[1] === each.topic)
        return
      case 'turn':
        this.#endTurn()
        return
      case 'snapshot':
        this.#endTurn()
        this.#snapshot = this.#offsets.encode()
        this.#journal = []
        return
      case 'kill':
        this.#kill()
    }
  }

  #endTurn(): void {
    for (const callback of this.#work.splice(0)) callback()
    this.#journal.push(...this.#lines.splice(0))
    this.#answered = this.#now.copy()
  }

  /** What was not answered yet may be gone, and is; the rest is what it was. */
  #kill(): void {
    this.#work = []
    this.#lines = []
    this.#offsets = this.#opened()
    if (this.#snapshot) this.#offsets.load(this.#snapshot)
    for (const line of this.#journal) this.#offsets.replay(line)
    this.#now = this.#answered.copy()
  }

  #check(): void {
    for (const group of GROUPS)
      for (const topic of TOPICS)
        for (let queueId = 0; queueId < QUEUES; queueId++) {
          const key = keyOf({ group, topic, queueId })
          assert.equal(this.#offsets.find(group, topic)?.get(queueId), this.#now.offsets.get(key), key)
          assert.equal(
            this.#offsets.hasReset(group, topic, queueId),
            this.#now.resets.has(key),
            `reset ${key}`,
          )
        }
  }

  #opened(): ConsumerOffsets {
    const offsets = new ConsumerOffsets(new VirtualClock(1_795_000_000_000), (callback) => {
      this.#work.push(callback)
    })
    offsets.onChange = (line) => this.#lines.push(line)
    return offsets
  }
}

function keyOf({ group, topic, queueId }: { group: string; topic: string; queueId: number }): string {
  return `${group} ${topic} ${queueId}`
}

describe('ConsumerOffsets', () => {
  it('are after a kill what was answered before it, whatever was committed, reset, pulled and deleted', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 24 }), (steps) => new OffsetsRun().run(steps)),
      { numRuns: 10_000 },
    )
  })
})
