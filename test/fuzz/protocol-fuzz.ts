import assert from 'node:assert/strict'
import { pathToFileURL } from 'node:url'
import { parseArgs } from 'node:util'
import { MqError } from '#ternmq/base/errors.ts'
import { below } from '#ternmq/base/host/random-range.ts'
import { SeededRandom } from '#ternmq/base/host/seeded-random.ts'
import type { Random } from '#ternmq/base/host.ts'
import { FrameReader, SerializeType } from '#ternmq/protocol/frame.ts'
import { HEADER_FIELDS_MAX } from '#ternmq/protocol/header-layout.ts'
import { HeaderScan } from '#ternmq/protocol/header-scan.ts'
import { unescapeJson } from '#ternmq/protocol/json-unescape.ts'
import { parseProperties } from '#ternmq/protocol/message-properties.ts'
import { PropertyScan } from '#ternmq/protocol/property-scan.ts'
import { commandOf, decodeCommand, encodeCommand } from '#ternmq/protocol/remoting-command.ts'
import type { BodyCodec } from '../vectors/body-codecs.ts'
import { frameVectors } from '../vectors/vectors.ts'
import { bodySamples, codecOfVector } from './body-samples.ts'
import { withBytesChanged, withFieldsChanged, withTokensChanged } from './mutation.ts'

/** What a run saw. */
export interface FuzzReport {
  readonly frames: number
  /** Headers and bodies that could be read in spite of the change. */
  readonly headersRead: number
  readonly bodiesRead: number
  /** Refusals by the kind of their error. */
  readonly refused: ReadonlyMap<string, number>
  /** The longest that one frame took. */
  readonly slowestMs: number
}

interface Seed {
  readonly name: string
  readonly type: number
  readonly header: Buffer
  readonly body: Buffer
  readonly codec: BodyCodec | undefined
}

/**
 * Changes captured frames at random and reads them: whole frames, headers and bodies with their lengths set
 * right again, pieces of JSON, fields. Each outcome must be a value that comes back when it is written, or an
 * MqError.
 * @throws Error with seed and number of the first frame that behaves in any other way, its bytes in hex
 */
export function fuzzProtocol(options: { readonly seed: string; readonly frames: number }): FuzzReport {
  const run = new FuzzRun(new SeededRandom(options.seed))
  for (let index = 0; index < options.frames; index++) run.one(`seed ${options.seed}, frame ${index}`)
  const { bodiesRead, headersRead, refused, slowestMs } = run
  return { frames: options.frames, headersRead, bodiesRead, refused, slowestMs }
}

class FuzzRun {
  headersRead = 0
  bodiesRead = 0
  slowestMs = 0
  readonly refused = new Map<string, number>()
  readonly #random: Random
  readonly #seeds = seeds()
  readonly #codecs = bodySamples().map(({ codec }) => codec)
  readonly #scan = new HeaderScan()
  readonly #properties = new PropertyScan()

  constructor(random: Random) {
    this.#random = random
  }

  one(place: string): void {
    const seed = this.#seeds[below(this.#random, this.#seeds.length)]
    assert.ok(seed)
    const frame = this.#changed(seed)
    const startMs = performance.now()
    try {
      this.#readStream(frame, seed)
    } catch (cause) {
      const hex = frame.subarray(0, 4096).toString('hex')
      throw new Error(`${place}, from ${seed.name}: ${cause}\n${hex}`, { cause })
    }
    this.slowestMs = Math.max(this.slowestMs, performance.now() - startMs)
  }

