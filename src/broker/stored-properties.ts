import { MqError } from '../base/errors.ts'
import { ByteView, copyBytes } from '../protocol/byte-view.ts'
import { unescapeJson } from '../protocol/json-unescape.ts'
import { PropertyName } from '../protocol/message-properties.ts'
import { PROPERTIES_MAX, PropertyScan } from '../protocol/property-scan.ts'
import { PROPERTIES_BYTES_MAX } from '../protocol/record-draft.ts'

const SEPARATOR = 2
const EMPTY: Buffer = Buffer.alloc(0)

/** Of a pair with the name UNIQ_KEY, a key of 56 characters and its separators. */
const UNIQUE_KEY_BYTES_MAX = 80

/**
 * Room that is left in every message that comes in, in bytes and in pairs: a message that is delayed, tried again or moved to the dead
 * letters gets further properties, and must not become too large to be stored by that (R14, issue apache/rocketmq#4226).
 */
const HEAD_ROOM_BYTES = 1024
const HEAD_ROOM_COUNT = 20

/** Most bytes of properties that a message may come in with, those that the broker adds at once included. */
export const INCOMING_PROPERTIES_BYTES_MAX = PROPERTIES_BYTES_MAX - HEAD_ROOM_BYTES

/** Most properties that a message may come in with. */
export const INCOMING_PROPERTIES_MAX = PROPERTIES_MAX - HEAD_ROOM_COUNT

/** The largest header and what is added to it. */
const SCRATCH_BYTES = 320 * 1024

/** What a batch's header gives each of its messages stands from here on; right before it a separator. */
const SHARED_AT = SCRATCH_BYTES

/**
 * The properties of a message on their way into the log: those of the client, un-escaped, and behind them those that the broker
 * adds (protocol/pitfalls.md 5). One instance is used again for every message.
 */
export class StoredProperties {
  readonly buffer: Buffer = Buffer.allocUnsafeSlow(2 * SCRATCH_BYTES)
  /** Where they stand in `buffer`, but for what `join` has left where it was. */
  at = 0
  end = 0
  /** What comes before those: a message's own part of a batch. */
  front: Buffer = EMPTY
  frontAt = 0
  frontEnd = 0
  /** The client's properties in `buffer`, and the unique key, after `finish`; those in `front` after `join`. */
  readonly scan = new PropertyScan()
  /** What `share` has kept. */
  readonly shared = new PropertyScan()
  readonly #target = new ByteView()
  readonly #source = new ByteView()
  #isJoined = false
  /** Changes with the names, and the places, of what is joined. */
  joinedLayout = 0
  /** Whether, after `join`, what counts for these names is the message's own, and not what its batch shares. */
  doKeysVary = true
  doTagsVary = true
  doesWaitVary = true
  /** Whether what is laid out as these can be joined, of a message and of what its batch shares. */
  #isJoinable = false
  #judgedLayout = 0
  /** Of properties of which nothing has to be taken out, with a unique key among them. */
  #plainLayout = 0
  #judgedSharedLayout = 0
  /** Where what was kept by `share` ends, and the broker's own behind it. */
  #sharedEnd = SHARED_AT
  #joinedEnd = SHARED_AT
  readonly #own: Buffer
  readonly #ownSource = new ByteView()
  readonly #ownNames: readonly string[]

  /** @param own properties that every message gets, with their values */
  constructor(own: readonly (readonly [string, string])[]) {
    this.#ownNames = [PropertyName.POP_CK, ...own.map(([name]) => name)]
    this.#own = Buffer.from(own.map(([name, value]) => `${name}\u0001${value}\u0002`).join(''))
    this.#ownSource.of(this.#own)
    this.#target.of(this.buffer)
    this.buffer[SHARED_AT - 1] = SEPARATOR
  }

  /** Most bytes that `finish` adds. */
  get ownBytes(): number {
    return this.#own.length + UNIQUE_KEY_BYTES_MAX
  }

  begin(): void {
    this.at = 0
    this.end = 0
    this.frontAt = 0
    this.frontEnd = 0
    this.#isJoined = false
  }

