import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { FormerHolders } from './former-holders.ts'
import { LOCK_MS_MAX } from './queue-locks.ts'

const START_MS = 1_000_000
const queue = { topic: 'orders', queueId: 3 }

/** Holders that note what they would put into the journal. */
function noted(): { holders: FormerHolders; lines: string[] } {
  const [holders, lines]: [FormerHolders, string[]] = [new FormerHolders(), []]
  holders.onChange = (text) => lines.push(text)
  return { holders, lines }
}

/** What comes back of a broker that has died. */
function restarted({ content, lines }: { content?: Buffer; lines: readonly string[] }): FormerHolders {
  const holders = new FormerHolders()
  if (content) holders.load(content)
  for (const line of lines) holders.replay(line)
  holders.start(START_MS)
  return holders
}

describe('FormerHolders', () => {
  it('knows after a kill who held what, for as long as a lock lives', () => {
    const { holders, lines } = noted()
    holders.taken('billing', queue, 'c 1@{"odd"}')
    holders.taken('billing', { ...queue, queueId: 4 }, 'c2')
    holders.released('billing', { ...queue, queueId: 4 })
    const after = restarted({ lines })
    assert.equal(after.find('billing', queue, START_MS + LOCK_MS_MAX), 'c 1@{"odd"}')
    assert.equal(after.find('billing', { ...queue, queueId: 4 }, START_MS), undefined)
    assert.equal(after.find('shipping', queue, START_MS), undefined)
    assert.deepEqual([after.has('billing'), after.has('shipping')], [true, false])
    assert.equal(after.find('billing', queue, START_MS + LOCK_MS_MAX + 1), undefined)
    after.expire(START_MS + LOCK_MS_MAX + 1)
    assert.equal(after.has('billing'), false)
    assert.deepEqual(JSON.parse(after.encode().toString()), { holders: [] })
  })

  it('knows nothing of a queue that somebody holds again', () => {
    const { holders, lines } = noted()
    holders.taken('billing', queue, 'c1')
    const after = restarted({ lines })
    after.taken('billing', queue, 'c2')
    assert.equal(after.find('billing', queue, START_MS), undefined)
    assert.equal(restarted({ content: after.encode(), lines: [] }).find('billing', queue, START_MS), 'c2')
  })

  it('hands on what it knows to a start that follows soon', () => {
    const { holders } = noted()
    holders.taken('billing', queue, 'c1')
    const once = restarted({ content: holders.encode(), lines: [] })
    const twice = restarted({ content: once.encode(), lines: [] })
    assert.equal(twice.find('billing', queue, START_MS), 'c1')
  })
})