  #changed({ type, header, body }: Seed): Buffer {
    const random = this.#random
    switch (below(random, 10)) {
      case 0:
      case 1:
        return withBytesChanged(random, frameOf(type, header, body))
      case 2:
      case 3:
        return frameOf(type, withBytesChanged(random, header), body)
      case 4:
      case 5:
        return frameOf(type, header, withBytesChanged(random, body))
      case 6:
        return frameOf(type, withTokensChanged(random, header), body)
      case 7:
      case 8:
        return frameOf(type, header, withTokensChanged(random, body))
      default: {
        const command = decodeCommand(frameOf(type, header, body))
        const extFields = withFieldsChanged(random, command.extFields)
        return encodeCommand({ ...command, extFields }, below(random, 2))
      }
    }
  }

  /** Feeds the bytes as a connection would, in one chunk or several. */
  #readStream(stream: Buffer, seed: Seed): void {
    const reader = new FrameReader()
    let pushedBytes = 0
    while (pushedBytes < stream.length) {
      const isWhole = below(this.#random, 4) !== 0
      const end = isWhole ? stream.length : pushedBytes + 1 + below(this.#random, stream.length - pushedBytes)
      reader.push(stream.subarray(pushedBytes, end))
      pushedBytes = end
      let hasFrame = this.#attempt(() => reader.next())
      for (; hasFrame === true; hasFrame = this.#attempt(() => reader.next())) this.#readFrame(reader, seed)
      if (hasFrame === undefined) return // refused: a server closes the connection here
      assert.ok(reader.restBytes <= pushedBytes)
    }
  }

  #readFrame(reader: FrameReader, seed: Seed): void {
    const { buffer, headerAt, headerEnd, bodyEnd, serializeType } = reader
    assert.ok(0 <= headerAt && headerAt <= headerEnd && headerEnd <= bodyEnd && bodyEnd <= buffer.length)
    const scan = this.#scan
    const body = buffer.subarray(headerEnd, bodyEnd)
    if (this.#attempt(() => scan.read(buffer, headerAt, headerEnd, serializeType) ?? true) === true) {
      this.headersRead++
      this.#readFields(scan, headerAt, headerEnd)
      if (below(this.#random, 8) === 0) this.#writeAgain(scan, body)
    }
    this.#readBody(seed.codec, body)
    if (below(this.#random, 8) === 0)
      this.#readBody(this.#codecs[below(this.#random, this.#codecs.length)], body)
  }

  #readFields(scan: HeaderScan, headerAt: number, headerEnd: number): void {
    for (const number of [scan.code, scan.opaque, scan.flag, scan.version, scan.language]) {
      assert.ok(Number.isSafeInteger(number), `number ${number} in a header`)
    }
    assert.ok(scan.fieldCount <= HEADER_FIELDS_MAX)
    for (let index = 0; index < scan.fieldCount; index++) {
      assert.ok(headerAt <= scan.valueAt(index) && scan.valueAt(index) <= scan.valueEnd(index))
      assert.ok(scan.valueEnd(index) <= headerEnd)
      const name = this.#attempt(() => scan.name(index))
      const text = this.#attempt(() => scan.text(index))
      // Most values are no integers, and making their errors would take half of the run.
      if (below(this.#random, 8) === 0) this.#attempt(() => scan.integer(index, 'field'))
      scan.boolean(index)
      if (name !== undefined && name.length < 30) this.#attempt(() => scan.optionalText(name))
      if (text !== undefined) this.#readProperties(scan, index, text)
    }
  }

  /** Un-escaping in place and the scan of properties agree with their slow counterparts. */
  #readProperties(scan: HeaderScan, index: number, text: string): void {
    const [at, end] = [scan.valueAt(index), scan.valueEnd(index)]
    const bytes = Buffer.alloc(end - at)
    let length = bytes.length
    if (scan.isEscaped(index)) {
      const unescaped = this.#attempt(() => unescapeJson(scan.buffer, at, end, bytes, 0))
      if (unescaped === undefined) return
      length = unescaped
      assert.equal(bytes.toString('utf8', 0, length), Buffer.from(text).toString('utf8'))
    } else scan.buffer.copy(bytes, 0, at, end)
    const properties = this.#properties
    if (this.#attempt(() => properties.read(bytes, 0, length) ?? true) !== true) return
    const seen = new Map<string, string>()
    for (let pair = 0; pair < properties.count; pair++) seen.set(properties.name(pair), properties.text(pair))
    assert.deepEqual(seen, parseProperties(bytes.toString('utf8', 0, length)))
  }

  #writeAgain(scan: HeaderScan, body: Buffer): void {
    const command = this.#attempt(() => commandOf(scan, body))
    if (command === undefined) return
    const frame = this.#attempt(() => encodeCommand(command, SerializeType.JSON))
    if (frame === undefined) return
    assert.deepEqual(encodeCommand(decodeCommand(frame), SerializeType.JSON), frame)
  }

  #readBody(codec: BodyCodec | undefined, body: Buffer): void {
    if (codec === undefined) return
    const result = this.#attempt(() => codec(body))
    if (result === undefined) return
    this.bodiesRead++
    if (below(this.#random, 4) === 0) assert.deepEqual(codec(result.again).again, result.again)
  }

  #attempt<T>(action: () => T): T | undefined {
    try {
      return action()
    } catch (error) {
      if (!(error instanceof MqError)) throw error
      this.refused.set(error.kind, (this.refused.get(error.kind) ?? 0) + 1)
      return undefined
    }
  }
}

/**
 * Captured frames, and frames around bodies that nobody sent while they were captured. Large ones would only
 * take time.
 */
function seeds(): Seed[] {
  const captured = frameVectors().map((vector): Seed => {
    const header = vector.frame.subarray(8, vector.frame.length - vector.body.length)
    const { name, body, frame } = vector
    return { name, type: frame[4] ?? 0, header, body, codec: codecOfVector(vector) }
  })
  const header = Buffer.from('{"code":0,"flag":1,"language":"JAVA","opaque":1,"version":479}')
  const own = bodySamples().map(({ name, body, codec }): Seed => ({ name, type: 0, header, body, codec }))
  return [...captured, ...own].filter(({ body }) => body.length < 4096)
}

function frameOf(type: number, header: Buffer, body: Buffer): Buffer {
  const prefix = Buffer.alloc(8)
  prefix.writeInt32BE(4 + header.length + body.length)
  prefix.writeUIntBE(header.length, 5, 3)
  prefix[4] = type
  return Buffer.concat([prefix, header, body])
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  const { values } = parseArgs({ options: { frames: { type: 'string' }, seed: { type: 'string' } } })
  const report = fuzzProtocol({
    seed: values.seed ?? String(Date.now()),
    frames: Number(values.frames ?? 1_000_000),
  })
  process.stdout.write(`${JSON.stringify({ ...report, refused: Object.fromEntries(report.refused) })}\n`)
}