  /** Adds properties as they are. */
  add(source: Buffer, at: number, end: number): void {
    this.separate()
    this.#checkRoom(end - at)
    this.#source.of(source)
    this.end = copyBytes(this.#target, this.end, this.#source, at, end)
  }

  /** Adds properties from inside a JSON string. */
  addEscaped(source: Buffer, at: number, end: number): void {
    this.separate()
    this.#checkRoom(end - at)
    this.end = unescapeJson(source, at, end, this.buffer, this.end)
  }

  /** Keeps what was added so far for `join`: what a batch's header gives each of its messages. */
  share(): void {
    const target = this.#target
    this.#sharedEnd = copyBytes(target, SHARED_AT, target, 0, this.end)
    this.shared.read(this.buffer, SHARED_AT, this.#sharedEnd)
    const isOpen = this.end > 0 && this.buffer[this.end - 1] !== SEPARATOR
    if (isOpen) this.buffer[this.#sharedEnd] = SEPARATOR
    this.#joinedEnd = this.#putOwn(this.#sharedEnd + (isOpen ? 1 : 0))
  }

  /**
   * The properties of a message of a batch: its own, which stay where they are, before those that `share` has kept.
   * @returns false where they cannot be taken as they are: see `combine`
   * @throws MqError messageIllegal when there are more than 512
   */
  join(source: Buffer, at: number, end: number): boolean {
    const { scan, shared } = this
    scan.read(source, at, end)
    if (scan.layout !== this.#judgedLayout || shared.layout !== this.#judgedSharedLayout) this.#judge()
    const isOpen = end > at && source[end - 1] !== SEPARATOR
    this.front = source
    this.frontAt = at
    this.frontEnd = end
    this.at = SHARED_AT - (isOpen ? 1 : 0)
    this.end = this.#joinedEnd
    this.#isJoined = true
    return this.#isJoinable && end - at + this.end - this.at <= INCOMING_PROPERTIES_BYTES_MAX
  }

  /**
   * As `join`, whatever they say, and with a unique key where they have none.
   * @throws MqError messageIllegal as `finish`
   */
  combine(source: Buffer, at: number, end: number, uniqueKey: () => string): void {
    this.begin()
    this.add(source, at, end)
    this.separate()
    this.end = copyBytes(this.#target, this.end, this.#target, SHARED_AT, this.#sharedEnd)
    this.finish(uniqueKey)
  }

  /** Where the pair that counts for a name is found, if there is any: the last one does. */
  scanOf(name: string): PropertyScan {
    return this.#isJoined && this.shared.find(name) >= 0 ? this.shared : this.scan
  }

  addPair(name: string, value: string): void {
    this.separate()
    this.end += this.buffer.write(`${name}\u0001${value}\u0002`, this.end)
  }

  /**
   * Adds the broker's own, and a unique key where the client gave none.
   * @param isStoredAgain whether they are of a message that was taken in before, when there was to be room for what features add
   * @throws MqError messageIllegal when all together are more than a record can hold
   */
  finish(uniqueKey: () => string, isStoredAgain = false): void {
    const { scan } = this
    scan.read(this.buffer, 0, this.end)
    if (scan.layout !== this.#plainLayout) this.#amend(uniqueKey)
    this.separate()
    this.end = this.#putOwn(this.end)
    this.#checkSize(isStoredAgain ? PROPERTIES_BYTES_MAX : INCOMING_PROPERTIES_BYTES_MAX)
    if (!isStoredAgain) this.#checkCount()
  }

  /** Sets properties to values, after `finish`, and drops others; what there was of these names goes. */
  set(pairs: readonly (readonly [string, string])[], drop: Iterable<string> = []): void {
    const { scan, buffer } = this
    scan.read(buffer, 0, this.end)
    for (const [name] of pairs) if (scan.find(name) >= 0) this.#strip(name)
    for (const name of drop) if (scan.find(name) >= 0) this.#strip(name)
    for (const [name, value] of pairs) this.addPair(name, value)
    if (this.end > PROPERTIES_BYTES_MAX) {
      throw new MqError(
        'messageIllegal',
        `properties of ${this.end} bytes, more than ${PROPERTIES_BYTES_MAX}`,
      )
    }
    scan.read(buffer, 0, this.end)
  }

  #amend(uniqueKey: () => string): void {
    const { scan } = this
    const { layout } = scan
    // a message that has been stored before, or that lies: the broker's word counts
    for (const name of this.#ownNames) if (scan.find(name) >= 0) this.#strip(name)
    if (scan.find(PropertyName.UNIQ_KEY) < 0) {
      this.addPair(PropertyName.UNIQ_KEY, uniqueKey())
      scan.read(this.buffer, 0, this.end)
    }
    if (scan.layout === layout) this.#plainLayout = layout
  }

  /** Takes out all pairs of a name that only the broker may set. */
  #strip(name: string): void {
    const { scan, buffer } = this
    let to = 0
    for (let index = 0; index < scan.count; index++) {
      const at = scan.pairAt(index)
      const end = scan.valueEnd(index)
      if (scan.name(index) === name) continue
      buffer.copy(buffer, to, at, end)
      to += end - at
      buffer[to++] = SEPARATOR
    }
    this.end = to
    scan.read(buffer, 0, to)
  }

  /** Ends the last pair with its separator, where there is one. */
  separate(): void {
    if (this.end > 0 && this.buffer[this.end - 1] !== SEPARATOR) this.buffer[this.end++] = SEPARATOR
  }

  #putOwn(at: number): number {
    return copyBytes(this.#target, at, this.#ownSource, 0, this.#own.length)
  }

  #judge(): void {
    const { scan, shared } = this
    const hasOwn = this.#ownNames.some((name) => scan.find(name) >= 0 || shared.find(name) >= 0)
    const hasKey = scan.find(PropertyName.UNIQ_KEY) >= 0 || shared.find(PropertyName.UNIQ_KEY) >= 0
    this.#isJoinable = hasKey && !hasOwn && scan.count + shared.count <= INCOMING_PROPERTIES_MAX
    this.joinedLayout++
    this.doKeysVary = this.#varies(PropertyName.UNIQ_KEY) || this.#varies(PropertyName.KEYS)
    this.doTagsVary = this.#varies(PropertyName.TAGS)
    this.doesWaitVary = this.#varies(PropertyName.WAIT)
    this.#judgedLayout = scan.layout
    this.#judgedSharedLayout = shared.layout
  }

  #varies(name: string): boolean {
    return this.shared.find(name) < 0 && this.scan.find(name) >= 0
  }

  #checkSize(bytesMax: number): void {
    const bytes = this.end - this.at
    if (bytes > bytesMax)
      throw new MqError('messageIllegal', `properties of ${bytes} bytes, more than ${bytesMax}`)
  }

  #checkCount(): void {
    const { count } = this.scan
    if (count > INCOMING_PROPERTIES_MAX)
      throw new MqError('messageIllegal', `${count} properties, more than ${INCOMING_PROPERTIES_MAX}`)
  }

  #checkRoom(bytes: number): void {
    if (this.end + bytes > SCRATCH_BYTES - PROPERTIES_BYTES_MAX) {
      throw new MqError(
        'messageIllegal',
        `properties of ${this.end + bytes} bytes, more than ${PROPERTIES_BYTES_MAX}`,
      )
    }
  }
}
