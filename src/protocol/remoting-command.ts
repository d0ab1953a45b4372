import { MqError } from '../base/errors.ts'
import { BROKER_VERSION } from './client-version.ts'
import { FRAME_LENGTH_MAX, FRAME_PREFIX_BYTES, FrameReader, SerializeType } from './frame.ts'
import { HeaderScan } from './header-scan.ts'
import { Language, languageName } from './language.ts'

/** A request or response as an object: for what is not on the hot path. (protocol/remoting.md §2) */
export interface RemotingCommand {
  readonly code: number
  /** Number of the sender's language (`Language`). */
  readonly language: number
  /** Ordinal of the sender's release. */
  readonly version: number
  readonly opaque: number
  /** Bit 0: response, bit 1: oneway. */
  readonly flag: number
  readonly remark: string | undefined
  /** Without prototype when decoded. */
  readonly extFields: Readonly<Record<string, string>>
  readonly body: Buffer
}

/** What a command needs at least; the rest has defaults. */
export type CommandParts = Pick<RemotingCommand, 'code' | 'opaque'> & Partial<RemotingCommand>

export const EMPTY_BODY: Buffer = Buffer.alloc(0)

/**
 * Decodes one whole frame.
 * @throws MqError badFrame, badHeader
 */
export function decodeCommand(frame: Buffer): RemotingCommand {
  const reader = new FrameReader()
  reader.push(frame)
  if (!reader.next() || reader.bodyEnd !== frame.length)
    throw new MqError('badFrame', `not one whole frame: ${frame.length} bytes`)
  const scan = new HeaderScan()
  scan.read(reader.buffer, reader.headerAt, reader.headerEnd, reader.serializeType)
  return commandOf(scan, reader.buffer.subarray(reader.headerEnd, reader.bodyEnd))
}

/** The command whose header was just scanned. */
export function commandOf(scan: HeaderScan, body: Buffer): RemotingCommand {
  return {
    code: scan.code,
    language: scan.language,
    version: scan.version,
    opaque: scan.opaque,
    flag: scan.flag,
    remark: scan.remark,
    extFields: scan.fields(),
    body,
  }
}

/**
 * Encodes a whole frame.
 * @param serializeType how the header is written (`SerializeType`)
 * @throws MqError badFrame when it would exceed the frame limit
 */
export function encodeCommand(command: CommandParts, serializeType: number = SerializeType.JSON): Buffer {
  const header = serializeType === SerializeType.JSON ? jsonHeader(command) : binaryHeader(command)
  const body = command.body ?? EMPTY_BODY
  const length = 4 + header.length + body.length
  if (length > FRAME_LENGTH_MAX)
    throw new MqError('badFrame', `a frame of ${length} bytes, more than ${FRAME_LENGTH_MAX}`)
  const frame = Buffer.allocUnsafe(FRAME_PREFIX_BYTES + header.length + body.length)
  frame.writeInt32BE(length, 0)
  frame.writeInt32BE((serializeType << 24) | header.length, 4)
  header.copy(frame, FRAME_PREFIX_BYTES)
  body.copy(frame, FRAME_PREFIX_BYTES + header.length)
  return frame
}

/** Keys in fastjson's order. Absent fields are left out, as Java does. */
function jsonHeader(command: CommandParts): Buffer {
  const { extFields, remark } = command
  return Buffer.from(
    JSON.stringify({
      code: command.code,
      extFields: extFields && Object.keys(extFields).length > 0 ? extFields : undefined,
      flag: command.flag ?? 0,
      language: languageName(command.language ?? Language.JAVA),
      opaque: command.opaque,
      remark,
      serializeTypeCurrentRPC: 'JSON',
      version: command.version ?? BROKER_VERSION,
    }),
  )
}

/** int16 code, int8 language, int16 version, int32 opaque, int32 flag, remark and fields with their lengths in front. */
function binaryHeader(command: CommandParts): Buffer {
  const remark = Buffer.from(command.remark ?? '')
  const entries: Buffer[] = []
  for (const [key, value] of Object.entries(command.extFields ?? {})) entries.push(binaryEntry(key, value))
  const area = Buffer.concat(entries)
  const header = Buffer.allocUnsafe(21 + remark.length + area.length)
  header.writeUInt16BE(command.code & 0xffff, 0)
  header.writeUInt8(command.language ?? Language.JAVA, 2)
  header.writeUInt16BE((command.version ?? BROKER_VERSION) & 0xffff, 3)
  header.writeInt32BE(command.opaque, 5)
  header.writeInt32BE(command.flag ?? 0, 9)
  header.writeInt32BE(remark.length, 13)
  remark.copy(header, 17)
  header.writeInt32BE(area.length, 17 + remark.length)
  area.copy(header, 21 + remark.length)
  return header
}

function binaryEntry(key: string, value: string): Buffer {
  const keyBytes = Buffer.byteLength(key)
  const valueBytes = Buffer.byteLength(value)
  const entry = Buffer.allocUnsafe(6 + keyBytes + valueBytes)
  entry.writeUInt16BE(keyBytes, 0)
  entry.write(key, 2)
  entry.writeInt32BE(valueBytes, 2 + keyBytes)
  entry.write(value, 6 + keyBytes)
  return entry
}
