import { deflateSync, inflateSync } from 'node:zlib'
import { MqError } from '../base/errors.ts'
import { int32At } from './big-endian.ts'
import { ClientVersion } from './client-version.ts'
import { bodyCrc } from './crc32.ts'
import { DATA_VERSION_ZERO, dataVersionJson, readDataVersion } from './data-version.ts'
import { type FastJson, readFastJson } from './fastjson.ts'
import { fastJsonBytes } from './fastjson-writer.ts'
import { JsonFields } from './json-fields.ts'
import {
  parseTopicConfigText,
  readTopicConfigTable,
  type TopicConfig,
  type TopicConfigTable,
  topicConfigTableJson,
  topicConfigText,
} from './topic-config.ts'

/** Most bytes that a compressed registration may inflate to: room for some 400,000 topics. */
export const REGISTRATION_BYTES_MAX = 32 * 1024 * 1024

/** What a broker tells a name server about its topics: the body of REGISTER_BROKER. */
export interface RegisterBrokerBody {
  /** All topics, or after a change only those that changed: the name server merges. */
  readonly topics: TopicConfigTable
  /** Dead feature: addresses of filter servers. */
  readonly filterServerList: readonly string[]
}

/** How the header says the body is written. */
export interface RegistrationForm {
  readonly compressed: boolean
  /** `bodyCrc` of the body as sent; 0 means nobody computed it. */
  readonly bodyCrc32: number
  /** Ordinal of the broker's release: from 5.0.0 on a compressed body ends with its queue mappings. */
  readonly brokerVersion: number
}

/**
 * Writes the body of REGISTER_BROKER, as JSON or, compressed, as the zlib stream of
 *
 *     int32 length, data version as JSON
 *     int32 count of topics, then int32 length, `topicConfigText` each
 *     int32 length, filter servers as JSON
 *     int32 count of mappings, then int32 length, JSON each
 */
export function encodeRegisterBrokerBody(body: RegisterBrokerBody, compressed: boolean): Buffer {
  if (!compressed) {
    return fastJsonBytes({
      filterServerList: body.filterServerList,
      topicConfigSerializeWrapper: topicConfigTableJson(body.topics),
    })
  }
  const { dataVersion, topicConfigTable, topicQueueMappingInfoMap } = body.topics
  const parts = withLength(fastJsonBytes(dataVersionJson(dataVersion)))
  parts.push(int32Bytes(topicConfigTable.size))
  for (const config of topicConfigTable.values())
    parts.push(...withLength(Buffer.from(topicConfigText(config))))
  parts.push(...withLength(fastJsonBytes(body.filterServerList)), int32Bytes(topicQueueMappingInfoMap.size))
  for (const mapping of topicQueueMappingInfoMap.values()) parts.push(...withLength(fastJsonBytes(mapping)))
  return deflateSync(Buffer.concat(parts), { level: 9 })
}

/**
 * Reads the body of REGISTER_BROKER. An empty one is a broker without topics.
 * @throws MqError badBody when the CRC does not match, a field is of another type, lengths contradict each
 *   other, or a compressed body inflates to more than `REGISTRATION_BYTES_MAX`
 */
export function decodeRegisterBrokerBody(body: Buffer, form: RegistrationForm): RegisterBrokerBody {
  if (form.bodyCrc32 !== 0 && bodyCrc(body) !== form.bodyCrc32) {
    throw new MqError('badBody', `registration with crc32 ${bodyCrc(body)} does not match ${form.bodyCrc32}`)
  }
  if (body.length === 0) return { topics: EMPTY_TOPICS, filterServerList: [] }
  if (form.compressed) return new CompressedRegistration(inflated(body)).read(form.brokerVersion)
  const fields = JsonFields.ofBody(body, 'registration')
  const topics = fields.optionalObject('topicConfigSerializeWrapper')
  return {
    topics: topics === undefined ? EMPTY_TOPICS : readTopicConfigTable(topics),
    filterServerList: fields.texts('filterServerList'),
  }
}

const EMPTY_TOPICS: TopicConfigTable = {
  topicConfigTable: new Map(),
  dataVersion: DATA_VERSION_ZERO,
  mappingDataVersion: DATA_VERSION_ZERO,
  topicQueueMappingInfoMap: new Map(),
  topicQueueMappingDetailMap: new Map(),
}

/** One reading of the inflated form from its beginning to its end. */
class CompressedRegistration {
  readonly #source: Buffer
  #at = 0

  constructor(source: Buffer) {
    this.#source = source
  }

  read(brokerVersion: number): RegisterBrokerBody {
    const dataVersion = readDataVersion(JsonFields.ofBody(this.#piece(), 'registration.dataVersion'))
    const topicConfigTable = new Map<string, TopicConfig>()
    for (let topics = this.#count(); topics > 0; topics--) {
      const config = parseTopicConfigText(this.#piece().toString('utf8'))
      topicConfigTable.set(config.topicName, config)
    }
    const filterServers = `{"filterServerList":${this.#piece()}}`
    const filterServerList = JsonFields.ofBody(Buffer.from(filterServers), 'registration').texts(
      'filterServerList',
    )
    const topicQueueMappingInfoMap = brokerVersion < ClientVersion.V5_0_0 ? new Map() : this.#mappings()
    const topics = { ...EMPTY_TOPICS, dataVersion, topicConfigTable, topicQueueMappingInfoMap }
    return { topics, filterServerList }
  }

  #mappings(): Map<string, FastJson> {
    const mappings = new Map<string, FastJson>()
    for (let count = this.#count(); count > 0; count--) {
      const fields = new JsonFields({ mapping: readFastJson(this.#piece().toString('utf8')) }, 'registration')
      mappings.set(fields.object('mapping').text('topic'), fields.raw('mapping'))
    }
    return mappings
  }

  /** A count of pieces, each of which takes four bytes at least. */
  #count(): number {
    const count = this.#int32()
    if (count < 0 || count > (this.#source.length - this.#at) / 4) {
      throw new MqError(
        'badBody',
        `registration with ${count} entries in ${this.#source.length - this.#at} bytes`,
      )
    }
    return count
  }

  #piece(): Buffer {
    const length = this.#int32()
    if (length < 0 || length > this.#source.length - this.#at) {
      throw new MqError(
        'badBody',
        `registration with a part of ${length} bytes, ${this.#source.length - this.#at} left`,
      )
    }
    this.#at += length
    return this.#source.subarray(this.#at - length, this.#at)
  }

  #int32(): number {
    if (this.#source.length - this.#at < 4) throw new MqError('badBody', 'registration ends within a length')
    this.#at += 4
    return int32At(this.#source, this.#at - 4)
  }
}

function inflated(body: Buffer): Buffer {
  try {
    return inflateSync(body, { maxOutputLength: REGISTRATION_BYTES_MAX })
  } catch (cause) {
    throw new MqError('badBody', `registration of ${body.length} bytes cannot be inflated`, { cause })
  }
}

function withLength(bytes: Buffer): Buffer[] {
  return [int32Bytes(bytes.length), bytes]
}

function int32Bytes(value: number): Buffer {
  const bytes = Buffer.alloc(4)
  bytes.writeInt32BE(value)
  return bytes
}
