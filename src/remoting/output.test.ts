import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { Connection } from '../base/host.ts'
import { BufferPool } from './buffer-pool.ts'
import { Output } from './output.ts'

const KIB = 1024

type Sink = Pick<Connection, 'write'>

/** A connection of which only `write` is used: it takes all at once, or leaves all to later. */
function sink(takesAll: boolean): { connection: Sink; written: Buffer[] } {
  const written: Buffer[] = []
  const write = (bytes: Buffer): boolean => {
    written.push(Buffer.from(bytes))
    return takesAll
  }
  return { connection: { write }, written }
}

/** Fills the output with answers of these sizes and flushes it. @returns all bytes */
function send(output: Output, connection: Sink, sizes: readonly number[]): Buffer {
  const answers = sizes.map((size, i) => Buffer.alloc(size, 65 + i))
  for (const answer of answers) output.append(answer)
  output.flush(connection)
  return Buffer.concat(answers)
}

describe('Output', () => {
  it('sends several large answers of a turn in two writes', () => {
    const output = new Output(new BufferPool())
    const { connection, written } = sink(true)
    const all = send(output, connection, Array(7).fill(40 * KIB))
    assert.equal(written.length, 2)
    assert.deepEqual(Buffer.concat(written), all)
  })

  it('fills the same buffers again once the kernel has their bytes', () => {
    const output = new Output(new BufferPool())
    const { connection } = sink(false)
    output.reserve(100 * KIB)
    const { buffer } = output
    send(output, connection, [100 * KIB])
    output.reserve(100 * KIB)
    assert.notEqual(output.buffer, buffer)
    output.flush(connection)
    output.drained()
    const next = new Set<Buffer>()
    for (let i = 0; i < 2; i++) {
      output.reserve(100 * KIB)
      next.add(output.buffer)
      send(output, connection, [100 * KIB])
    }
    assert.ok(next.has(buffer))
  })
})
