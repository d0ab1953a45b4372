/**
 * What the load process says on its standard output, a line each. Pipes are written synchronously: a line
 * that is missing was not written.
 *
 *     ready              it is connected and waits for orders
 *     ack Q O N          message N was acknowledged at offset O of queue Q (topic/queueId)
 *     commit Q O         the broker has taken the commit of offset O of queue Q
 *     end N              the round is over; numbers below N have been tried
 */
export type LoadLine =
  | { readonly kind: 'ready' }
  | { readonly kind: 'ack'; readonly queue: string; readonly offset: number; readonly number: number }
  | { readonly kind: 'commit'; readonly queue: string; readonly offset: number }
  | { readonly kind: 'end'; readonly numberEnd: number }

export function writeLine(line: LoadLine): void {
  process.stdout.write(`${textOf(line)}\n`)
}

function textOf(line: LoadLine): string {
  switch (line.kind) {
    case 'ready':
      return 'ready'
    case 'ack':
      return `ack ${line.queue} ${line.offset} ${line.number}`
    case 'commit':
      return `commit ${line.queue} ${line.offset}`
    case 'end':
      return `end ${line.numberEnd}`
  }
}

/** @throws Error for a line that is none of these */
export function readLine(text: string): LoadLine {
  const [kind, first = '', second, third] = text.split(' ')
  if (kind === 'ready') return { kind }
  if (kind === 'ack') return { kind, queue: first, offset: Number(second), number: Number(third) }
  if (kind === 'commit') return { kind, queue: first, offset: Number(second) }
  if (kind === 'end') return { kind, numberEnd: Number(first) }
  throw new Error(`the load says: ${text}`)
}
