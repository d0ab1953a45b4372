import type { AdminRequest, Client } from '../client/index.ts'
import { ClientError } from '../client/index.ts'
import type { RemotingCommand } from '../protocol/remoting-command.ts'
import { RequestCode, requestCodeName } from '../protocol/request-code.ts'
import { decodeTopicConfigTable, type TopicConfig } from '../protocol/topic-config.ts'

/** A broker as NameServers know it. */
export interface BrokerAddress {
  readonly cluster: string
  readonly brokerName: string
  /** 0 is the master. */
  readonly brokerId: number
  /** `host:port` */
  readonly address: string
}

/** Which brokers are meant: all masters unless one of these says otherwise. */
export interface BrokerChoice {
  readonly cluster?: string | undefined
  /** Name of a broker, or `host:port`. */
  readonly broker?: string | undefined
}

/** A cluster as an operator sees it: brokers by name, and requests to all of them. Every method throws ClientError. */
export class Cluster {
  readonly client: Client

  constructor(client: Client) {
    this.client = client
  }

  /** Asks a NameServer; header fields that are undefined are left out. */
  async namesrv(code: number, fields: Fields = {}, body?: Buffer): Promise<RemotingCommand> {
    try {
      return await this.client.admin.askNamesrv(requestOf(code, fields, body))
    } catch (error) {
      throw isUnknown(error) ? notOffered('this NameServer', code, error) : error
    }
  }

  /** Asks the broker at an address. */
  async broker(address: string, code: number, fields: Fields = {}, body?: Buffer): Promise<RemotingCommand> {
    try {
      return await this.client.admin.ask(address, requestOf(code, fields, body))
    } catch (error) {
      throw isUnknown(error) ? notOffered(`server ${address}`, code, error) : error
    }
  }

  /** Asks each NameServer that was given. */
  async eachNamesrv(code: number, fields: Fields = {}, body?: Buffer): Promise<Map<string, RemotingCommand>> {
    const answers = new Map<string, RemotingCommand>()
    for (const address of this.client.admin.namesrvAddresses)
      answers.set(address, await this.broker(address, code, fields, body))
    return answers
  }

  /** All brokers, by cluster, name and id. */
  async brokers(): Promise<BrokerAddress[]> {
    const { brokerAddrTable } = await this.client.admin.clusterInfo()
    return [...brokerAddrTable.values()]
      .flatMap(({ cluster, brokerName, brokerAddrs }) =>
        [...brokerAddrs].map(([brokerId, address]) => ({ cluster, brokerName, brokerId, address })),
      )
      .sort(compareBrokers)
  }

  /** The brokers that are meant, replicas included. @throws ClientError notFound when there is none */
  async chosen({ cluster, broker }: BrokerChoice): Promise<BrokerAddress[]> {
    if (broker?.includes(':')) return [{ cluster: '', brokerName: broker, brokerId: 0, address: broker }]
    const all = await this.brokers()
    const found = all.filter(
      (each) =>
        (cluster === undefined || each.cluster === cluster) &&
        (broker === undefined || each.brokerName === broker),
    )
    if (found.length > 0) return found
    const wanted = [cluster !== undefined && `cluster ${cluster}`, broker !== undefined && `broker ${broker}`]
    const there = all.map((each) => `${each.brokerName} of ${each.cluster}`).join(', ')
    throw new ClientError(
      'notFound',
      `there is no ${wanted.filter(Boolean).join(', ') || 'broker'}; registered: ${there || 'none'}`,
    )
  }

  /** The masters that are meant. @throws ClientError notFound when there is none */
  async masters(choice: BrokerChoice = {}): Promise<BrokerAddress[]> {
    const masters = (await this.chosen(choice)).filter(({ brokerId }) => brokerId === 0)
    if (masters.length > 0) return masters
    throw new ClientError('notFound', 'none of these brokers has a master')
  }

  /** One of the masters that are meant. @throws ClientError notFound when there is none */
  async firstMaster(choice: BrokerChoice = {}): Promise<BrokerAddress> {
    return (await this.masters(choice))[0] as BrokerAddress
  }

  /** The masters that hold a topic. @throws ClientError topicNotExist */
  async mastersOf(topic: string): Promise<BrokerAddress[]> {
    const { brokerDatas } = await this.client.admin.route(topic)
    return brokerDatas
      .flatMap(({ cluster, brokerName, brokerAddrs }) => {
        const address = brokerAddrs.get(0)
        return address === undefined ? [] : [{ cluster, brokerName, brokerId: 0, address }]
      })
      .sort(compareBrokers)
  }

  /** A topic as a broker has it; undefined where it does not. */
  async topicConfig(address: string, topic: string): Promise<TopicConfig | undefined> {
    const { body } = await this.broker(address, RequestCode.GET_ALL_TOPIC_CONFIG)
    return decodeTopicConfigTable(body).topicConfigTable.get(topic)
  }
}

/** Header fields of a request; undefined ones are left out. */
export type Fields = Readonly<Record<string, string | number | boolean | undefined>>

function requestOf(code: number, fields: Fields, body: Buffer | undefined): AdminRequest {
  const extFields = Object.fromEntries(
    Object.entries(fields).flatMap(([name, value]) => (value === undefined ? [] : [[name, String(value)]])),
  )
  return { code, extFields, ...(body && { body }) }
}

function isUnknown(error: unknown): error is ClientError {
  return error instanceof ClientError && error.code === 'notSupported'
}

/** Servers name the number alone. */
function notOffered(who: string, code: number, cause: ClientError): ClientError {
  const { responseCode } = cause
  const options = { cause, ...(responseCode !== undefined && { responseCode }) }
  return new ClientError('notSupported', `${who} does not know ${requestCodeName(code) ?? code}`, options)
}

function compareBrokers(one: BrokerAddress, other: BrokerAddress): number {
  const left = `${one.cluster}\0${one.brokerName}`
  const right = `${other.cluster}\0${other.brokerName}`
  if (left === right) return one.brokerId - other.brokerId
  return left < right ? -1 : 1
}
