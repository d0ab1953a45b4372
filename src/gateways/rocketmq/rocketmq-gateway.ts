import type { Authority } from '../../auth/authority.ts'
import type { Endpoint } from '../../base/host.ts'
import type { Turn } from '../../base/turn.ts'
import type { Broker } from '../../broker/broker.ts'
import { CLIENT_BODY_BYTES_MAX } from '../../protocol/json-fields.ts'
import type { HandlerFamily } from '../../protocol/request.ts'
import { RequestCode } from '../../protocol/request-code.ts'
import type { RequestSigner } from '../../protocol/signature.ts'
import type { ConnectionBudget } from '../../remoting/connection-budget.ts'
import { RemotingClient } from '../../remoting/remoting-client.ts'
import { RemotingServer } from '../../remoting/remoting-server.ts'
import { RequestDispatcher } from '../../remoting/request-dispatcher.ts'
import { assignmentHandlers } from './assignments.ts'
import { type BrokerConfigPort, brokerConfigHandlers } from './broker-config.ts'
import { brokerInfoHandlers } from './broker-info.ts'
import { BrokerRegistration, type RegistrationSettings } from './broker-registration.ts'
import { ClientChannels } from './client-channels.ts'
import { clientHandlers, notifyGroupChanges } from './clients.ts'
import { connectionHandlers } from './connections.ts'
import { consumeProgressHandlers } from './consume-progress.ts'
import { groupHandlers } from './groups.ts'
import { lockHandlers } from './locks.ts'
import { messageHandlers } from './messages.ts'
import { consumerOffsetHandlers, queueOffsetHandlers } from './offsets.ts'
import { PopHandlers } from './pop.ts'
import { popAckHandlers } from './pop-acks.ts'
import { popLookHandlers } from './pop-looks.ts'
import { PopNotices } from './pop-notices.ts'
import { PullHandlers } from './pull.ts'
import { QuotaThrottle } from './quota-throttle.ts'
import { recallHandlers } from './recall.ts'
import { recordTopic } from './record-topic.ts'
import { replyHandlers } from './replies.ts'
import { RequestGuard } from './request-guard.ts'
import { retryHandlers } from './retry.ts'
import { sendHandlers } from './send.ts'
import { SendAnswerForm, sendErrorFields } from './send-answers.ts'
import { TopicQueues } from './topic-queues.ts'
import { topicHandlers } from './topics.ts'
import { askProducers, transactionHandlers } from './transactions.ts'

/** The send requests, whose error replies carry fields of their own. */
const SEND_CODES = [
  ...[RequestCode.SEND_MESSAGE, RequestCode.SEND_MESSAGE_V2, RequestCode.SEND_BATCH_MESSAGE],
  ...[RequestCode.SEND_REPLY_MESSAGE, RequestCode.SEND_REPLY_MESSAGE_V2],
]

/** Requests off the hot path whose bodies are messages; of the others the largest are lists of topics or groups. */
const MESSAGE_BODIES: ReadonlySet<number> = new Set([
  RequestCode.SEND_REPLY_MESSAGE,
  RequestCode.SEND_REPLY_MESSAGE_V2,
])

/** What the door of a broker is made from. */
export interface RocketmqGatewayParts {
  readonly turn: Turn
  readonly config: BrokerConfigPort
  /** Shared by all listeners of the process. */
  readonly budget: ConnectionBudget
  /** Signs what the broker asks of NameServers. */
  readonly signer: RequestSigner | undefined
}

/** The RocketMQ door of a broker: its remoting protocol on the main port and the VIP port, and its registration. */
export class RocketmqGateway {
  readonly channels: ClientChannels
  readonly #broker: Broker
  readonly #dispatcher: RequestDispatcher
  readonly #server: RemotingServer
  readonly #client: RemotingClient
  readonly #pulls: PullHandlers
  readonly #pops: PopHandlers
  readonly #popNotices: PopNotices
  readonly #topicQueues: TopicQueues
  #registration: BrokerRegistration | undefined

