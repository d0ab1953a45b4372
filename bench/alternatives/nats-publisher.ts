import type { Socket } from 'node:net'
import { dial, Publisher } from './publisher.ts'

const INBOX = '_I.'
const CREATED = `${INBOX}created`
const CONNECT = JSON.stringify({
  verbose: false,
  pedantic: false,
  tls_required: false,
  lang: 'raw',
  version: '1',
})
const STREAM = JSON.stringify({
  name: 'bench',
  subjects: ['bench.>'],
  storage: 'file',
  retention: 'limits',
  num_replicas: 1,
})
const MSG = Buffer.from('MSG ')
const LINE_END = '\r\n'

/** Publishes to a JetStream file stream (NATS client protocol); JetStream confirms on the reply subject. */
export class NatsPublisher extends Publisher {
  readonly #payload: Buffer

  private constructor(socket: Socket, body: Buffer) {
    super(socket)
    this.#payload = Buffer.concat([Buffer.from(` ${body.length}\r\n`), body, Buffer.from(LINE_END)])
  }

  static async open(port: number, body: Buffer): Promise<NatsPublisher> {
    const publisher = new NatsPublisher(await dial(port), body)
    publisher.write(Buffer.from(`CONNECT ${CONNECT}\r\nSUB ${INBOX}> 1\r\n`))
    await publisher.request(
      Buffer.from(`PUB $JS.API.STREAM.CREATE.bench ${CREATED} ${STREAM.length}\r\n${STREAM}\r\n`),
    )
    return publisher
  }

  publish(id: number): void {
    this.write(Buffer.from(`PUB bench.a ${INBOX}${id}`))
    this.write(this.#payload)
  }

  protected take(received: Buffer): number {
    let at = 0
    for (;;) {
      const lineEnd = received.indexOf(LINE_END, at)
      if (lineEnd < 0) return at
      if (received.compare(MSG, 0, 4, at, at + 4) !== 0) {
        if (received.toString('latin1', at, lineEnd) === 'PING') this.write(Buffer.from('PONG\r\n'))
        at = lineEnd + 2
        continue
      }
      const [, subject = '', , size] = received.toString('latin1', at, lineEnd).split(' ')
      const end = lineEnd + 2 + Number(size) + 2
      if (received.length < end) return at
      if (subject === CREATED) this.replied()
      else
        this.onAnswer(
          Number(subject.slice(INBOX.length)),
          !received.toString('latin1', lineEnd, end).includes('"error"'),
        )
      at = end
    }
  }
}
