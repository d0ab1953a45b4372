import type { Client } from './client.ts'
import type { Consumer } from './consumer.ts'
import type { ConsumerOptions } from './consumer-options.ts'
import type { ReceivedMessage } from './received-message.ts'
import type { TestBroker } from './test-broker.ts'
import { TestCluster } from './test-cluster.ts'

/** One broker with a topic, a client that sends to it, and what it has sent. */
export class Shop {
  readonly cluster: TestCluster
  readonly client: Client

  constructor(cluster: TestCluster, client: Client) {
    this.cluster = cluster
    this.client = client
  }

  static async open(queueCount = 4, ...brokerNames: string[]): Promise<Shop> {
    const cluster = await TestCluster.of(...(brokerNames.length > 0 ? brokerNames : ['a']))
    cluster.topic('orders', queueCount)
    return new Shop(cluster, await cluster.client())
  }

  async send(count: number, options: { queueIndex?: number; tag?: string } = {}): Promise<void> {
    const producer = this.client.producer()
    const { tag, ...choice } = options
    for (let i = 0; i < count; i++) {
      const message = { topic: 'orders', body: String(i), ...(tag !== undefined && { tag }) }
      await this.cluster.result(producer.send(message, choice))
    }
  }

  consumer(options: Partial<ConsumerOptions> = {}, client = this.client): Consumer {
    return client.consumer({ group: 'g', topic: 'orders', from: 'earliest', ...options })
  }

  get broker(): TestBroker {
    return this.cluster.broker('a')
  }
}

/** Runs a consumer that notes what it handles. */
export function note(consumer: Consumer): ReceivedMessage[] {
  const seen: ReceivedMessage[] = []
  void consumer.run((message) => {
    seen.push(message)
  })
  return seen
}

/** Their bodies. */
export const texts = (messages: readonly ReceivedMessage[]): string[] => messages.map(({ text }) => text)
