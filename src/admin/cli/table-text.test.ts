import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { table } from '../verb.ts'
import type { Terminal } from './environment.ts'
import { barText } from './progress-bar.ts'
import { cellText, displayWidth, proseText, recordText, tableText } from './table-text.ts'

/** As much of the world as tables look at. */
function terminal(width: number, variables: Record<string, string> = { NO_COLOR: '1' }): Terminal {
  return { isTerminal: true, width, variables }
}

const piped: Terminal = { isTerminal: false, width: 20, variables: {} }

const rows = [
  {
    id: '7F000001BD392EC134DF8544D6EA0000',
    lag: 7,
    body: 'a text with many words in it, too long for a line',
  },
  { id: '7F000001BD392EC134DF8544D6EA0001', lag: 1234, body: 'short' },
]

describe('tableText', () => {
  it('puts numbers to the right, and texts to the left', () => {
    const [head, first, second] = tableText(table(rows, ['lag', 'body']), piped).split('\n')
    assert.deepEqual([head, first?.slice(0, 12), second], [' lag  body', '   7  a text', '1234  short'])
  })

  it('cuts long texts with an ellipsis where the terminal is narrow, ids never', () => {
    const text = tableText(table(rows, ['id', 'lag', 'body']), terminal(60))
    for (const line of text.split('\n')) assert(displayWidth(line) <= 60, line)
    assert.match(text, /^7F000001BD392EC134DF8544D6EA0000 {5}7 {2}a text with many wo…$/m)
  })

  it('lists the fields of each row where cutting is not enough', () => {
    const text = tableText(table(rows, ['id', 'lag', 'body']), terminal(40))
    assert.match(text, /^id {4}7F000001BD392EC134DF8544D6EA0000\nlag {3}7\nbody {2}a text/)
    assert.match(text, /\n\nid {4}7F000001BD392EC134DF8544D6EA0001\n/)
    for (const line of text.split('\n')) assert(displayWidth(line) <= 40, line)
  })

  it('cuts nothing where nobody looks', () => {
    assert.match(tableText(table(rows, ['id', 'lag', 'body']), piped), /too long for a line$/m)
  })

  it('keeps columns straight behind characters that take two', () => {
    const wide = [
      { topic: '订单', next: 'a' },
      { topic: 'abcd', next: 'b' },
    ]
    const text = tableText(table(wide), piped)
    assert.deepEqual(text.split('\n'), ['topic  next', '订单   a', 'abcd   b'])
  })

  it('is coloured on terminals that want it', () => {
    const isBold = (variables: Record<string, string>): boolean =>
      tableText(table(rows, ['lag']), terminal(60, variables)).includes('\u001b[1m')
    assert.deepEqual([isBold({}), isBold({ NO_COLOR: '1' }), isBold({ TERM: 'dumb' })], [true, false, false])
    assert.equal(tableText(table(rows, ['lag']), piped).includes('\u001b'), false)
  })
})

describe('recordText', () => {
  it('goes on below where a value began', () => {
    assert.equal(
      recordText({ name: 'n', long: 'x'.repeat(20) }, terminal(20)),
      `name  n\nlong  ${'x'.repeat(14)}\n      xxxxxx`,
    )
  })
})

describe('proseText', () => {
  it('breaks sentences between words and keeps their indent', () => {
    const text = 'ternmq: it did not work\n  try this and that, or both'
    const broken = 'ternmq: it did not\nwork\n  try this and\n  that, or both'
    assert.equal(proseText(text, terminal(18)), broken)
    assert.equal(proseText(text, piped), text)
  })
})

describe('cellText', () => {
  it('lets nothing that others sent drive the terminal', () => {
    assert.equal(cellText('a\u001b[2Jb\nc'), 'a.[2Jb.c')
  })
})

describe('barText', () => {
  it('shows how far work is, and fits', () => {
    const progress = { done: 32, total: 128, about: 'messages of orders' }
    assert.equal(barText(progress, 80), '[######------------------]  25 %  32 of 128 messages of orders')
    assert.equal(barText(progress, 40), ' 25 %  32 of 128 messages of orders')
    assert.equal(barText(progress, 20).length, 19)
    assert.match(barText({ done: 0, total: 0, about: 'queues' }, 80), /^\[#+\] 100 %/)
  })
})
