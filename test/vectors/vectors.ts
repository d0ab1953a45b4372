import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

/** A frame captured between RocketMQ 5.3.3 and its clients, with what it says. */
export interface FrameVector {
  readonly name: string
  /** Links a request and its response. */
  readonly pair: number
  readonly part: 'request' | 'response'
  readonly direction: string
  readonly requestCode: number
  readonly frame: Buffer
  /** The frame's body, cut out by the header length alone. */
  readonly body: Buffer
  readonly decoded: DecodedFrame
}

/** What the capture says a frame holds. */
export interface DecodedFrame {
  readonly serializeType: 'JSON' | 'ROCKETMQ'
  readonly headerLength: number
  readonly bodyLength: number
  readonly code: number
  readonly language: string
  readonly version: number
  readonly opaque: number
  readonly flag: number
  readonly remark: string | null
  readonly extFields: Readonly<Record<string, string>> | null
  /** The body as JSON; `{nonStandardJsonText}` where JSON.parse refused it, `{text}` of settings. */
  readonly bodyJson?: unknown
  readonly bodyText?: string | null
  readonly bodyMessages?: readonly DecodedMessage[]
  readonly bodyBatch?: readonly DecodedBatchEntry[]
}

export interface DecodedMessage {
  readonly totalSize: number
  readonly magic: number
  readonly bodyCrc: number
  readonly crcOk: boolean
  readonly queueId: number
  readonly flag: number
  readonly queueOffset: number
  readonly physicalOffset: number
  readonly sysFlag: number
  readonly bornTimestamp: number
  readonly bornHost: string
  readonly storeTimestamp: number
  readonly storeHost: string
  readonly reconsumeTimes: number
  readonly preparedTransactionOffset: number
  readonly bodyLen: number
  readonly bodyHex: string
  /** null when the bytes are no UTF-8. */
  readonly bodyText: string | null
  readonly topic: string
  readonly propertiesRaw: string
  readonly properties: Readonly<Record<string, string>>
}

export interface DecodedBatchEntry {
  readonly totalSize: number
  readonly magic: number
  readonly bodyCrc: number
  readonly flag: number
  readonly bodyText: string
  readonly propertiesRaw: string
}

/** A line of a vector file that is not a frame. */
export type VectorLine = Readonly<Record<string, unknown>>

const folder = join(packageRoot(), 'test', 'vectors')

/** The lines of one vector file. */
export function vectorLines(file: string): VectorLine[] {
  const lines = readFileSync(join(folder, file), 'utf8').split('\n')
  return lines.filter((line) => line !== '').map((line) => JSON.parse(line))
}

/** Every captured frame of all files, in the order of the files' names. */
export function frameVectors(): FrameVector[] {
  const vectors: FrameVector[] = []
  for (const file of readdirSync(folder).sort()) {
    if (!file.endsWith('.jsonl')) continue
    for (const line of vectorLines(file)) if ('frameHex' in line) vectors.push(frameVector(line))
  }
  return vectors
}

function frameVector(line: VectorLine): FrameVector {
  const { frameHex, ...rest } = line
  const frame = Buffer.from(String(frameHex), 'hex')
  const body = frame.subarray(8 + frame.readUIntBE(5, 3))
  return { ...(rest as Omit<FrameVector, 'frame' | 'body'>), frame, body }
}

/**
 * Compiled tests run in dist/, the files stay with the sources: both are under the folder that holds
 * package.json.
 */
function packageRoot(): string {
  let folder = dirname(fileURLToPath(import.meta.url))
  while (!existsSync(join(folder, 'package.json'))) {
    if (dirname(folder) === folder) throw new Error('no package.json above the tests')
    folder = dirname(folder)
  }
  return folder
}