  constructor(broker: Broker, parts: RocketmqGatewayParts) {
    const { turn, config, budget, signer } = parts
    this.#broker = broker
    const { clock, net, log } = broker.host
    this.#dispatcher = new RequestDispatcher(log)
    this.#dispatcher.bodyBytesMax = (code) =>
      MESSAGE_BODIES.has(code) ? Number.POSITIVE_INFINITY : CLIENT_BODY_BYTES_MAX
    this.#server = new RemotingServer({
      ...{ clock, net, log, turn, dispatcher: this.#dispatcher, budget },
      onClosed: ({ id }) => this.#connectionClosed(id),
    })
    this.#client = new RemotingClient({
      ...{ clock, net, log, turn, dispatcher: new RequestDispatcher(log), signer },
    })
    this.channels = new ClientChannels(this.#server.connections)
    this.#pulls = new PullHandlers(broker)
    this.#pops = new PopHandlers(broker)
    this.#popNotices = new PopNotices(broker)
    this.#topicQueues = new TopicQueues(broker, this.#client)
    broker.arrivals.onPopped = (queue) => {
      this.#pops.held.arrived(queue)
      this.#popNotices.held.arrived(queue)
    }
    broker.pops.onFree = (queue) => {
      this.#pops.held.freed(queue)
      this.#popNotices.held.freed(queue)
    }
    this.#addHandlers(config)
    notifyGroupChanges(broker, this.channels)
    askProducers(broker, this.channels)
    broker.onClientsExpired = (connectionIds) => {
      for (const connectionId of connectionIds) this.channels.close(connectionId)
    }
  }

  /** Adds handlers of further request codes. @throws MqError internal when a code is claimed twice */
  add(family: HandlerFamily): void {
    this.#dispatcher.add(family)
  }

  /** From now on only those requests are handled that the authority allows. */
  protect(authority: Authority): void {
    const { host, settings, store } = this.#broker
    this.#dispatcher.guard = new RequestGuard({
      authority,
      clusterName: settings.brokerClusterName,
      topicOfRecord: (physicalOffset) => recordTopic(store, physicalOffset),
      ...{ clock: host.clock, log: host.log },
    })
  }

  /** The broker's quotas have changed. */
  quotasChanged(): void {
    const { quotas, host } = this.#broker
    const dispatcher = this.#dispatcher
    const isNeeded = quotas.has('send') || quotas.has('pull')
    const isSigned = (): boolean => dispatcher.guard !== undefined
    dispatcher.throttle = isNeeded
      ? new QuotaThrottle({ quotas, clock: host.clock, sink: dispatcher, isSigned })
      : undefined
  }

  /** Codes that are answered. */
  get codes(): number[] {
    return this.#dispatcher.codes
  }

  /** Listens. @returns where, with the port that was taken @throws MqError portTaken */
  async listen(at: Endpoint): Promise<Endpoint> {
    return this.#server.listen(at)
  }

  /** Registers with the NameServers from now on. @returns how many have taken it */
  async register(settings: RegistrationSettings): Promise<number> {
    this.#topicQueues.namesrvAddrs = settings.namesrvAddrs
    this.#registration = new BrokerRegistration(this.#broker, this.#client, settings)
    return this.#registration.start()
  }

  /** Leaves the NameServers, takes no more connections and answers what waits. */
  async close(): Promise<void> {
    await this.#registration?.stop()
    this.#dispatcher.isShuttingDown = true
    this.#pulls.stop()
    this.#pops.stop()
    this.#popNotices.stop()
    await this.#server.close()
    await this.#client.close()
  }

  #addHandlers(config: BrokerConfigPort): void {
    const dispatcher = this.#dispatcher
    const broker = this.#broker
    const fields = sendErrorFields(broker)
    dispatcher.errorFields = {
      ...Object.fromEntries(SEND_CODES.map((code) => [code, fields])),
      [RequestCode.RECALL_MESSAGE]: { MSG_REGION: broker.settings.regionId },
    }
    const form = new SendAnswerForm(broker)
    dispatcher.addFast(sendHandlers(broker, form))
    dispatcher.addFast(this.#pulls.handlers)
    dispatcher.addFast(this.#pops.handlers)
    dispatcher.addFast(this.#popNotices.handlers)
    dispatcher.addFast(popAckHandlers(broker))
    dispatcher.addFast(consumerOffsetHandlers(broker))
    for (const family of [
      queueOffsetHandlers(broker),
      clientHandlers(broker),
      lockHandlers(broker),
      popLookHandlers(broker, (queue) => this.#pops.countOf(queue)),
      assignmentHandlers(broker, this.#topicQueues),
      topicHandlers(broker),
      groupHandlers(broker),
      connectionHandlers(broker, this.channels),
      consumeProgressHandlers(broker, this.channels),
      brokerInfoHandlers(broker),
      brokerConfigHandlers(config),
      messageHandlers(broker),
      retryHandlers(broker),
      recallHandlers(broker),
      transactionHandlers(broker),
      replyHandlers(broker, this.channels, form),
    ]) {
      dispatcher.add(family)
    }
  }

  #connectionClosed(connectionId: number): void {
    this.#pulls.connectionClosed(connectionId)
    this.#pops.held.connectionClosed(connectionId)
    this.#popNotices.held.connectionClosed(connectionId)
    this.#broker.clients.connectionClosed(connectionId)
  }
}
