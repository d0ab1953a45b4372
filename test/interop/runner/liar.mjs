// A proxy that stands between clients and target and tells one lie, so that one sees which checks notice.
// It reads headers in JSON only: run it with the suites java4-json, java5-json, strict and go.
import { connect, createServer } from 'node:net'
import { lies } from './lies.mjs'
import { freePorts } from './ports.mjs'

/** Under a lie most checks wait in vain. */
const ARRIVE_SECONDS_MAX = 8

/** The target as clients see it through a liar; everything else of it stays as it is. */
export async function lieAbout(target, lieName) {
  const ports = await freePorts()
  const [broker, namesrv] = [`127.0.0.1:${ports.broker}`, `127.0.0.1:${ports.namesrv}`]
  const lie = lies[lieName]
  // Routes must lead through the liar too; both addresses have the same length.
  const redirect = (bytes) =>
    Buffer.from(bytes.toString('latin1').replaceAll(target.broker, broker), 'latin1')
  const servers = [
    await proxy(ports.broker, target.broker, lie, (bytes) => bytes),
    await proxy(ports.namesrv, target.namesrv, lie, redirect),
  ]
  const close = () => {
    for (const server of servers) server.close()
  }
  return {
    namesrv,
    broker,
    traits: { ...target.traits, arriveSecondsMax: ARRIVE_SECONDS_MAX },
    restart: () => target.restart({ forget: lie.forget }),
    killAndStart: () => target.killAndStart({ forget: lie.forget }),
    stop: () => target.stop().then(close),
    kill: () => target.kill().then(close),
  }
}

function proxy(port, upstream, lie, redirect) {
  const server = createServer((client) => {
    const asked = new Map()
    const server = connect({ host: '127.0.0.1', port: Number(upstream.split(':')[1]) })
    relay(client, server, (frame) => {
      asked.set(frame.header.opaque, frame.header)
      const answer = lie.request?.(frame)
      if (answer) client.write(encode({ header: { ...answer, opaque: frame.header.opaque, flag: 1 } }))
      return answer ? undefined : encode(frame)
    })
    relay(server, client, (frame) => {
      const isAnswer = (frame.header.flag & 1) === 1
      const told = isAnswer ? lie.answer?.(frame, asked.get(frame.header.opaque)) : lie.push?.(frame)
      const delayMs = isAnswer ? (lie.delayMs?.(asked.get(frame.header.opaque)) ?? 0) : 0
      if (told === 'nothing') return undefined
      const bytes = redirect(encode(told ?? frame))
      if (delayMs === 0) return bytes
      setTimeout(() => client.writable && client.write(bytes), delayMs)
      return undefined
    })
  })
  return new Promise((resolve) => server.listen({ host: '127.0.0.1', port }, () => resolve(server)))
}

/** Hands each frame of `from` to `tell`, and what that returns to `to`. */
function relay(from, to, tell) {
  let input = Buffer.alloc(0)
  from.on('data', (bytes) => {
    input = Buffer.concat([input, bytes])
    while (input.length >= 4 && input.length >= 4 + input.readInt32BE(0)) {
      const end = 4 + input.readInt32BE(0)
      const told = tell(decode(input.subarray(0, end)))
      if (told && to.writable) to.write(told)
      input = input.subarray(end)
    }
  })
  from.on('error', () => to.destroy())
  from.on('close', () => to.destroy())
}

function decode(bytes) {
  const headerEnd = 8 + bytes.readUIntBE(5, 3)
  return { header: JSON.parse(bytes.toString('utf8', 8, headerEnd)), body: bytes.subarray(headerEnd) }
}

function encode({ header, body = Buffer.alloc(0) }) {
  const text = Buffer.from(JSON.stringify({ serializeTypeCurrentRPC: 'JSON', ...header }))
  const lengths = Buffer.alloc(8)
  lengths.writeInt32BE(4 + text.length + body.length, 0)
  lengths.writeInt32BE(text.length, 4)
  return Buffer.concat([lengths, text, body])
}
