import type { Authority, Principal } from '../../auth/authority.ts'
import type { Access } from '../../auth/policy.ts'
import { MqError } from '../../base/errors.ts'
import type { Clock, Logger } from '../../base/host.ts'
import type { HeaderScan } from '../../protocol/header-scan.ts'
import { RequestCode, requestCodeName } from '../../protocol/request-code.ts'
import { ACCESS_KEY, isSigned } from '../../protocol/signature.ts'
import type { RemotingConnection } from '../../remoting/remoting-connection.ts'
import type { Guard } from '../../remoting/request-dispatcher.ts'
import { rightOf } from './rights.ts'

/** Longest access key that is looked up. */
const ACCESS_KEY_LENGTH_MAX = 256

/** Refusals are logged this often at most: whoever is refused could fill the disk otherwise. */
const REFUSAL_LOG_INTERVAL_MS = 1000

/** What brokers say of themselves again and again: nothing for the audit. */
const routine: ReadonlySet<number> = new Set([
  ...[RequestCode.REGISTER_BROKER, RequestCode.QUERY_DATA_VERSION, RequestCode.BROKER_HEARTBEAT],
])

type GuardedConnection = Pick<RemotingConnection, 'address' | 'remote'>

/** What the guard of a door needs. */
export interface RequestGuardParts {
  readonly authority: Authority
  readonly clusterName: string
  /** The topic that the record at an offset of the log was sent to; where there is no log, nothing. */
  readonly topicOfRecord: (physicalOffset: number) => string | undefined
  readonly clock: Clock
  readonly log: Logger
}

/**
 * Lets no request pass whose sender is not known, or may not do what it asks: signature first, then the right that is declared for
 * its code. What changes the cluster, topics, groups or rights is logged with who did it.
 */
export class RequestGuard implements Guard {
  readonly #parts: RequestGuardParts
  #refusedCount = 0
  #refusalLoggedMs = Number.NEGATIVE_INFINITY

  constructor(parts: RequestGuardParts) {
    this.#parts = parts
  }

  /** @throws MqError noPermission; what its body's codec throws when the right depends on a body that cannot be read */
  check(connection: GuardedConnection, header: HeaderScan, bodyAt: number, bodyEnd: number): void {
    const { host } = connection.remote
    const principal = this.#authenticate(connection, header, bodyAt, bodyEnd)
    const { clusterName, topicOfRecord, log } = this.#parts
    const accesses = rightOf(header.code)?.({
      get body() {
        return header.buffer.subarray(bodyAt, bodyEnd)
      },
      field: (name) => header.optionalText(name),
      topicOfRecord,
      clusterName,
    })
    if (!accesses) {
      throw this.#refusal(connection, header, `${principal.name} has no right to request ${header.code}`)
    }
    const missing = accesses.find((access) => !principal.mayDo(access, host))
    if (missing) {
      const { type, name } = missing.resource
      const text = `User:${principal.name} has no permission to access ${type}:${name} from ${host}`
      throw this.#refusal(connection, header, text)
    }
    if (!routine.has(header.code) && accesses.some(isChange)) {
      const request = requestCodeName(header.code)
      log.info({ user: principal.name, request, resources: accesses, peer: connection.address }, 'audit')
    }
  }

  #authenticate(
    connection: GuardedConnection,
    header: HeaderScan,
    bodyAt: number,
    bodyEnd: number,
  ): Principal {
    const accessKey = header.optionalText(ACCESS_KEY)
    if (accessKey === undefined || accessKey.length > ACCESS_KEY_LENGTH_MAX) {
      throw this.#refusal(connection, header, 'the request is not signed')
    }
    if (!header.hasPlainNames) throw this.#refusal(connection, header, 'a field is given twice, or escaped')
    const principal = this.#parts.authority.principal(accessKey)
    const isRight = isSigned(header, bodyAt, bodyEnd, principal?.secret ?? '')
    // whether the access key exists is nobody's business
    if (!principal || !isRight) throw this.#refusal(connection, header, 'check signature failed')
    const refusal = principal.refusal(connection.remote.host)
    if (refusal !== undefined) throw this.#refusal(connection, header, refusal)
    return principal
  }

  #refusal({ address }: GuardedConnection, { code }: HeaderScan, text: string): MqError {
    const { clock, log } = this.#parts
    this.#refusedCount++
    const nowMs = clock.monoMs()
    if (nowMs - this.#refusalLoggedMs >= REFUSAL_LOG_INTERVAL_MS) {
      log.warn({ peer: address, code, reason: text, count: this.#refusedCount }, 'requests refused')
      this.#refusedCount = 0
      this.#refusalLoggedMs = nowMs
    }
    return new MqError('noPermission', text)
  }
}

/** Whether it is about more than messages. */
function isChange({ anyOf }: Access): boolean {
  return !anyOf.includes('Sub') && anyOf.some((action) => ['Create', 'Update', 'Delete'].includes(action))
}
