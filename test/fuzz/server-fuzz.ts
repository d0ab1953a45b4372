import assert from 'node:assert/strict'
import { connect as openSocket, type Socket } from 'node:net'
import { below } from '#ternmq/base/host/random-range.ts'
import { SeededRandom } from '#ternmq/base/host/seeded-random.ts'
import type { Random } from '#ternmq/base/host.ts'
import { FrameReader, SerializeType } from '#ternmq/protocol/frame.ts'
import { decodeCommand, encodeCommand, type RemotingCommand } from '#ternmq/protocol/remoting-command.ts'
import { RequestCode } from '#ternmq/protocol/request-code.ts'
import type { RequestSigner } from '#ternmq/protocol/signature.ts'
import type { TestSystem } from '../e2e/test-system.ts'
import { until } from '../e2e/test-system.ts'
import { oddRequest } from './request-grammar.ts'

const REQUESTS_PER_BATCH = 25
const BATCHES_PER_CONNECTION = 20
/** Codes that fit a binary header. */
const BINARY_CODE_MAX = 0x7fff

/** The topic that no odd request names. */
export const KEPT = 'kept'

/** What a run asks, and of whom. */
export interface ServerFuzz {
  readonly system: TestSystem
  readonly address: { readonly host: string; readonly port: number }
  /** What the server says it answers. */
  readonly codes: readonly number[]
  readonly seed: string
  readonly requests: number
  /** Who signs most of the requests. */
  readonly signer?: RequestSigner | undefined
  /** A request that is answered whatever came before. */
  readonly probe: { readonly code: number; readonly extFields: Readonly<Record<string, string>> }
}

/** What came back. */
export interface Answers {
  /** How many answers there were of each response code. */
  readonly counts: Map<number, number>
  /** Codes of requests that have been carried out at least once. */
  readonly done: Set<number>
}

/**
 * Sends odd requests in sound frames to a running server: it must go on answering on the same connections, and none may end in an
 * error that nobody has foreseen.
 * @throws Error with the seed, and the requests that came last before it went wrong
 */
export async function fuzzServer(fuzz: ServerFuzz): Promise<Answers> {
  const random = new SeededRandom(fuzz.seed)
  const answers: Answers = { counts: new Map(), done: new Set() }
  let sent = 0
  while (sent < fuzz.requests) {
    const peer = await Peer.open(fuzz.address, answers)
    for (let batch = 0; batch < BATCHES_PER_CONNECTION && sent < fuzz.requests; batch++) {
      const frames = Array.from({ length: REQUESTS_PER_BATCH }, () => oddFrame(random, fuzz))
      peer.write(frames)
      sent += frames.length
      const place = `seed ${fuzz.seed}, request ${sent - frames.length} to ${sent}`
      await checkAlive(peer, fuzz).catch((cause) => {
        const texts = frames.map((frame) => JSON.stringify(textOf(frame)))
        throw new Error(`${place}: ${cause}\n${texts.join('\n')}`, { cause })
      })
    }
    // some leave in the middle of their polls
    peer.close()
  }
  return answers
}

async function checkAlive(peer: Peer, { probe, signer, system }: ServerFuzz): Promise<void> {
  const { extFields } = probe
  const answer = await peer.ask({ ...probe, extFields: signer ? signer.signed(extFields) : extFields })
  assert.equal(answer.code, 0, answer.remark)
  assert.deepEqual(system.log.faults, [])
}

let opaque = 1

function oddFrame(random: Random, { codes, signer }: ServerFuzz): Buffer {
  const { code, extFields, body } = oddRequest(random, codes)
  const isSigned = signer && below(random, 20) !== 0
  const isBinary = code <= BINARY_CODE_MAX && below(random, 2) === 0
  return encodeCommand(
    {
      ...{ code, body, opaque: opaque++, language: below(random, 14), version: below(random, 600) },
      flag: below(random, 10) === 0 ? 2 : 0,
      extFields: isSigned ? signer.signed(extFields, body) : extFields,
    },
    isBinary ? SerializeType.ROCKETMQ : SerializeType.JSON,
  )
}

function textOf(frame: Buffer): object {
  const { code, extFields, body } = decodeCommand(frame)
  return { code, extFields, body: body.toString('latin1').slice(0, 300) }
}

/** A connection that counts what it is answered. */
class Peer {
  readonly #socket: Socket
  readonly #reader = new FrameReader()
  readonly #answers: Answers
  /** Codes of the requests under way, by number. */
  readonly #asked = new Map<number, number>()
  #awaited = 0
  #answer: RemotingCommand | undefined

  private constructor(socket: Socket, answers: Answers) {
    this.#socket = socket
    this.#answers = answers
    socket.on('error', () => undefined)
    socket.on('data', (chunk: Buffer) => {
      this.#reader.push(chunk)
      while (this.#reader.next()) this.#take()
    })
  }

  static async open(address: ServerFuzz['address'], answers: Answers): Promise<Peer> {
    const socket = openSocket(address)
    await new Promise((resolve, reject) => socket.once('connect', resolve).once('error', reject))
    return new Peer(socket, answers)
  }

  write(frames: readonly Buffer[]): void {
    for (const frame of frames) {
      const { code, opaque } = decodeCommand(frame)
      this.#asked.set(opaque, code)
    }
    this.#socket.write(Buffer.concat(frames))
  }

  async ask(command: {
    code: number
    extFields: Readonly<Record<string, string>>
  }): Promise<RemotingCommand> {
    this.#awaited = opaque++
    this.#answer = undefined
    this.write([encodeCommand({ ...command, opaque: this.#awaited })])
    await until(() => {
      assert.equal(this.#socket.closed || this.#socket.readableEnded, false, 'the connection was closed')
      return this.#answered !== undefined
    }, 60_000)
    const answer = this.#answered
    assert.ok(answer)
    return answer
  }

  get #answered(): RemotingCommand | undefined {
    return this.#answer
  }

  close(): void {
    this.#socket.destroy()
  }

  #take(): void {
    const { buffer, bodyEnd, headerAt } = this.#reader
    const command = decodeCommand(Buffer.from(buffer.subarray(headerAt - 8, bodyEnd)))
    if ((command.flag & 1) === 0) return
    const { counts, done } = this.#answers
    counts.set(command.code, (counts.get(command.code) ?? 0) + 1)
    const request = this.#asked.get(command.opaque)
    if (command.code === 0 && request !== undefined) done.add(request)
    this.#asked.delete(command.opaque)
    if (command.opaque === this.#awaited) this.#answer = command
  }
}

/** The probe of a broker: how many messages the kept topic has. */
export const brokerProbe = {
  code: RequestCode.GET_MAX_OFFSET,
  extFields: { topic: KEPT, queueId: '0' },
}
