import { MqError } from '../base/errors.ts'
import type { Logger } from '../base/host.ts'
import { encodeBrokerMemberGroup, encodeClusterInfo } from '../protocol/cluster-info.ts'
import { decodeDataVersion, encodeDataVersion, isSameVersion } from '../protocol/data-version.ts'
import { encodeKvTable } from '../protocol/kv-table.ts'
import { decodeRegisterBrokerBody } from '../protocol/register-broker-body.ts'
import type { HandlerFamily, Reply, Request } from '../protocol/request.ts'
import { RequestCode } from '../protocol/request-code.ts'
import { ResponseCode } from '../protocol/response-code.ts'
import type { BrokerRegistration, RegisterOutcome } from './broker-registration.ts'
import type { BrokerAddress, RouteTable } from './route-table.ts'

/** What brokers' requests need. */
export interface BrokerPort {
  readonly routes: RouteTable
  /** Monotonic. */
  nowMs(): number
  /** Order configuration of all topics, when registrations are answered with it. */
  orderTopicConfs(): ReadonlyMap<string, string> | undefined
  readonly log: Logger
}

/** How brokers come, stay and go. */
export function brokerHandlers(port: BrokerPort): HandlerFamily {
  const { routes, log } = port
  return {
    [RequestCode.REGISTER_BROKER]: (request) => {
      const registration = registrationOf(request)
      const outcome = routes.register(registration, port.nowMs())
      logOutcome(log, registration, outcome)
      return registeredReply(outcome, port.orderTopicConfs())
    },
    [RequestCode.UNREGISTER_BROKER]: (request) => {
      const address = brokerAddressOf(request)
      routes.unregister([address])
      log.info(address, 'broker unregistered')
      return {}
    },
    [RequestCode.BROKER_HEARTBEAT]: (request) => {
      routes.heartbeat(brokerAddressOf(request), port.nowMs())
      return {}
    },
    [RequestCode.QUERY_DATA_VERSION]: (request) => {
      const address = brokerAddressOf(request)
      const theirs = decodeDataVersion(request.body)
      const ours = routes.dataVersionOf(address)
      routes.heartbeat(address, port.nowMs())
      const isChanged = ours === undefined || !isSameVersion(ours, theirs)
      return { extFields: { changed: String(isChanged) }, ...(ours && { body: encodeDataVersion(ours) }) }
    },
    [RequestCode.GET_BROKER_CLUSTER_INFO]: () => ({ body: encodeClusterInfo(routes.clusterInfo()) }),
    [RequestCode.GET_BROKER_MEMBER_GROUP]: (request) => {
      const group = routes.memberGroup(request.text('clusterName'), request.text('brokerName'))
      return { body: encodeBrokerMemberGroup(group) }
    },
  }
}

function brokerAddressOf(request: Request): BrokerAddress {
  return { brokerName: request.text('brokerName'), address: request.text('brokerAddr') }
}

function registrationOf(request: Request): BrokerRegistration {
  const form = {
    compressed: request.boolean('compressed'),
    bodyCrc32: request.optionalInteger('bodyCrc32', 0),
    brokerVersion: request.version,
  }
  const brokerId = request.integer('brokerId')
  if (brokerId < 0) throw new MqError('invalidParameter', `brokerId ${brokerId} is negative`)
  return {
    clusterName: request.text('clusterName'),
    brokerName: request.text('brokerName'),
    brokerId,
    brokerAddr: request.text('brokerAddr'),
    haServerAddr: request.text('haServerAddr'),
    zoneName: request.optionalText('__ZONE_NAME'),
    enableActingMaster:
      request.optionalText('enableActingMaster') === undefined
        ? undefined
        : request.boolean('enableActingMaster'),
    timeoutMs: request.optionalInteger('heartbeatTimeoutMillis', undefined),
    topics: decodeRegisterBrokerBody(request.body, form).topics,
    peerId: request.peer.id,
  }
}

function registeredReply(outcome: RegisterOutcome, confs: ReadonlyMap<string, string> | undefined): Reply {
  // The text of RocketMQ; brokers log it and come again with all their topics.
  if (outcome.status === 'refused')
    return { code: ResponseCode.SYSTEM_ERROR, remark: 'register broker failed' }
  const master = outcome.status === 'registered' ? outcome.master : undefined
  return {
    ...(master && { extFields: { haServerAddr: master.haServerAddr, masterAddr: master.address } }),
    ...(confs && { body: encodeKvTable(confs) }),
  }
}

function logOutcome(log: Logger, registration: BrokerRegistration, outcome: RegisterOutcome): void {
  const { clusterName, brokerName, brokerId, brokerAddr, topics } = registration
  const fields = { clusterName, brokerName, brokerId, brokerAddr, topics: topics.topicConfigTable.size }
  if (outcome.status === 'refused')
    log.warn(fields, 'registration of a topic refused: the broker is not known yet')
  else if (outcome.status === 'ignored') {
    log.warn(
      { ...fields, kept: outcome.keptAddress },
      'registration ignored: another address holds this id with a newer state',
    )
  } else if (outcome.replaced !== undefined) {
    log.warn({ ...fields, replaced: outcome.replaced }, 'broker took over the id of another address')
  } else if (outcome.isFirst) log.info(fields, 'broker registered')
}
